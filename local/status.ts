/** What of a local installation runs. */
import { componentProcesses } from "#controlplane/leftovers.ts";
import { type Layout, remembered } from "./state-directory.ts";

export interface Running {
  components: { name: string; pid: number | undefined }[];
  missing: string[];
}

const CONTROL_PLANE = ["etcd", "kube-apiserver", "kube-controller-manager", "kwok"];

export async function whatRuns(state: Layout): Promise<Running> {
  const memory = await remembered(state);
  const processes = [
    ...(await componentProcesses(state.controlplane)),
    ...(await componentProcesses(state.directory)),
  ];
  const wanted = memory?.foreign === undefined ? [...CONTROL_PLANE, "issuer", "hoop"] : ["hoop"];
  const components = wanted.map((name) => ({ name, pid: processes.find((one) => one.name === name)?.pid }));
  return { components, missing: components.filter(({ pid }) => pid === undefined).map(({ name }) => name) };
}

/** Prints it; 0 when all runs, 3 (as an init script's status) when not. */
export function printStatus(state: Layout, running: Running): number {
  console.log(`state directory: ${state.directory}`);
  for (const { name, pid } of running.components)
    console.log(`${name.padEnd(24)} ${pid === undefined ? "not running" : `running, process ${pid}`}`);
  return running.missing.length === 0 ? 0 : 3;
}

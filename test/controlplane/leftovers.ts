import { readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { commandLine, processIdentity } from "./process-identity.ts";

/** A living process of a control plane, known by its pid file. */
export interface ComponentProcess {
  readonly name: string;
  readonly pid: number;
  /** Names this very process, see process-identity. */
  readonly identity: string;
  readonly commandLine: string;
}

/** The pid file of a component, in the control plane's directory. */
export const pidFile = (directory: string, name: string): string => join(directory, "pids", `${name}.pid`);

/** The pid in a file; NaN where there is none. */
export const pidIn = async (file: string): Promise<number> =>
  readFile(file, "utf8").then(
    (text) => Number.parseInt(text, 10),
    () => Number.NaN,
  );

/**
 * The component's process as its pid file has it. The pid may have gone to another process since, so its command
 * line must be that program's and name the directory.
 */
export const componentProcess = async (
  directory: string,
  name: string,
): Promise<ComponentProcess | undefined> => {
  const pid = await pidIn(pidFile(directory, name));
  const line = commandLine(pid) ?? "";
  const identity = processIdentity(pid);
  // A program of that name, or one that is run by its settings: `node main.ts --config DIRECTORY/hoop.yaml`.
  const named = line.includes(`/${name} `) || line.includes(`/${name}.`);
  const ours = named && line.includes(`${directory}/`);
  return ours && identity !== undefined ? { name, pid, identity, commandLine: line } : undefined;
};

/** Every living process of the control plane in `directory`, whoever started it. */
export const componentProcesses = async (directory: string): Promise<ComponentProcess[]> => {
  const files = await readdir(join(directory, "pids")).catch(() => []);
  const names = files.filter((file) => file.endsWith(".pid")).map((file) => file.slice(0, -".pid".length));
  const found = await Promise.all(names.map((name) => componentProcess(directory, name)));
  return found.filter((process_) => process_ !== undefined);
};

/** Whether that very process still lives. */
export const lives = ({ pid, identity }: Pick<ComponentProcess, "pid" | "identity">): boolean =>
  processIdentity(pid) === identity;

const signal = (target: Pick<ComponentProcess, "pid" | "identity">, name: "SIGTERM" | "SIGKILL"): void => {
  if (!lives(target)) return;
  try {
    process.kill(target.pid, name);
  } catch {
    // ended in between
  }
};

const gone = async (
  target: Pick<ComponentProcess, "pid" | "identity">,
  withinMs: number,
): Promise<boolean> => {
  const deadline = Date.now() + withinMs;
  while (lives(target)) {
    if (Date.now() > deadline) return false;
    await delay(10);
  }
  return true;
};

/** How long a component is given to end by itself: open watches keep an API server for a minute, which has nothing to lose. */
export const graceMs = (name: string): number => (name === "kube-apiserver" ? 1_000 : 10_000);

/** SIGTERM, and SIGKILL once `grace` milliseconds are over (at once for 0); resolves when the process is gone. */
export const endProcess = async (
  target: Pick<ComponentProcess, "pid" | "identity">,
  grace: number,
): Promise<void> => {
  if (grace > 0) {
    signal(target, "SIGTERM");
    if (await gone(target, grace)) return;
  }
  signal(target, "SIGKILL");
  if (!(await gone(target, 30_000))) throw new Error(`process ${target.pid} does not end`);
};

const clientsFirst = ["kwok", "kube-controller-manager", "kube-apiserver", "etcd"];

/** Ends every process of the control plane in `directory`, whoever started it. Its data stays. */
export const stopControlPlane = async (directory: string): Promise<void> => {
  const processes = await componentProcesses(directory);
  processes.sort((a, b) => clientsFirst.indexOf(a.name) - clientsFirst.indexOf(b.name));
  for (const process_ of processes) {
    await endProcess(process_, graceMs(process_.name));
    await rm(pidFile(directory, process_.name), { force: true });
  }
};

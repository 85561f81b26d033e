/** A kube-apiserver that serves the resource twice: by itself, and through us. */
import { setTimeout as delay } from "node:timers/promises";
import { type ControlPlane, startControlPlane } from "#controlplane/controlplane.ts";
import { type Wire, wireOf } from "./exchange.ts";
import { type Found, type Judgement, type Outcome, runSteps } from "./run-steps.ts";
import { Side } from "./side.ts";
import type { Step } from "./step.ts";
import { twinDefinition } from "./twin.ts";

const THEIRS = "twin.example.com";

export interface Oracle {
  plane: ControlPlane;
  /** In a namespace of its own. */
  run(steps: readonly Step[], judge: (found: Found) => Judgement): Promise<Outcome>;
  close(): Promise<void>;
}

/** `serve` puts the resource of the group `ours` behind the control plane, and resolves with the way to end that. */
export async function startOracle(
  ours: string,
  serve: (plane: ControlPlane) => Promise<() => Promise<void>>,
): Promise<Oracle> {
  const plane = await startControlPlane();
  const stops: (() => Promise<void>)[] = [() => plane.stop()];
  const stopAll = async () => {
    for (const stop of stops.reverse()) await stop();
  };
  try {
    await defineTwin(plane, THEIRS);
    stops.push(await serve(plane));
    const wire = await wireOf(plane.adminKubeconfig);
    stops.push(async () => wire.close());
    await endingNamespace(plane);
    let runs = 0;
    return {
      plane,
      async run(steps, judge) {
        runs += 1;
        const namespace = `run-${runs}`;
        await createNamespace(wire, namespace);
        const side = (name: Side["name"], group: string) => new Side({ name, group, namespace, wire });
        return runSteps({ ours: side("ours", ours), theirs: side("theirs", THEIRS) }, steps, judge);
      },
      close: stopAll,
    };
  } catch (error) {
    await stopAll();
    throw error;
  }
}

/** As a CustomResourceDefinition; resolves when it is served. */
export async function defineTwin(plane: ControlPlane, group: string): Promise<void> {
  await must(plane, ["apply", "-f", "-"], twinDefinition(group));
  await must(plane, ["wait", "crd", `gadgets.${group}`, "--for=condition=Established", "--timeout=300s"]);
  await must(plane, ["wait", `apiservice/v1.${group}`, "--for=create", "--timeout=300s"]);
  // What it keeps at hand for lists is not there at once, and it says so with 429.
  const atHand = ["get", "--raw", `/apis/${group}/v1/gadgets?resourceVersion=0`];
  while ((await plane.kubectl(atHand)).code !== 0) await delay(100);
}

/** A namespace that is going, and never gone, as nobody finalizes it. */
async function endingNamespace(plane: ControlPlane): Promise<void> {
  await must(plane, ["create", "namespace", "ending"]);
  await must(plane, ["delete", "namespace", "ending", "--wait=false"]);
}

async function createNamespace(wire: Wire, name: string): Promise<void> {
  const { code, body } = await wire.ask({
    method: "POST",
    path: "/api/v1/namespaces",
    headers: { "content-type": "application/json", accept: "application/json" },
    body: JSON.stringify({ apiVersion: "v1", kind: "Namespace", metadata: { name } }),
  });
  if (code !== 201) throw new Error(`namespace ${name}: ${code} ${body}`);
}

async function must(plane: ControlPlane, args: string[], object?: object): Promise<string> {
  const options = object === undefined ? {} : { input: JSON.stringify(object) };
  const { code, stdout, stderr } = await plane.kubectl(args, options);
  if (code !== 0) throw new Error(`kubectl ${args.join(" ")}: ${stderr}`);
  return stdout;
}

/** What is killed, and how it comes back. */
import { setTimeout as delay } from "node:timers/promises";
import { type HoopProcess, launchProcess } from "../hoop-process.ts";
import type { Testbed } from "../testbed.ts";
import { type Caller, insist } from "./caller.ts";
import type { Kill, Victim } from "./evidence.ts";
import type { Fault } from "./plan.ts";

interface Mortal {
  kill(): Promise<void>;
  /** Resolves when it serves. */
  start(): Promise<void>;
}

export type Victims = Record<Victim, Mortal>;

/** The testbed's own Hoop must be stopped. What a Hoop has logged goes to `logs` when it has ended. */
export function victimsOf(bed: Testbed, admin: Caller, logs: string[]): Victims {
  let hoop: HoopProcess | undefined;
  return {
    hoop: {
      kill: async () => {
        hoop?.child.kill("SIGKILL");
        if (hoop !== undefined) logs.push((await hoop.ended).log);
        hoop = undefined;
      },
      // As a StatefulSet does: until it stays.
      start: async () => {
        for (let attempt = 1; hoop === undefined; attempt++) {
          const launched = await launchProcess(bed);
          if (await launched.serves) {
            hoop = launched;
            return noticed(admin);
          }
          logs.push((await launched.ended).log);
          if (attempt === 20) throw new Error(`Hoop does not start: ${logs.at(-1)}`);
          await delay(250);
        }
      },
    },
    "kube-apiserver": bed.controlPlane.apiserver,
    etcd: bed.controlPlane.etcd,
  };
}

/**
 * In a cluster the API server looks whether an aggregated API is back as soon as its Service has endpoints again. Here
 * it has none to watch, and would look after a while; any change of the APIService makes it look now.
 */
async function noticed(admin: Caller): Promise<void> {
  const path = "/apis/apiregistration.k8s.io/v1/apiservices/v1alpha1.hoop.dev";
  const body = { metadata: { annotations: { "crash.test/started": new Date().toISOString() } } };
  await insist(admin, { method: "PATCH", path, body, type: "application/merge-patch+json" });
}

/** Who needs whom to start comes after it. */
const ORDER: readonly Victim[] = ["etcd", "kube-apiserver", "hoop"];

/** kill -9 of all of its victims at once; resolves when they serve again. */
export async function strike(victims: Victims, fault: Fault): Promise<Kill[]> {
  await delay(fault.after);
  const at = Date.now();
  await Promise.all(fault.victims.map((victim) => victims[victim].kill()));
  await delay(fault.down);
  const kills: Kill[] = [];
  for (const victim of ORDER.filter((name) => fault.victims.includes(name))) {
    await victims[victim].start();
    kills.push({ victim, at, back: Date.now() });
  }
  return kills;
}

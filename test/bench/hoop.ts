/** Hoop in a process of its own, so that its CPU time and memory are its own. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { parse, stringify } from "yaml";
import { claimPort } from "#controlplane/ports.ts";
import { processIdentity } from "#controlplane/process-identity.ts";
import { NODE_ENVIRONMENT, NODE_FLAGS } from "../../local/node-flags.ts";
import type { Testbed } from "../support/testbed.ts";
import { NAMESPACES } from "./registrations.ts";

export interface HoopProcess {
  pid: number;
  /** Reviews it was asked for since it started. */
  reviews(): Promise<number>;
  stop(): Promise<void>;
}

/** In place of the testbed's. `profiles`: a directory for its CPU profile, written when it ends. */
export async function hoopProcess(bed: Testbed, scratch: string, profiles: string): Promise<HoopProcess> {
  await bed.stopHoop();
  const web = await claimPort();
  const { listen, ...settings } = parse(bed.settingsYaml) as { listen: object };
  const file = join(scratch, "hoop.yaml");
  await writeFile(file, stringify({ ...settings, listen: { ...listen, web } }), { mode: 0o600 });
  const main = join(import.meta.dirname, "..", "..", "main.ts");
  const profiling = profiles === "" ? [] : ["--cpu-prof", `--cpu-prof-dir=${profiles}`];
  const child = spawn(process.execPath, [...NODE_FLAGS, ...profiling, main, "--config", file], {
    stdio: "ignore",
    env: { ...process.env, ...NODE_ENVIRONMENT, NODE_ENV: "production" },
  });
  if (child.pid === undefined) throw new Error("hoop did not start");
  const { pid } = child;
  const ended = once(child, "exit");
  const stop = async () => {
    child.kill();
    await ended;
  };
  const probe = ["create", "configmap", "probe", "-n", NAMESPACES.hoop, "--dry-run=server", "-o", "yaml"];
  for (let n = 0; n < 100 && processIdentity(pid) !== undefined; n++) {
    const asked = await bed.kubectl("agent", probe);
    if (asked.code === 0 && asked.stdout.includes("hoop.dev/agent"))
      return { pid, stop, reviews: () => counted(web) };
    await delay(200);
  }
  await stop();
  throw new Error("hoop did not become ready");
}

async function counted(port: number): Promise<number> {
  const response = await fetch(`http://127.0.0.1:${port}/metrics`);
  return sumOf(await response.text(), /^hoop_admission_duration_seconds_count(?:\{.*\})? (\S+)$/gm);
}

/** The sum of a metric's lines in a Prometheus text: those that `line` finds, with the value as its first group. */
export function sumOf(text: string, line: RegExp): number {
  return [...text.matchAll(line)].reduce((sum, [, value]) => sum + Number(value), 0);
}

/** What is killed, and how it comes back. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { type HoopProcess, launchProcess } from "../hoop-process.ts";
import type { Testbed } from "../testbed.ts";
import { type Caller, insist } from "./caller.ts";
import type { Kill, Victim } from "./evidence.ts";
import type { Fault, Point } from "./plan.ts";

interface Mortal {
  kill(): Promise<void>;
  /** Resolves when it serves. */
  start(): Promise<void>;
}

interface MortalHoop {
  /** Makes lives begin sooner. */
  prepare(): Promise<void>;
  /** Gives the step at which it had died by then, where it did. */
  kill(): Promise<string | undefined>;
  /** Lets it end by itself. */
  stop(): Promise<void>;
  /** Resolves when it serves, with the steps at which it died on the way. */
  start(point?: Point): Promise<string[]>;
  /** Resolves when a life ends that was to end at a step. */
  died(): Promise<void>;
  /** Steps it was seen to come to. */
  steps(): string[];
}

export type Victims = Record<Exclude<Victim, "hoop">, Mortal> & { hoop: MortalHoop };

const MAIN = join(import.meta.dirname, "..", "..", "..", "main.ts");
const FAILPOINTS = join(import.meta.dirname, "failpoints.ts");

/** The testbed's own Hoop must be stopped. What a Hoop has logged goes to `logs` when it has ended. */
export function victimsOf(bed: Testbed, admin: Caller, logs: string[]): Victims {
  return {
    hoop: new Mortals(bed, admin, logs),
    "kube-apiserver": bed.controlPlane.apiserver,
    etcd: bed.controlPlane.etcd,
  };
}

/** Hoop's lives, one after the other. */
class Mortals implements MortalHoop {
  readonly #bed: Testbed;
  readonly #admin: Caller;
  readonly #logs: string[];
  readonly #seen: string;
  readonly #cache: string;
  #life: HoopProcess | undefined;
  /** Where it ends. */
  #step: string | undefined;

  constructor(bed: Testbed, admin: Caller, logs: string[]) {
    this.#bed = bed;
    this.#admin = admin;
    this.#logs = logs;
    this.#seen = join(bed.certificates, "..", "steps");
    this.#cache = join(bed.certificates, "..", "compiled");
  }

  async kill(): Promise<string | undefined> {
    const [life, step] = [this.#life, this.#step];
    this.#life = undefined;
    if (life === undefined) return undefined;
    const isDead = life.child.signalCode !== null;
    life.child.kill("SIGKILL");
    this.#logs.push((await life.ended).log);
    return isDead ? step : undefined;
  }

  async stop(): Promise<void> {
    const life = this.#life;
    this.#life = undefined;
    life?.child.kill("SIGTERM");
    if (life !== undefined) this.#logs.push((await life.ended).log);
  }

  /** Before the first life. */
  async prepare(): Promise<void> {
    const child = spawn(process.execPath, [MAIN, "--help"], {
      stdio: "ignore",
      env: { ...process.env, NODE_COMPILE_CACHE: this.#cache },
    });
    await once(child, "close");
  }

  /** As a StatefulSet does: until it stays. */
  async start(point?: Point): Promise<string[]> {
    const died: string[] = [];
    let next = point === undefined ? undefined : this.#stepAt(point);
    for (let attempt = 1; this.#life === undefined; attempt++) {
      const life = await this.#launch(next);
      if (await life.serves) {
        this.#life = life;
        await noticed(this.#admin);
        return died;
      }
      this.#logs.push((await life.ended).log);
      if (next !== undefined && life.child.signalCode === "SIGKILL") died.push(next);
      else if (attempt >= 20) throw new Error(`Hoop does not start: ${this.#logs.at(-1)}`);
      else await delay(250);
      next = undefined;
    }
    return died;
  }

  async died(): Promise<void> {
    if (this.#life === undefined || this.#step === undefined) return new Promise(() => undefined);
    await this.#life.ended;
  }

  steps(): string[] {
    if (!existsSync(this.#seen)) return [];
    return [...new Set(readFileSync(this.#seen, "utf8").split("\n"))].filter((step) => step !== "").sort();
  }

  #stepAt({ share, nth }: Point): string | undefined {
    const steps = this.steps();
    const step = steps[Math.floor(share * steps.length)];
    return step === undefined ? undefined : `${step}#${nth}`;
  }

  #launch(step: string | undefined): Promise<HoopProcess> {
    this.#step = step;
    const environment = {
      HOOP_STEPS: this.#seen,
      // Most of a start is to strip types, again each time; whoever is killed writes no cache, so it is written before.
      NODE_COMPILE_CACHE: this.#cache,
      ...(step === undefined ? {} : { HOOP_KILL_AT: step }),
    };
    return launchProcess(this.#bed, { flags: ["--import", FAILPOINTS], environment });
  }
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

/** kill -9 of all of its victims at once, where they have not died before; resolves when they serve again. */
export async function strike(victims: Victims, fault: Fault): Promise<Kill[]> {
  await Promise.race([delay(fault.after), victims.hoop.died()]);
  const at = Date.now();
  const ended = await Promise.all(fault.victims.map((victim) => victims[victim].kill()));
  await delay(fault.down);
  const kills: Kill[] = [];
  for (const victim of ORDER.filter((name) => fault.victims.includes(name))) {
    const again = victim === "hoop" ? await victims.hoop.start(fault.next) : await victims[victim].start();
    const step = ended[fault.victims.indexOf(victim)];
    const back = Date.now();
    kills.push({ victim, at, back, ...(typeof step === "string" ? { step } : {}) });
    for (const each of again ?? []) kills.push({ victim, at, back, step: each });
  }
  return kills;
}

import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { mkdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { guarded } from "./guard.ts";
import {
  type ComponentProcess,
  componentProcess,
  endProcess,
  graceMs,
  lives,
  pidFile,
  pidIn,
} from "./leftovers.ts";
import { processIdentity } from "./process-identity.ts";

/**
 * Whether a process ends with the process that started it (`parent`: however that ends, kill -9 included) or
 * stays (`detached`) for the next start on its directory to find.
 */
export type Lifetime = "parent" | "detached";

/** What one component's process is, asked anew at each start. */
export interface ProcessSpec {
  /** The program and its arguments; one of them names the control plane's directory. */
  readonly command: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Asked again and again while the process lives, until true. */
  readonly ready: () => Promise<boolean>;
  /** A process left by an earlier run is replaced, not adopted, although its command line is the same. */
  readonly outdated?: boolean;
}

/** One process of a control plane. */
export interface Component {
  /** Resolves when it is ready; at once when it runs. Rejects with its last log lines when it ends before that. */
  start(): Promise<void>;
  /** Ends it in its own time (SIGTERM, later SIGKILL); resolves when it is gone. */
  stop(): Promise<void>;
  /** SIGKILL; resolves when it is gone. */
  kill(): Promise<void>;
  running(): boolean;
}

export interface ComponentOptions {
  readonly name: string;
  /** The control plane's directory: pids/NAME.pid and logs/NAME.log are kept in it. */
  readonly directory: string;
  readonly lifetime: Lifetime;
  readonly spec: () => Promise<ProcessSpec>;
}

const startTimeoutMs = 120_000;

type Running = Pick<ComponentProcess, "pid" | "identity">;

const lookUp = (pid: number): Running | undefined => {
  const identity = processIdentity(pid);
  return identity === undefined ? undefined : { pid, identity };
};

/** What of `log` was written from byte `from` on, last lines only. */
const lastLines = async (log: string, from: number): Promise<string> => {
  const text = (await readFile(log)).subarray(from).toString("utf8").trimEnd();
  return text.split("\n").slice(-15).join("\n");
};

class ManagedComponent implements Component {
  readonly #options: ComponentOptions;
  readonly #pidFile: string;
  readonly #log: string;
  #running: Running | undefined;
  #starting: Promise<void> | undefined;

  constructor(options: ComponentOptions) {
    this.#options = options;
    this.#pidFile = pidFile(options.directory, options.name);
    this.#log = join(options.directory, "logs", `${options.name}.log`);
  }

  running(): boolean {
    return this.#running !== undefined && lives(this.#running);
  }

  start(): Promise<void> {
    this.#starting ??= this.#start().finally(() => {
      this.#starting = undefined;
    });
    return this.#starting;
  }

  async stop(): Promise<void> {
    await this.#end(graceMs(this.#options.name));
  }

  async kill(): Promise<void> {
    await this.#end(0);
  }

  async #end(grace: number): Promise<void> {
    const running = this.#running;
    if (running === undefined) return;
    await endProcess(running, grace);
    this.#running = undefined;
    await rm(this.#pidFile, { force: true });
  }

  async #start(): Promise<void> {
    if (this.running()) return;
    const { directory, name, lifetime, spec: ask } = this.#options;
    const spec = await ask();
    const left = await componentProcess(directory, name);
    if (left !== undefined) {
      const same = left.commandLine === spec.command.join(" ") && spec.outdated !== true;
      if (same && lifetime === "detached") {
        this.#running = left;
        const logged = await stat(this.#log).catch(() => undefined);
        return this.#untilReady(spec, left, logged?.size ?? 0);
      }
      await endProcess(left, graceMs(name));
    }
    await this.#launch(spec);
  }

  async #launch(spec: ProcessSpec): Promise<void> {
    const { directory, lifetime } = this.#options;
    await mkdir(join(directory, "pids"), { recursive: true });
    await mkdir(join(directory, "logs"), { recursive: true });
    await rm(this.#pidFile, { force: true });
    const log = openSync(this.#log, "a", 0o600);
    const logStart = (await stat(this.#log)).size;
    // No more of the environment than this: the process and what `kubectl exec` runs in it need no more.
    const env = { PATH: process.env["PATH"] ?? "/usr/bin:/bin", HOME: directory, ...spec.env };
    try {
      const child =
        lifetime === "parent"
          ? guarded(spec.command, this.#pidFile, { cwd: directory, env, log })
          : await this.#spawnDetached(spec.command, env, log);
      this.#running = await this.#launched(child, logStart);
    } finally {
      closeSync(log);
    }
    await this.#untilReady(spec, this.#running, logStart);
  }

  async #spawnDetached(
    command: readonly string[],
    env: Record<string, string>,
    log: number,
  ): Promise<ChildProcess> {
    const [program = "", ...args] = command;
    const child = spawn(program, args, {
      cwd: this.#options.directory,
      env,
      detached: true,
      stdio: ["ignore", log, log],
    });
    child.unref();
    if (child.pid !== undefined) await writeFile(this.#pidFile, `${child.pid}\n`);
    return child;
  }

  async #launched(child: ChildProcess, logStart: number): Promise<Running> {
    let failure: Error | undefined;
    child.once("error", (error) => {
      failure = error;
    });
    const deadline = Date.now() + 60_000;
    while (failure === undefined && child.exitCode === null && Date.now() < deadline) {
      const running = lookUp(await pidIn(this.#pidFile));
      if (running !== undefined) return running;
      await delay(5);
    }
    throw new Error(`${this.#options.name} did not start\n${await lastLines(this.#log, logStart)}`, {
      cause: failure,
    });
  }

  async #untilReady(spec: ProcessSpec, running: Running, logStart: number): Promise<void> {
    const deadline = Date.now() + startTimeoutMs;
    const { name } = this.#options;
    for (;;) {
      if (!lives(running)) {
        this.#running = undefined;
        throw new Error(`${name} ended before it was ready\n${await lastLines(this.#log, logStart)}`);
      }
      if (await spec.ready()) return;
      if (Date.now() > deadline) {
        const log = await lastLines(this.#log, logStart);
        await this.kill();
        throw new Error(`${name} was not ready after ${startTimeoutMs / 1000} s\n${log}`);
      }
      await delay(50);
    }
  }
}

/** A component that is not started yet. */
export const component = (options: ComponentOptions): Component => new ManagedComponent(options);

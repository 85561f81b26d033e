/** `npm start` and `npm stop` as a person runs them, on a state directory of their own. */
import { spawn } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { setTimeout as delay } from "node:timers/promises";
import { expect } from "chai";

const ROOT = join(import.meta.dirname, "..", "..");

export interface Ended {
  code: number | null;
  output: string;
}

/** A command run to its end in the repository. */
export async function ran(
  command: readonly string[],
  env: Record<string, string | undefined> = {},
): Promise<Ended> {
  const [program = "", ...args] = command;
  const child = spawn(program, args, {
    cwd: ROOT,
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", resolve);
  });
  const [code, stdout, stderr] = await Promise.all([ended, text(child.stdout), text(child.stderr)]);
  return { code, output: stdout + stderr };
}

export const npmStart = (...args: string[]) => ran(["npm", "start", "--", ...args]);
export const npmStop = (...args: string[]) => ran(["npm", "stop", "--", ...args]);

/** A name for a state directory that does not exist yet, and its removal. */
export async function stateDirectory(): Promise<{ state: string; remove: () => Promise<void> }> {
  const parent = await mkdtemp(join(tmpdir(), "hoop-local-"));
  return { state: join(parent, "state"), remove: () => rm(parent, { recursive: true, maxRetries: 5 }) };
}

/** The command lines of all processes that name the directory. */
export async function processesOf(directory: string): Promise<string[]> {
  const { output } = await ran(["ps", "-ww", "-eo", "pid=,args="]);
  return output.split("\n").filter((line) => line.includes(directory));
}

/** `what` a person would see to be missing when it never comes. */
export async function until<T>(what: string, look: () => Promise<T | undefined | false>): Promise<T> {
  const deadline = Date.now() + 300_000;
  for (;;) {
    const found = await look();
    if (found !== undefined && found !== false) return found;
    if (Date.now() > deadline) throw new Error(`waited in vain until ${what}`);
    await delay(100);
  }
}

/** kubectl as the tour tells: the installation's own bin on PATH, and one of its kubeconfigs. */
export function kubectlIn(state: string) {
  const env = (who: string) => ({
    PATH: `${join(state, "bin")}:${process.env["PATH"]}`,
    KUBECONFIG: who.includes("/") ? who : join(state, `${who}.kubeconfig`),
    KUBECACHEDIR: join(state, "kubectl-cache"),
    XDG_CACHE_HOME: join(state, "cache"),
  });
  const kubectl = (who: string, ...args: string[]) => ran([join(state, "bin", "kubectl"), ...args], env(who));
  const must = async (who: string, ...args: string[]) => {
    const { code, output } = await kubectl(who, ...args);
    expect(code, `kubectl ${args.join(" ")}: ${output}`).to.equal(0);
    return output;
  };
  /** The name of the pending approval for the target. */
  const pending = (target: string, approver = "approver") =>
    until(`${target} waits for a decision`, async () => {
      const { output } = await kubectl(approver, "hoop", "pending", "-o", "json");
      const { items } = JSON.parse(output.slice(output.indexOf("{"))) as {
        items: { metadata: { name: string }; spec: { target: { name?: string } } }[];
      };
      return items.find(({ spec }) => spec.target.name === target)?.metadata.name;
    });
  return { kubectl, must, pending };
}

/** The pids that `--status` shows, by component. */
export async function running(state: string): Promise<Map<string, number>> {
  const { output } = await npmStart("--status", "--state", state);
  return new Map(
    [...output.matchAll(/^(\S+) +running, process (\d+)$/gm)].map(([, name = "", pid]) => [
      name,
      Number(pid),
    ]),
  );
}

/** As {@link running}, after `kill -9` of one component. */
export async function killed(state: string, name: string): Promise<Map<string, number>> {
  const before = await running(state);
  process.kill(before.get(name) ?? Number.NaN, "SIGKILL");
  await until(`${name} is gone`, async () => !(await running(state)).has(name));
  return before;
}

export async function portsOf(state: string): Promise<{ api: number; webhook: number }> {
  const { ports } = JSON.parse(await readFile(join(state, "local.json"), "utf8"));
  return ports;
}

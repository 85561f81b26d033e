/** `kubectl hoop …` as a person types it: kubectl finds the plugin on PATH, and the plugin kubectl. */
import type { ChildProcessWithoutNullStreams } from "node:child_process";
import { delimiter, dirname, join } from "node:path";
import { text } from "node:stream/consumers";
import type { Ended, Testbed, Who } from "./testbed.ts";

const CLI = join(import.meta.dirname, "..", "..", "cli");

export function hoop(bed: Testbed, who: Who, args: readonly string[]): Promise<Ended> {
  return bed.kubectl(who, ["hoop", ...args], { env: pathOf(bed) });
}

/** One that is still running. */
export interface Running {
  child: ChildProcessWithoutNullStreams;
  ended: Promise<Ended>;
  /** Resolves once its standard error has said this. */
  said(words: string): Promise<void>;
}

export function startedHoop(bed: Testbed, who: Who, args: readonly string[], input = ""): Running {
  return startedKubectl(bed, who, ["hoop", ...args], {}, input);
}

/** kubectl that finds the plugin, as a command and for credentials. */
export function startedKubectl(
  bed: Testbed,
  who: Who,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
  input = "",
): Running {
  const options = { kubeconfig: bed.kubeconfig(who), env: { ...pathOf(bed), ...env } };
  const child = bed.controlPlane.spawnKubectl(args, options);
  child.stdin.end(input);
  let heard = "";
  child.stderr.on("data", (chunk: Buffer) => {
    heard += chunk.toString();
  });
  const closed = new Promise<number>((resolve) => child.once("close", (code) => resolve(code ?? 128)));
  const ended = async (): Promise<Ended> => {
    const [stdout, stderr, code] = await Promise.all([text(child.stdout), text(child.stderr), closed]);
    return { code, stdout, stderr, output: stdout + stderr };
  };
  return {
    child,
    ended: ended(),
    said: (words) =>
      new Promise((resolve, reject) => {
        const look = () => {
          if (heard.includes(words)) resolve();
        };
        child.stderr.on("data", look);
        child.once("close", () => reject(new Error(`it ended without saying ${words}: ${heard}`)));
        look();
      }),
  };
}

function pathOf(bed: Testbed): Record<string, string> {
  const path = [CLI, dirname(bed.controlPlane.kubectlPath), process.env["PATH"] ?? ""];
  return { PATH: path.join(delimiter) };
}

/** The Go program that does what controllers do, run against a control plane. */
import { type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { probe } from "#controlplane/build.ts";

export interface ProbeTarget {
  kubeconfig: string;
  group: string;
  /** By default v1. */
  version?: string;
  resource: string;
  kind: string;
  namespace: string;
}

/** One line of what the probe prints. */
export type Said = Record<string, unknown>;

/** An informer that runs. */
export interface Informer {
  /** The first thing said from now on that fits; what is said meanwhile is passed over. Rejects when it ends before. */
  until(fits: (said: Said) => boolean): Promise<Said>;
  /** Rejects unless it has gone on until now. */
  stop(): Promise<void>;
}

/** What the command says in the end; rejects unless it succeeds. */
export async function probed(command: string, target: ProbeTarget): Promise<Said> {
  const child = await started(command, target);
  const [stdout, stderr, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, "close"),
  ]);
  if (code !== 0) throw new Error(`probe ${command}: ${code} ${stderr}`);
  return JSON.parse(stdout) as Said;
}

export async function informer(
  command: "inform-dynamic" | "inform-metadata",
  target: ProbeTarget,
  { watchList }: { watchList: boolean },
): Promise<Informer> {
  const child = await started(command, target, {
    KUBE_FEATURE_WatchListClient: String(watchList),
    // A list of metadata names the kind of each item in JSON, not in protobuf, which this check takes to be spoken.
    KUBE_WATCHLIST_INCONSISTENCY_DETECTOR: String(command === "inform-dynamic"),
  });
  const complaints = text(child.stderr);
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    async until(fits) {
      for (;;) {
        const { value, done } = await lines.next();
        if (done) throw new Error(`the informer ended: ${await complaints}`);
        const said = JSON.parse(value) as Said;
        if (fits(said)) return said;
      }
    },
    async stop() {
      const closed = once(child, "close");
      child.kill("SIGINT");
      const [code] = await closed;
      if (code !== 0) throw new Error(`the informer ended with ${code}: ${await complaints}`);
    },
  };
}

async function started(
  command: string,
  { kubeconfig, group, version = "v1", resource, kind, namespace }: ProbeTarget,
  env: Record<string, string> = {},
): Promise<ChildProcessByStdio<null, Readable, Readable>> {
  const flags = Object.entries({ kubeconfig, group, version, resource, kind, namespace }).map(
    ([name, value]) => `--${name}=${value}`,
  );
  return spawn(await probe(), [...flags, command], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, ...env },
  });
}

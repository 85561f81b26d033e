/**
 * What many watches cost, and how long an event takes: a resource of the kit beside ConfigMaps, both through one real
 * kube-apiserver, in turn. Compare the two of one run; absolute numbers are this machine's.
 * `-- --watches 50 --writes 50 --seconds 3` is quick.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { startControlPlane } from "#controlplane/controlplane.ts";
import { sqliteStore } from "#store/sqlite.ts";
import { serveBehind } from "../support/kit-api.ts";
import { optionsOf } from "../support/options.ts";
import { library } from "../toy/library.ts";
import { cpuSeconds, residentMebibytes } from "./processes.ts";
import type { Measured, Task } from "./watch-client.ts";

const HELP = `npm run bench:watch -- [OPTION…]

  --watches N  (300)
  --writes N   a second (200)
  --seconds N  of each turn (10)
  --rounds N   turns of each (2)
`;

const options = optionsOf(HELP, {
  watches: { type: "string", default: "300" },
  writes: { type: "string", default: "200" },
  seconds: { type: "string", default: "10" },
  rounds: { type: "string", default: "2" },
});

const TEXT = "x".repeat(500);
const TARGETS: Record<string, { path: string; object: Task["object"] }> = {
  "ConfigMaps of kube-apiserver": {
    path: "/api/v1/namespaces/bench/configmaps",
    object: { apiVersion: "v1", kind: "ConfigMap", metadata: {}, data: { title: TEXT } } as Task["object"],
  },
  "books of the kit": {
    path: "/apis/library.example.com/v1/namespaces/bench/books",
    object: {
      ...{ apiVersion: "library.example.com/v1", kind: "Book", metadata: {} },
      spec: { title: TEXT },
    } as Task["object"],
  },
};

/** Of the process of the kit (this one) and of kube-apiserver. */
interface Usage {
  kit: { mebibytes: number; cpu: number };
  apiserver: { mebibytes: number; cpu: number };
}

async function main(): Promise<void> {
  const scratch = await mkdtemp(join(tmpdir(), "hoop-bench-"));
  // The store of the kit waits for the disk, so etcd shall too.
  const plane = await startControlPlane({ fsync: true });
  const store = await sqliteStore(join(scratch, "hoop.db"));
  try {
    const pid = Number(await readFile(join(plane.directory, "pids", "kube-apiserver.pid"), "utf8"));
    const of = (process: number) => ({ mebibytes: residentMebibytes(process), cpu: cpuSeconds(process) });
    const usage = (): Usage => ({ kit: of(process.pid), apiserver: of(pid) });
    const api = await serveBehind(plane, library(store));
    for (let round = 1; round <= Number(options.rounds); round += 1) {
      await plane.createNamespace(`bench-${round}`);
      for (const [name, { path, object }] of Object.entries(TARGETS)) {
        const task: Task = {
          ...{ url: plane.url, kubeconfig: plane.adminKubeconfig, object },
          path: path.replace("/bench/", `/bench-${round}/`),
          watches: Number(options.watches),
          writesPerSecond: Number(options.writes),
          seconds: Number(options.seconds),
        };
        print(`${name}, round ${round}`, await run(task, usage));
      }
    }
    await api.close();
  } finally {
    await plane.stop();
    await store.close();
    await rm(scratch, { recursive: true, force: true });
  }
}

interface Outcome {
  measured: Measured;
  idle: Usage;
  watching: Usage;
  over: Usage;
}

async function run(task: Task, usage: () => Usage): Promise<Outcome> {
  const idle = usage();
  const program = join(import.meta.dirname, "watch-client.ts");
  const child = spawn(process.execPath, [program, JSON.stringify(task)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const ended = once(child, "exit");
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const next = async () => {
    const { value, done } = await lines.next();
    if (done) throw new Error("the clients ended early");
    return value;
  };
  await next();
  const watching = usage();
  const measured: Measured = JSON.parse(await next());
  const over = usage();
  await ended;
  return { measured, idle, watching, over };
}

function print(name: string, { measured, idle, watching, over }: Outcome): void {
  const { writes, failed, writesPerSecond, events, missing, outOfOrder, ended } = measured;
  const { p50, p99, max, writeP50, writeP99 } = measured;
  const cpu = (what: keyof Usage) => (((over[what].cpu - watching[what].cpu) / events) * 1e6).toFixed(1);
  const memory = (what: keyof Usage) =>
    [idle, watching, over].map((usage) => usage[what].mebibytes.toFixed(0)).join(" → ");
  console.log(
    [
      `${name}: ${options.watches} watches, ${writesPerSecond.toFixed(0)} writes/s (${writes}, ${failed} failed)`,
      `  events ${events}, missing ${missing}, out of order ${outOfOrder}; watches ended by the server ${ended}`,
      `  write to answer: p50 ${writeP50.toFixed(1)} ms, p99 ${writeP99.toFixed(1)} ms`,
      `  write to event: p50 ${p50.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms, longest ${max.toFixed(1)} ms`,
      `  MiB before → with watches → after: kit ${memory("kit")}, kube-apiserver ${memory("apiserver")}`,
      `  CPU an event: kit ${cpu("kit")} µs, kube-apiserver ${cpu("apiserver")} µs`,
    ].join("\n"),
  );
}

await main();
process.exit();

/**
 * Appended entries per second with 1, 16 and 128 writers, each waiting until its entry is durable, signed, and answered;
 * beside the machine's own fsync rate, measured before and after each. `--entries 1000000` fills a store with as many,
 * verifies it, and tells how memory went. `--check` fails below the goals; it prints JSON.
 */
import { closeSync, fsyncSync, mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { examineEntry } from "#core/ledger/examine.ts";
import { lineOf, lineWithPayload } from "#core/ledger/line.ts";
import { parseVerifierKey } from "#core/log/keys.ts";
import { verify } from "#core/log/verify.ts";
import type { Append, Store } from "#kit/storage.ts";
import { passingKeys, verifierKeys } from "#ledger/key-file.ts";
import { memoryStore } from "#store/memory.ts";
import { sqliteStore } from "#store/sqlite.ts";
import { ledgerFile } from "#store/sqlite-reader.ts";
import { random } from "../../system.ts";
import { admissionEntry } from "../support/ledger/made.ts";
import { optionsOf } from "../support/options.ts";

const HELP = `npm run bench:ledger -- [OPTION…]

  --seconds N      of each turn (5)
  --entries N      fills a store with so many and verifies it (0: does not)
  --directory DIR  where the files go (the system's for temporary files)
  --check          ends with 1 below the goals
`;

const values = optionsOf(HELP, {
  seconds: { type: "string", default: "5" },
  directory: { type: "string" },
  entries: { type: "string", default: "0" },
  check: { type: "boolean" },
});
const MILLISECONDS = Number(values.seconds) * 1000;
const WRITERS = [1, 16, 128] as const;

interface Measured {
  what: string;
  writers: number;
  perSecond: number;
  /** Milliseconds that one append took. */
  median: number;
  p99: number;
  /** Of all threads together: what the machine's other work does not change much. */
  cpuMicrosEach: number;
  /** The machine's fsyncs a second: the mean of right before and right after. */
  fsyncs?: number;
}

/** 4 KiB written at the end of a file, then synced, one after the other. */
function fsyncRate(directory: string): number {
  const file = join(directory, "fsync");
  const descriptor = openSync(file, "w");
  const block = Buffer.alloc(4096, 1);
  const began = performance.now();
  let count = 0;
  for (; performance.now() - began < 1000; count += 1) {
    writeSync(descriptor, block);
    fsyncSync(descriptor);
  }
  const rate = count / ((performance.now() - began) / 1000);
  closeSync(descriptor);
  rmSync(file);
  return rate;
}

async function appended(store: Store, writers: number, make: (n: number) => Append) {
  const took: number[] = [];
  const cpu = process.cpuUsage();
  const began = performance.now();
  const until = began + MILLISECONDS;
  await Promise.all(
    Array.from({ length: writers }, async () => {
      for (let now = performance.now(); now < until; ) {
        await store.commit({ lines: [make(took.length)] });
        const then = performance.now();
        took.push(then - now);
        now = then;
      }
    }),
  );
  const seconds = (performance.now() - began) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  const cpuMicrosEach = Number(((user + system) / took.length).toFixed(1));
  took.sort((one, other) => one - other);
  const at = (share: number) => Number((took[Math.floor(took.length * share)] ?? 0).toFixed(3));
  return { perSecond: Math.round(took.length / seconds), median: at(0.5), p99: at(0.99), cpuMicrosEach };
}

const time = Date.now();
const KINDS: Readonly<Record<string, (n: number) => Append>> = {
  "entries of 0.4 KiB": (n) => lineOf(admissionEntry(n, time)),
  "entries with payloads of 2 KiB": (n) =>
    lineWithPayload(admissionEntry(n, time), { object: "x".repeat(2048) }, random),
};

async function main(): Promise<void> {
  const directory = mkdtempSync(join(values.directory ?? tmpdir(), "hoop-bench-"));
  const measured: Measured[] = [];
  const tell = (one: Measured) => {
    measured.push(one);
    process.stdout.write(`${JSON.stringify(one)}\n`);
  };
  try {
    for (const [kind, make] of Object.entries(KINDS))
      for (const writers of WRITERS) {
        const before = fsyncRate(directory);
        const store = await sqliteStore(join(directory, `${measured.length}.db`), { keys: passingKeys() });
        const figures = await appended(store, writers, make);
        const fsyncs = Math.round((before + fsyncRate(directory)) / 2);
        tell({ what: `SQLite, ${kind}`, writers, ...figures, fsyncs });
        await store.close();
      }
    const memory = memoryStore({ keys: passingKeys() });
    const make = KINDS["entries of 0.4 KiB"] ?? (() => "");
    tell({ what: "memory", writers: 128, ...(await appended(memory, 128, make)) });
    const verified = Number(values.entries) > 0 ? await filled(directory, Number(values.entries)) : undefined;
    if (values.check) check(measured, verified);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Fills a store by commits of a thousand lines, then verifies it as an operator does. */
async function filled(directory: string, entries: number): Promise<{ seconds: number }> {
  const file = join(directory, "filled.db");
  const keys = passingKeys();
  const store = await sqliteStore(file, { keys });
  const mebibytes = () => Math.round(process.memoryUsage.rss() / 2 ** 20);
  const memory: number[] = [];
  for (let n = 0; n < entries; n += 1000) {
    const count = Math.min(1000, entries - n);
    await store.commit({
      lines: Array.from({ length: count }, (_, at) => lineOf(admissionEntry(n + at, time))),
    });
    if ((n / 1000) % Math.ceil(entries / 10_000) === 0) memory.push(mebibytes());
  }
  await store.close();
  const opened = ledgerFile(file);
  const trust = { origin: keys.origin, keys: verifierKeys(keys).map(parseVerifierKey) };
  const [cpu, began] = [process.cpuUsage(), performance.now()];
  const report = await verify(opened.reader, { trust, examine: examineEntry });
  const { user, system } = process.cpuUsage(cpu);
  const seconds = Number(((performance.now() - began) / 1000).toFixed(1));
  opened.close();
  const told = { intact: report.intact, seconds, cpuSeconds: (user + system) / 1e6, mebibytes: mebibytes() };
  process.stdout.write(
    `${JSON.stringify({ what: "verify", entries, ...told, mebibytesWhileFilling: memory })}\n`,
  );
  return { seconds };
}

function check(measured: readonly Measured[], verified?: { seconds: number }): void {
  const find = (writers: number) => measured.find((one) => one.writers === writers);
  const alone = find(1);
  const missed = [
    ...(alone !== undefined && alone.perSecond < 0.5 * (alone.fsyncs ?? 0)
      ? ["one writer: below half of the fsync rate"]
      : []),
    ...((find(128)?.perSecond ?? 0) < 20_000 ? ["128 writers: below 20,000 a second"] : []),
    ...(verified !== undefined && verified.seconds > 30 ? ["verifying took more than 30 s"] : []),
  ];
  for (const one of missed) console.error(one);
  process.exitCode = missed.length === 0 ? 0 : 1;
}

await main();

/** What masking and recording take by themselves, in this process. */
import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { maskedJson } from "#apiserver-ext/broker/mask/answer.ts";
import { maskedList } from "#apiserver-ext/broker/mask/list.ts";
import { Looks } from "#core/mask/look.ts";
import { type KnownValues, knownValues, ValueScanner } from "#core/mask/values.ts";
import { sqliteStore } from "#store/sqlite.ts";
import { median } from "./report.ts";

const ROUNDS = 15;
const known = new Map<number, KnownValues>();

function values(count: number): Buffer[] {
  return Array.from({ length: count }, () => Buffer.from(randomBytes(24).toString("base64url")));
}

/** What is masked: one object, a list of what was looked through before, or one of what is new. */
export type Answered = "object" | "list" | "new list";

const CHUNK = 16 * 1024;

/** Milliseconds for an answer, with so many values of Secrets to look for. */
export async function masking(json: string, what: Answered, count: number): Promise<number> {
  const made = known.get(count) ?? knownValues(values(count));
  known.set(count, made);
  const masks = { ofSecrets: false, known: made };
  if (what === "object") return timed(() => maskedJson(json, masks));
  const bytes = Buffer.from(json);
  async function* chunks(): AsyncGenerator<Buffer> {
    for (let at = 0; at < bytes.length; at += CHUNK) yield bytes.subarray(at, at + CHUNK);
  }
  const looks = new Looks();
  return timed(() =>
    buffer(maskedList(chunks(), { ...masks, looks: what === "list" ? looks : new Looks() })),
  );
}

/** Of an answer, as profiles keep it by themselves. */
const KEPT = 256 * 1024;

/** Milliseconds for the two records of a call, on disk. `atOnce`: of one that only reads, in one commit. */
export async function recording({ atOnce, bytes }: { atOnce: boolean; bytes: number }): Promise<number> {
  const scratch = await mkdtemp(join(tmpdir(), "hoop-bench-"));
  const store = await sqliteStore(join(scratch, "hoop.db"));
  const payload = randomBytes(Math.min(bytes, KEPT));
  const times: number[] = [];
  for (let n = 0; n < 100; n++) {
    const began = performance.now();
    const line = (event: string) => JSON.stringify({ event, n, text: "x".repeat(600) });
    const [first, last] = [line("request"), { line: line("response"), payload }];
    if (!atOnce) await store.commit({ lines: [first] });
    await store.commit({ lines: atOnce ? [first, last] : [last] });
    times.push(performance.now() - began);
  }
  await store.close();
  await rm(scratch, { recursive: true, force: true });
  return median(times);
}

interface Scanning {
  megabytesPerSecond: number;
  buildMilliseconds: number;
  mebibytes: number;
}

/** Of looking for so many values in what a program prints: how fast, and what it takes to begin. */
export async function scanning(count: number): Promise<Scanning> {
  const some = values(count);
  const buildMilliseconds = await timed(() => knownValues(some));
  const made = knownValues(some);
  const line = (n: number) =>
    `2026-11-22T00:00:00Z INFO request ${n} handled path=/api/v1/things status=200 id=${randomBytes(16).toString("hex")}\n`;
  const log = Buffer.from(Array.from({ length: 100_000 }, (_, n) => line(n)).join(""));
  const milliseconds = await timed(() => {
    const scanner = new ValueScanner(made, { isPrompt: false });
    for (let at = 0; at < log.length; at += 64 * 1024) scanner.push(log.subarray(at, at + 64 * 1024));
    scanner.end();
  });
  return {
    megabytesPerSecond: log.length / 1e3 / milliseconds,
    buildMilliseconds,
    mebibytes: made.index.weight / 2 ** 20,
  };
}

async function timed(work: () => unknown): Promise<number> {
  const times: number[] = [];
  for (let n = 0; n < ROUNDS; n++) {
    const began = performance.now();
    await work();
    times.push(performance.now() - began);
  }
  return median(times.slice(3));
}

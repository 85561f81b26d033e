/**
 * Failpoints of a process, without a word of them in what it runs: loaded first (`--import`), this counts the steps
 * that leave something behind (SQL statements, messages between threads, answers, files) before and after each, in
 * every thread. HOOP_KILL_AT=`STEP#N` kills the process, as kill -9, the Nth time it comes to that step
 * (`*`: to any, in one thread);
 * HOOP_STEPS=FILE adds each step that it comes to for the first time to that file, so that a run tells which there are.
 */
import fs from "node:fs";
import { ServerResponse } from "node:http";
import { Http2ServerResponse } from "node:http2";
import { syncBuiltinESMExports } from "node:module";
import { basename } from "node:path";
import { DatabaseSync, StatementSync } from "node:sqlite";
import { parentPort, Worker } from "node:worker_threads";

const [wanted, nth] = (process.env["HOOP_KILL_AT"] ?? "").split("#");
const file = process.env["HOOP_STEPS"];
const traced = file === undefined ? undefined : fs.openSync(file, "a");
const seen = new Set<string>();
let left = Number(nth ?? 1);

function reached(step: string): void {
  if (traced !== undefined && !seen.has(step)) {
    seen.add(step);
    fs.writeSync(traced, `${step}\n`);
  }
  if (step !== wanted && wanted !== "*") return;
  left -= 1;
  if (left === 0) process.kill(process.pid, "SIGKILL");
}

type Method = (this: unknown, ...args: never[]) => unknown;

/** @param name of the step, by what is called and with what; undefined: it leaves nothing behind. */
function around(
  owner: object | null,
  method: string,
  name: (self: unknown, args: readonly unknown[]) => string | undefined,
): void {
  const original: unknown = owner === null ? undefined : Reflect.get(owner, method);
  if (owner === null || typeof original !== "function") throw new Error(`there is no ${method} to stop at`);
  const stops: Method = function (...args) {
    const step = name(this, args);
    if (step === undefined) return Reflect.apply(original, this, args);
    reached(`before ${step}`);
    const result: unknown = Reflect.apply(original, this, args);
    if (!(result instanceof Promise)) {
      reached(`after ${step}`);
      return result;
    }
    return result.then((value: unknown) => {
      reached(`after ${step}`);
      return value;
    });
  };
  Reflect.set(owner, method, stops);
}

/** Statements by what they begin with: no step is forgotten because it is new. */
function statement(sql: unknown): string | undefined {
  const words = String(sql)
    .replace(/^\s*BEGIN IMMEDIATE;/, "")
    .trim()
    .replaceAll(/\s+/g, " ");
  if (/^(SELECT|PRAGMA (?!wal_checkpoint|incremental_vacuum))/.test(words)) return undefined;
  return words.split(/ \(| =| WHERE|;/)[0]?.replaceAll("#", "");
}

for (const method of ["run", "get", "all"])
  around(StatementSync.prototype, method, (self) =>
    self instanceof StatementSync ? statement(self.sourceSQL) : undefined,
  );
around(DatabaseSync.prototype, "exec", (_, [sql]) => statement(sql));
around(DatabaseSync.prototype, "close", () => "the database is closed");

const handle = await fs.promises.open(import.meta.filename);
const handles: object | null = Object.getPrototypeOf(handle);
await handle.close();
for (const method of ["write", "sync"]) around(handles, method, () => `${method} of an open file`);

/** Ids of files, times and numbers stand for all of their kind. */
const named = (path: unknown) =>
  typeof path === "string" ? basename(path).replaceAll(/\d+(T\d+Z)?|[0-9a-f]{8}-[-0-9a-f]+/g, "N") : "file";

for (const method of ["renameSync", "linkSync", "rmSync", "copyFileSync", "fsyncSync", "writeFileSync"])
  around(fs, method, (_, [path]) => `${method} ${named(path)}`);
for (const method of ["rename", "rm", "writeFile", "open", "mkdir"])
  around(fs.promises, method, (_, [path]) => `${method} ${named(path)}`);
syncBuiltinESMExports();

around(Worker.prototype, "postMessage", () => "calls are sent to the store");
if (parentPort !== null) around(parentPort, "postMessage", () => "answers are sent by the store");

/** What is answered, by its path as far as it is the same for all. */
function answer(self: unknown): string | undefined {
  if (!(self instanceof Http2ServerResponse || self instanceof ServerResponse)) return undefined;
  const { method = "", url = "" } = self.req;
  if (method === "GET") return undefined;
  const place = url.split("?")[0]?.split("/") ?? [];
  return `answer ${method} ${place.includes("hoop.dev") ? place.at(-1)?.replaceAll(/.*[\d-].*/g, "NAME") : (place.at(-1) ?? "")}`;
}

for (const { prototype } of [Http2ServerResponse, ServerResponse])
  around(prototype, "end", (self) => answer(self));

/**
 * The clients of `watch.ts`, in a process of their own: so many watches of one resource, and writes at a steady rate.
 * Usage: watch-client.ts TASK (JSON). Says on stdout, a line each: `watching`; then, after the last event, what was
 * measured (JSON).
 */
import { type ClientHttp2Session, connect } from "node:http2";
import { setTimeout as delay } from "node:timers/promises";
import { identityOf } from "./identity.ts";
import { percentile } from "./report.ts";

export interface Task {
  url: string;
  kubeconfig: string;
  /** Of the collection. */
  path: string;
  /** What the watches are of, one after the other, where that is not it. */
  watched?: readonly string[];
  /** Of the collection that is written to, where that is another one. */
  written?: string;
  /** Whose kubeconfig writes, where that is another one. */
  writer?: string;
  /** What is written, without its name. */
  object: { apiVersion: string; kind: string; metadata: object };
  watches: number;
  writesPerSecond: number;
  seconds: number;
}

export interface Measured {
  writes: number;
  /** Writes that were not answered 200. */
  failed: number;
  writesPerSecond: number;
  events: number;
  /** Watches that the server ended, as it may where a client is too slow. */
  ended: number;
  /** Events that a watch should have seen, and did not within 30 s after the last write. */
  missing: number;
  /** Events whose version was not above the one before. */
  outOfOrder: number;
  /** Milliseconds from sending a write to having its event, over all watches. */
  p50: number;
  p99: number;
  max: number;
  /** Milliseconds until a write was answered. */
  writeP50: number;
  writeP99: number;
}

const OBJECTS = 50;
const CONNECTIONS = 8;
/** Enough for what stays unread while this process is busy. */
const MEMORY = { maxSessionMemory: 1000 };

const task: Task = JSON.parse(process.argv[2] ?? "{}");
const written = task.written ?? task.path;
const { ca, cert, key, url } = await identityOf(task.url, task.kubeconfig);
const sessions = Array.from({ length: CONNECTIONS }, () => connect(url, { ca, cert, key, ...MEMORY }));
const writer = await identityOf(task.url, task.writer ?? task.kubeconfig);
const writing = Array.from({ length: CONNECTIONS }, () => connect(url, { ...writer, ...MEMORY }));
const sessionOf = (n: number, of = sessions): ClientHttp2Session => {
  const session = of[n % CONNECTIONS];
  if (session === undefined) throw new Error("no connection");
  return session;
};

function send(n: number, method: string, path: string, type: string, body: object): Promise<number> {
  return new Promise((resolve, reject) => {
    const stream = sessionOf(n, writing).request({ ":method": method, ":path": path, "content-type": type });
    let status = 0;
    stream.on("response", (headers) => {
      status = Number(headers[":status"]);
    });
    stream.on("end", () => resolve(status));
    stream.on("error", reject);
    stream.resume();
    stream.end(JSON.stringify(body));
  });
}

/** What the watches have seen; delays in milliseconds. */
const seen = { events: 0, outOfOrder: 0, ended: 0, delays: [] as number[], writes: [] as number[] };

function watch(n: number, since: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const path = task.watched?.[n % task.watched.length] ?? task.path;
    const stream = sessionOf(n).request({ ":path": `${path}?watch=1&resourceVersion=${since}` });
    stream.on("response", () => resolve());
    stream.on("error", reject);
    stream.on("end", () => {
      seen.ended += 1;
    });
    stream.setEncoding("utf8");
    let rest = "";
    let newest = 0;
    stream.on("data", (chunk: string) => {
      const now = performance.now();
      const lines = (rest + chunk).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) {
        // Parsing it all would be most of what is measured.
        const version = Number(/"resourceVersion":"(\d+)"/.exec(line)?.[1]);
        seen.events += 1;
        if (!(version > newest)) seen.outOfOrder += 1;
        newest = version;
        seen.delays.push(now - Number(/"sent":"([\d.]+)"/.exec(line)?.[1]));
      }
    });
  });
}

async function newestVersion(): Promise<string> {
  const stream = sessionOf(0, writing).request({ ":path": `${written}?limit=1` });
  stream.setEncoding("utf8");
  let text = "";
  for await (const chunk of stream) text += chunk;
  return JSON.parse(text).metadata.resourceVersion;
}

async function write(): Promise<{ failed: number; seconds: number }> {
  const began = performance.now();
  const count = task.writesPerSecond * task.seconds;
  const answers: Promise<number>[] = [];
  for (let n = 0; n < count; n += 1) {
    const due = began + (n / task.writesPerSecond) * 1000;
    await delay(Math.max(due - performance.now(), 0));
    const sent = performance.now();
    const body = { metadata: { annotations: { sent: String(sent) } } };
    const answer = send(n, "PATCH", `${written}/w${n % OBJECTS}`, "application/merge-patch+json", body);
    answers.push(answer.finally(() => seen.writes.push(performance.now() - sent)));
  }
  const codes = await Promise.all(answers);
  return { failed: codes.filter((code) => code !== 200).length, seconds: (performance.now() - began) / 1000 };
}

for (let n = 0; n < OBJECTS; n += 1) {
  const { object } = task;
  const body = { ...object, metadata: { ...object.metadata, name: `w${n}` } };
  const code = await send(n, "POST", written, "application/json", body);
  if (code !== 201) throw new Error(`${task.path}: ${code}`);
}
const since = await newestVersion();
await Promise.all(Array.from({ length: task.watches }, (_, n) => watch(n, since)));
console.log("watching");
await delay(1000);
const { failed, seconds } = await write();
const writes = task.writesPerSecond * task.seconds;
const due = (writes - failed) * task.watches;
for (let waited = 0; seen.events < due && waited < 300; waited += 1) await delay(100);
const measured: Measured = {
  writes,
  failed,
  writesPerSecond: writes / seconds,
  events: seen.events,
  missing: due - seen.events,
  outOfOrder: seen.outOfOrder,
  ended: seen.ended,
  p50: percentile(seen.delays, 0.5),
  p99: percentile(seen.delays, 0.99),
  max: percentile(seen.delays, 1),
  writeP50: percentile(seen.writes, 0.5),
  writeP99: percentile(seen.writes, 0.99),
};
console.log(JSON.stringify(measured));
process.exit();

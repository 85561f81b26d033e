/** Answers that come bit by bit: watches, logs, and documents that need no mask. */
import { createHash } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { ValueScanner } from "#core/mask/values.ts";
import { breakOff } from "#kit/send-parts.ts";
import { beginAnswer, mediaType, written } from "./answer.ts";
import type { BrokerCall } from "./call.ts";

import { unmaskable } from "./mask-answer.ts";
import { maskedList } from "./mask-list.ts";
import { shownLine } from "./told-to-many.ts";

export async function streamed(call: BrokerCall, from: IncomingMessage): Promise<void> {
  const { connection, signal, record, inner, terms } = call;
  const to = connection.response;
  const { way } = inner;
  const parts = PARTS[way === "objects" || way === "watch" || way === "log" ? way : "document"](call, from);
  // What cannot be masked from the beginning is refused, and not broken off.
  const first = inner.way === "objects" ? await parts.next() : undefined;
  await beginAnswer(call, from);
  // A watch has begun when this is there, also before its first event.
  if ("flushHeaders" in to) to.flushHeaders();
  else to.writeHead(to.statusCode);
  const seen = new Seen(inner.way === "document" ? 0 : terms.keep.responseBytes);
  const all = first === undefined || first.done ? parts : behind(first.value, parts);
  const isWhole = await passedOn(call, all, seen);
  await record.response({
    ...{ code: from.statusCode ?? 0, ...seen.told(inner.way !== "document") },
    ...(isWhole || signal.aborted ? {} : { message: "the client took it too slowly" }),
  });
  from.destroy();
  // What is cut short does not look as if it were all.
  if (isWhole) to.end();
  else breakOff(to);
}

async function* behind(first: Buffer, rest: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  yield first;
  yield* rest;
}

/** False: the client has gone, or takes nothing any more. */
async function passedOn(
  { connection, signal }: BrokerCall,
  parts: AsyncIterable<Buffer>,
  seen: Seen,
): Promise<boolean> {
  for await (const bytes of parts) {
    seen.add(bytes);
    if (bytes.length > 0 && !(await written(connection.response, bytes, signal))) return false;
  }
  return true;
}

/** What the client is shown: the hash of all of it, and as much as is kept. */
class Seen {
  readonly #most: number;
  readonly #hash = createHash("sha256");
  readonly #kept: Buffer[] = [];
  #size = 0;

  constructor(most: number) {
    this.#most = most;
  }

  add(bytes: Buffer): void {
    this.#hash.update(bytes);
    if (this.#size < this.#most) this.#kept.push(Buffer.from(bytes.subarray(0, this.#most - this.#size)));
    this.#size += bytes.length;
  }

  told(keeps: boolean) {
    return {
      ...{ bytes: this.#size, sha256: this.#hash.digest("hex") },
      ...(this.#kept.length === 0 ? {} : { body: Buffer.concat(this.#kept).toString() }),
      ...(keeps && this.#size > this.#most ? { truncated: true } : {}),
    };
  }
}

type Parts = (call: BrokerCall, from: IncomingMessage) => AsyncGenerator<Buffer>;

const PARTS: Readonly<Record<"objects" | "watch" | "log" | "document", Parts>> = {
  document: (_call, from) => asTheyCome(from as AsyncIterable<Buffer>),
  objects: (call, from) => {
    if (mediaType(from) !== "application/json") throw unmaskable();
    return maskedObjects(call, from as AsyncIterable<Buffer>);
  },
  watch: (call, from) => {
    if (mediaType(from) !== "application/json") throw unmaskable();
    return maskedEvents(call, from as AsyncIterable<Buffer>);
  },
  log: (call, from) => {
    if (mediaType(from) !== "text/plain") throw unmaskable();
    return maskedLog(call, from as AsyncIterable<Buffer>);
  },
};

async function* asTheyCome(body: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  yield* body;
}

async function* maskedObjects(call: BrokerCall, body: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  yield* maskedList(body, await call.masks());
}

/** One event longer than this is none of an object. */
const LONGEST_EVENT = 32 * 1024 * 1024;
const NEWLINE = 0x0a;

/** Whole lines, their newline with them; at the end what is left. */
async function* linesOf(body: AsyncIterable<Buffer>, longest: number): AsyncGenerator<Buffer> {
  let held: Buffer[] = [];
  let size = 0;
  for await (const chunk of body) {
    let rest = chunk;
    for (let end = rest.indexOf(NEWLINE); end >= 0; end = rest.indexOf(NEWLINE)) {
      yield Buffer.concat([...held, rest.subarray(0, end + 1)]);
      held = [];
      size = 0;
      rest = rest.subarray(end + 1);
    }
    if (rest.length > 0) held.push(rest);
    size += rest.length;
    if (size > longest) throw unmaskable();
  }
  if (held.length > 0) yield Buffer.concat(held);
}

async function* maskedEvents(call: BrokerCall, body: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  for await (const line of linesOf(body, LONGEST_EVENT)) {
    // A watch lasts, and Secrets come meanwhile.
    if (line.length > 1) yield shownLine(line.toString(), await call.masks());
  }
}

async function* maskedLog(call: BrokerCall, body: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const scanner = new ValueScanner((await call.masks()).known, { isPrompt: false });
  for await (const bytes of body) {
    // A log lasts, and values come meanwhile.
    scanner.use((await call.masks()).known);
    yield scanner.push(bytes);
  }
  yield scanner.end();
}

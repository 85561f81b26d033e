/** Answers that come bit by bit: watches, logs, and documents that need no mask. */
import { createHash } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { ValueScanner } from "#core/mask/values.ts";
import { beginAnswer, mediaType, written } from "./answer.ts";
import type { BrokerCall } from "./call.ts";

import { maskedEvent, unmaskable } from "./mask-answer.ts";
import { KEPT_BYTES } from "./record.ts";

export async function streamed(call: BrokerCall, from: IncomingMessage): Promise<void> {
  const { connection, signal, record, inner } = call;
  const to = connection.response;
  const parts = PARTS[inner.way === "watch" || inner.way === "log" ? inner.way : "document"](call, from);
  beginAnswer(to, from);
  // A watch has begun when this is there, also before its first event.
  if ("flushHeaders" in to) to.flushHeaders();
  else to.writeHead(to.statusCode);
  const hash = createHash("sha256");
  let size = 0;
  let kept = "";
  for await (const bytes of parts) {
    hash.update(bytes);
    size += bytes.length;
    if (inner.way !== "document" && kept.length < KEPT_BYTES) kept += bytes.toString();
    if (!(await written(to, bytes, signal))) break;
  }
  await record.response({
    ...{ code: from.statusCode ?? 0, bytes: size, sha256: hash.digest("hex") },
    ...(kept === "" ? {} : { body: kept.toWellFormed() }),
    ...(kept.length < size && inner.way !== "document" ? { truncated: true } : {}),
  });
  from.destroy();
  to.end();
}

type Parts = (call: BrokerCall, from: IncomingMessage) => AsyncIterable<Buffer>;

const PARTS: Readonly<Record<"watch" | "log" | "document", Parts>> = {
  document: (_call, from) => from as AsyncIterable<Buffer>,
  watch: (call, from) => {
    if (mediaType(from) !== "application/json") throw unmaskable();
    return maskedEvents(call, from as AsyncIterable<Buffer>);
  },
  log: (call, from) => {
    if (mediaType(from) !== "text/plain") throw unmaskable();
    return maskedLog(call, from as AsyncIterable<Buffer>);
  },
};

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
    if (line.length > 1) yield Buffer.from(`${maskedEvent(line.toString(), await call.masks())}\n`);
  }
}

async function* maskedLog(call: BrokerCall, body: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const { known } = await call.masks();
  const scanner = new ValueScanner(known);
  for await (const bytes of body) yield scanner.push(bytes);
  yield scanner.end();
}

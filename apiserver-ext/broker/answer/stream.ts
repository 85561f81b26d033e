/** Answers that come bit by bit: watches, logs, lists, and documents that need no mask. */
import type { IncomingMessage } from "node:http";
import type { Writable } from "node:stream";
import { StreamMask } from "#core/mask/stream.ts";
import type { ApiResponse } from "#kit/request.ts";
import { breakOff } from "#kit/send-parts.ts";
import { StatusError, statusOf } from "#kit/status.ts";
import { type BrokerCall, sessionOver } from "../call.ts";
import { gathered } from "../gathered.ts";
import { inTurn } from "../in-turn.ts";
import { joined } from "../joined.ts";
import { unmaskable } from "../mask/answer.ts";
import { maskedList } from "../mask/list.ts";
import { ToldEvents } from "../mask/watch-events.ts";
import type { BrokerPorts } from "../ports.ts";
import { notRecorded } from "../record/record.ts";
import { Seen } from "../record/seen.ts";
import type { Share } from "../room.ts";
import { beginAnswer, mediaType, sendRecorded, written } from "./answer.ts";

/** A list that is no longer is recorded and shown as a whole. */
const SHORT = 32 * 1024;

/**
 * What is asked for is recorded before anything is shown. So is a list, as much of it as is kept; of watches and logs what comes
 * by itself, and where more comes, all but the last second and the last 32 KiB.
 */
export async function streamed(
  ports: BrokerPorts,
  call: BrokerCall,
  from: IncomingMessage,
  room: Share,
): Promise<void> {
  const { inner, record, terms } = call;
  const { way } = inner;
  const isList = way === "objects";
  const seen = new Seen(
    { ...ports, record },
    {
      most: way === "document" ? 0 : terms.keep.responseBytes,
      urgency: isList ? "now" : "soon",
      failed: () => from.destroy(),
    },
  );
  const source = PARTS[way === "objects" || way === "watch" || way === "log" ? way : "document"](call, from);
  // What cannot be masked from the beginning is refused, and not broken off.
  const begun = isList ? await beginning(source) : { parts: [], isAll: false };
  if (begun.isAll) return sendShort(call, from, seen, joined(begun.parts));
  await record.request().catch(() => Promise.reject(notRecorded()));
  await beginAnswer(call, from);
  const { response: to } = call.connection;
  // A watch has begun when this is there, also before its first event.
  if ("flushHeaders" in to) to.flushHeaders();
  else to.writeHead(to.statusCode);
  const shown = taking(room, behind(begun.parts, source));
  const outcome = await passedOn(call, shown, seen, { room, stop: () => from.destroy() });
  from.destroy();
  await ended(call, from, seen, outcome);
}

/** Its first parts, until they are too long for one. */
async function beginning(
  source: AsyncGenerator<Buffer>,
): Promise<{ parts: readonly Buffer[]; isAll: boolean }> {
  const parts: Buffer[] = [];
  for (let size = 0; size <= SHORT; ) {
    const { done, value } = await source.next();
    if (done === true) return { parts, isAll: true };
    parts.push(value);
    size += value.length;
  }
  return { parts, isAll: false };
}

async function sendShort(call: BrokerCall, from: IncomingMessage, seen: Seen, bytes: Buffer): Promise<void> {
  await beginAnswer(call, from);
  seen.add(bytes);
  await sendRecorded(call, bytes, { code: from.statusCode ?? 0, ...(await seen.end()) });
}

async function* behind(first: readonly Buffer[], rest: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  yield* first;
  yield* rest;
}

/** What is on its way to the client takes room until it has left. */
async function* taking(room: Share, source: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  for await (const bytes of source) {
    room.take(bytes.length);
    yield bytes;
  }
}

/** So much is taken while what came before is recorded, or on its way: of a watch, of which there are many, */
const EVENTS_WAITING = 32 * 1024;
/** and of the rest. */
const WAITING = 256 * 1024;

/** `late`: the client has gone, or takes nothing any more. `broken`: the API server has. */
type Outcome = "whole" | "late" | "broken" | StatusError;

async function passedOn(
  { connection, inner, signal }: BrokerCall,
  source: AsyncIterable<Buffer>,
  seen: Seen,
  { room, stop }: { room: Share; stop: () => void },
): Promise<Outcome> {
  const pass = async (parts: readonly Buffer[]) => {
    if (signal.aborted) return false;
    for (const bytes of parts) seen.add(bytes);
    await seen.showable();
    // As they are: what many are told lies in memory once.
    const isWritten = await written(connection.response, parts, signal);
    for (const { length } of parts) room.give(length);
    return isWritten;
  };
  const most = inner.way === "watch" ? EVENTS_WAITING : WAITING;
  try {
    return (await gathered(source, { pass, most, stop })) ? "whole" : "late";
  } catch (error) {
    if (seen.isLost) return notRecorded();
    if (signal.aborted) return "late";
    return error instanceof StatusError ? error : "broken";
  }
}

async function ended(call: BrokerCall, from: IncomingMessage, seen: Seen, outcome: Outcome): Promise<void> {
  const { cut, inner, record, connection } = call;
  const to = connection.response;
  const problem = cut.aborted ? sessionOver() : outcome;
  const last = inner.way === "watch" && problem instanceof StatusError ? errorEvent(problem) : undefined;
  if (last !== undefined) seen.add(last);
  const message = messageOf(call, problem);
  const isRecorded = await record.response({
    ...{ code: from.statusCode ?? 0, ...(await seen.end()) },
    ...(message === undefined ? {} : { message }),
  });
  if (problem === "whole" && isRecorded) to.end();
  // It may end at any time: whoever watches looks anew, and is told why where that will not help.
  else if (inner.way === "watch") endWatch(to, last);
  // What is cut short does not look as if it were all.
  else breakOff(to);
}

function messageOf({ signal }: BrokerCall, problem: Outcome): string | undefined {
  if (problem instanceof StatusError) return problem.message;
  if (problem === "broken") return "the API server broke off its answer";
  return problem === "late" && !signal.aborted ? "the client took it too slowly" : undefined;
}

/** As the API server ends a watch that it cannot go on with. */
function errorEvent(problem: StatusError): Buffer {
  return Buffer.from(`${JSON.stringify({ type: "ERROR", object: statusOf(problem) })}\n`);
}

/** How long the last bytes may take to leave (milliseconds). */
const LEAVING = 5_000;

function endWatch(to: ApiResponse, last: Buffer | undefined): void {
  const timer = setTimeout(() => breakOff(to), LEAVING).unref();
  to.once("close", () => clearTimeout(timer));
  const sink: Writable = to;
  if (last !== undefined) sink.write(last);
  sink.end();
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
      yield joined([...held, rest.subarray(0, end + 1)]);
      held = [];
      size = 0;
      rest = rest.subarray(end + 1);
    }
    // By itself: what waits for its other half must not keep all that came with it in memory.
    if (rest.length > 0) held.push(Buffer.from(rest));
    size += rest.length;
    if (size > longest) throw unmaskable();
  }
  if (held.length > 0) yield Buffer.concat(held);
}

async function* maskedEvents(call: BrokerCall, body: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const events = new ToldEvents();
  for await (const line of linesOf(body, LONGEST_EVENT)) {
    if (line.length <= 1) continue;
    // A watch lasts, and Secrets come meanwhile.
    const masks = await call.masks();
    const shown = () => events.shown(line.toString(), masks);
    yield line.length < EVENTS_WAITING ? shown() : await inTurn(shown);
  }
}

async function* maskedLog(call: BrokerCall, body: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const mask = new StreamMask((await call.masks()).known, { isPrompt: false });
  for await (const bytes of body) {
    // A log lasts, and values come meanwhile.
    mask.use((await call.masks()).known);
    yield mask.push(bytes);
  }
  yield mask.end();
}

/** The two ends of an upgraded connection: all that comes from one is looked at, recorded, and passed on to the other. */
import { once } from "node:events";
import type { Duplex } from "node:stream";
import { StatusError } from "#kit/status.ts";
import type { BrokerCall } from "../call.ts";
import { gathered } from "../gathered.ts";
import { joined } from "../joined.ts";
import type { Ended } from "../record/record.ts";

export interface End {
  socket: Duplex;
  head: Buffer;
}

/** One direction. What it throws cuts the connection. */
export interface Passage {
  /** What is passed on of what has come: a buffer of its own, each time. */
  taken(bytes: Buffer): Promise<Buffer>;
  /** Resolves when what was taken by now may be. */
  passable(): Promise<void>;
  /** These, in their order, have gone to the other end. */
  gone?(taken: readonly Buffer[]): void;
}

/** What a client is told whose connection is cut. */
export interface LastWords {
  /** At once. */
  first: Buffer;
  /** When it has had time to take that in, and has not left. */
  later: Buffer;
}

/** What becomes of what goes through. */
export interface Through {
  /** To the pod. */
  inward: Passage;
  /** To the client. */
  outward: Passage;
  /** Once, and nothing is taken any more. */
  last(why: StatusError): LastWords;
  /** What is told of all of it. Never rejects. */
  end(): Promise<Ended>;
}

interface Going {
  signal: AbortSignal;
  record: Pick<BrokerCall["record"], "response">;
  /** Why the signal has aborted. */
  why: () => StatusError;
}

/** Resolves when either end is closed, or the signal aborts, or nothing more may go through: then both are, and the client is told why. */
export async function pumped(
  { signal, record, why }: Going,
  through: Through,
  here: End,
  there: End,
): Promise<void> {
  const over = new AbortController();
  const isOver = once(over.signal, "abort");
  let words: LastWords | undefined;
  let message: string | undefined;
  const cut = (reason: StatusError) => {
    if (over.signal.aborted) return;
    over.abort();
    there.socket.destroy();
    message = reason.message;
    words = through.last(reason);
    write(here.socket, words.first);
  };
  const aborted = () => cut(why());
  signal.addEventListener("abort", aborted, { once: true });
  if (signal.aborted) aborted();
  const inward = pass(here, there.socket, through.inward, { over: over.signal, cut });
  const outward = pass(there, here.socket, through.outward, { over: over.signal, cut });
  await Promise.race([inward, outward, isOver]);
  signal.removeEventListener("abort", aborted);
  there.socket.destroy();
  await record.response({ ...(await through.end()), ...(message === undefined ? {} : { message }) });
  if (words !== undefined) await left(here.socket, inward, words);
}

/** How long a client that was cut may take to leave (milliseconds), */
const LEAVING = 1_000;
/** and to come to say what it was told first, where there is more. */
const TELLING = 5_000;

/** It is the client who closes: what it still sends would else have the network forget what it was told. */
async function left(socket: Duplex, gone: Promise<void>, { later }: LastWords): Promise<void> {
  const heard = Promise.withResolvers<void>();
  const timer = setTimeout(heard.resolve, later.length > 0 ? TELLING : LEAVING).unref();
  await Promise.race([gone, heard.promise]);
  clearTimeout(timer);
  write(socket, later);
}

function write(socket: Duplex, bytes: Buffer): void {
  if (bytes.length > 0 && socket.writable) socket.write(bytes);
}

/** How long an end may take nothing of what there is for it (milliseconds). */
const PATIENCE = 120_000;

/** So much is taken while what came before is recorded: then it is recorded in one. */
const MOST_WAITING = 256 * 1024;

interface Cutting {
  /** Aborts when the connection is cut: what comes from then on is not heard. */
  over: AbortSignal;
  cut: (why: StatusError) => void;
}

/** Resolves when the source has ended and all of it is written. Never rejects: who breaks off has gone. */
async function pass(from: End, to: Duplex, passage: Passage, cutting: Cutting): Promise<void> {
  const { over } = cutting;
  try {
    const go = async (parts: readonly Buffer[]) => {
      await passage.passable().catch((error: unknown) => {
        if (!over.aborted) throw error;
      });
      // A slow reader slows the writer down. What is for an end that has closed goes nowhere: the other one is still heard.
      if (over.aborted || to.destroyed) return true;
      const isRoom = to.write(joined(parts));
      passage.gone?.(parts);
      if (!isRoom) await room(to, over);
      return true;
    };
    await gathered(allTaken(from, passage, cutting), { pass: go, most: MOST_WAITING });
    if (!over.aborted) to.end();
  } catch {
    if (!over.aborted) to.destroy();
  }
}

const NOTHING = Buffer.alloc(0);

async function* allTaken(
  { head, socket }: End,
  passage: Passage,
  { over, cut }: Cutting,
): AsyncGenerator<Buffer> {
  const taken = async (bytes: Buffer) => {
    if (over.aborted) return NOTHING;
    try {
      return await passage.taken(bytes);
    } catch (error) {
      cut(error instanceof StatusError ? error : unreadable());
      return NOTHING;
    }
  };
  if (head.length > 0) yield await taken(head);
  for await (const chunk of socket as AsyncIterable<Buffer>) yield await taken(chunk);
}

function unreadable(): StatusError {
  return new StatusError("InternalError", "what comes cannot be read, and so goes no further");
}

/** Resolves when there is, or need not be. An end that has none for too long is closed. */
async function room(to: Duplex, over: AbortSignal): Promise<void> {
  const waiting = new AbortController();
  const { signal } = waiting;
  const timer = setTimeout(() => to.destroy(), PATIENCE);
  try {
    const ended = once(over, "abort", { signal });
    await Promise.race([once(to, "drain", { signal }), once(to, "close", { signal }), ended]);
  } finally {
    clearTimeout(timer);
    waiting.abort();
  }
}

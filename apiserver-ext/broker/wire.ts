/** The two ends of an upgraded connection: all that comes from one is looked at, recorded, and passed on to the other. */
import { once } from "node:events";
import type { Duplex } from "node:stream";
import type { BrokerCall } from "./call.ts";
import { gathered } from "./gathered.ts";
import { joined } from "./joined.ts";
import type { Ended } from "./record.ts";

export interface End {
  socket: Duplex;
  head: Buffer;
}

/** One direction. What it throws cuts the connection. */
export interface Passage {
  /** What is passed on of what has come. */
  taken(bytes: Buffer): Promise<Buffer>;
  /** Resolves when what was taken by now may be. */
  passable(): Promise<void>;
}

/** What becomes of what goes through. */
export interface Through {
  /** To the pod. */
  inward: Passage;
  /** To the client. */
  outward: Passage;
  /** What is told of all of it. Never rejects. */
  end(): Promise<Ended>;
}

/** Resolves when either end is closed, or the signal aborts: then both are. */
export async function pumped(
  { signal, record }: Pick<BrokerCall, "signal" | "record">,
  through: Through,
  here: End,
  there: End,
): Promise<void> {
  const cut = () => {
    here.socket.destroy();
    there.socket.destroy();
  };
  signal.addEventListener("abort", cut, { once: true });
  if (signal.aborted) cut();
  const inward = pass(here, there.socket, through.inward);
  const outward = pass(there, here.socket, through.outward);
  try {
    await Promise.race([inward, outward]);
  } finally {
    // What was on its way to the client still gets there, unless the session is over.
    if (!signal.aborted) await Promise.race([outward, inward]).catch(() => {});
    signal.removeEventListener("abort", cut);
    there.socket.destroy();
    if (signal.aborted) here.socket.destroy();
    await record.response(await through.end());
  }
}

/** How long an end may take nothing of what there is for it (milliseconds). */
const PATIENCE = 120_000;

/** So much is taken while what came before is recorded: then it is recorded in one. */
const MOST_WAITING = 256 * 1024;

/** Resolves when the source has ended and all of it is written. Never rejects: who breaks off has gone. */
async function pass(from: End, to: Duplex, passage: Passage): Promise<void> {
  try {
    const go = async (parts: readonly Buffer[]) => {
      await passage.passable();
      // A slow reader slows the writer down. What is for an end that has closed goes nowhere: the other one is still heard.
      if (!to.destroyed && !to.write(joined(parts))) await room(to);
      return true;
    };
    await gathered(allTaken(from, passage), { pass: go, most: MOST_WAITING });
    to.end();
  } catch {
    to.destroy();
  }
}

async function* allTaken({ head, socket }: End, { taken }: Passage): AsyncGenerator<Buffer> {
  if (head.length > 0) yield await taken(head);
  for await (const chunk of socket as AsyncIterable<Buffer>) yield await taken(chunk);
}

/** @throws where there is none for too long. */
async function room(to: Duplex): Promise<void> {
  const waiting = new AbortController();
  const { signal } = waiting;
  const timer = setTimeout(() => to.destroy(), PATIENCE);
  try {
    await Promise.race([once(to, "drain", { signal }), once(to, "close", { signal })]);
  } finally {
    clearTimeout(timer);
    waiting.abort();
  }
}

/** The two ends of an upgraded connection: all that comes from one is looked at, recorded, and passed on to the other. */
import { once } from "node:events";
import type { Duplex } from "node:stream";
import type { BrokerCall } from "./call.ts";
import type { Ended } from "./record.ts";

export interface End {
  socket: Duplex;
  head: Buffer;
}

/** What becomes of what goes through. What it throws cuts the connection. */
export interface Through {
  /** What goes to the pod of what the client has sent. */
  inward(bytes: Buffer): Promise<Buffer>;
  /** What goes to the client of what the pod has sent. */
  outward(bytes: Buffer): Promise<Buffer>;
  /** What is told of all of it. Never rejects. */
  end(): Promise<Ended>;
}

/** Resolves when either end is closed, or the signal aborts: then both are. */
export async function pumped(
  { signal, record }: BrokerCall,
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
  const inward = pass(here, there.socket, (bytes) => through.inward(bytes));
  const outward = pass(there, here.socket, (bytes) => through.outward(bytes));
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

/** Resolves when the source has ended and all of it is written. Never rejects: who breaks off has gone. */
async function pass(from: End, to: Duplex, through: (bytes: Buffer) => Promise<Buffer>): Promise<void> {
  try {
    if (from.head.length > 0) to.write(await through(from.head));
    // One chunk after the other: a slow reader slows the writer down.
    for await (const chunk of from.socket as AsyncIterable<Buffer>) {
      const bytes = await through(chunk);
      if (bytes.length > 0 && !to.write(bytes)) await room(to);
    }
    to.end();
  } catch {
    to.destroy();
  }
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

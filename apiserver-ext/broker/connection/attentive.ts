/** A client that waits for its connection to be upgraded: that it leaves is noticed by who reads from it. */
import type { End } from "./wire.ts";

/** What comes before it was told to begin; nobody sends much of it. */
const MOST = 64 * 1024;
const MOST_PARTS = 64;

export interface Attentive {
  /** Aborts when the client leaves. */
  gone: AbortSignal;
  /** No longer: what came meanwhile belongs to the connection. */
  stop(): End;
}

export function attentive({ socket, head }: End): Attentive {
  const leaving = new AbortController();
  let early: Buffer[] = [head];
  let size = head.length;
  const left = () => leaving.abort();
  const heard = (bytes: Buffer) => {
    early.push(bytes);
    size += bytes.length;
    // Who sends byte by byte is not to take hundreds for each.
    if (early.length > MOST_PARTS) early = [Buffer.concat(early)];
    if (size > MOST) socket.destroy();
  };
  socket.on("data", heard).once("end", left).once("close", left);
  return {
    gone: leaving.signal,
    stop: () => {
      socket.pause();
      socket.off("data", heard).off("end", left).off("close", left);
      return { socket, head: Buffer.concat(early) };
    },
  };
}

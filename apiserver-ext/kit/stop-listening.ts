/** Ends listening, and breaks no connection off by it. */
import { Server } from "node:net";
import { setTimeout as delay, setImmediate as turn } from "node:timers/promises";

/** A turn of the event loop that had next to nothing to do takes less. Milliseconds. */
const SHORT = 0.3;

/**
 * A connection is made before it is accepted, and a turn of the event loop accepts one. Those that still wait when a
 * server closes are reset, although another one at the same address would take them. So this closes at the end of a turn
 * that accepted none and was too short for others to come, or when `patience` (milliseconds) is over.
 * Resolves when it listens no longer; `closed` does so when its last connection has ended.
 */
export async function stopListening(server: Server, patience: number): Promise<{ closed: Promise<void> }> {
  let accepted = 0;
  server.on("connection", () => {
    accepted += 1;
  });
  // What is done for the first time takes longest.
  close(new Server(), () => {});
  const latest = performance.now() + patience;
  for (;;) {
    // Who has slept has its share of the processor before it, and is rarely interrupted in what follows.
    await delay(1);
    await turn();
    const [before, started] = [accepted, performance.now()];
    await turn();
    const now = performance.now();
    if (now > latest || (accepted === before && now - started < SHORT)) break;
  }
  return { closed: new Promise((resolve) => close(server, resolve)) };
}

/** That of an HTTP server itself would close its idle connections as well. */
function close(server: Server, closed: () => void): void {
  Server.prototype.close.call(server, closed);
}

/** The thread that holds the database: gathers the calls that are waiting, answers them, ends when told to. */
import type { DatabaseSync } from "node:sqlite";
import { parentPort, receiveMessageOnPort, workerData } from "node:worker_threads";
import { Engine } from "./sqlite-engine.ts";
import { closeDatabase, openDatabase } from "./sqlite-open.ts";
import type { Call, FromThread, Opening, ToThread } from "./sqlite-wire.ts";

const opening: Opening = workerData;
if (parentPort === null) throw new Error("sqlite-worker.ts runs only as a thread of sqlite.ts");
serve(parentPort);

function serve(port: NonNullable<typeof parentPort>): void {
  const say = (message: FromThread) => port.postMessage(message);
  let db: DatabaseSync | undefined;
  let forgetting: NodeJS.Timeout | undefined;

  /** Runs a step; whatever it throws ends the thread, so that nothing goes on from a state that is not known. */
  const step = (work: () => void) => {
    try {
      work();
    } catch (error) {
      end(error instanceof Error ? error.message : String(error));
    }
  };
  const end = (lost?: string) => {
    clearTimeout(forgetting);
    try {
      if (db?.isOpen) closeDatabase(db, opening.file);
    } finally {
      if (lost !== undefined) say({ lost });
      port.close();
    }
  };

  step(() => {
    db = openDatabase(opening);
    const engine = new Engine(db, opening.retention, opening.keys);
    const forget = () =>
      step(() => {
        // No loop: calls that came in meanwhile go first.
        forgetting = setTimeout(forget, engine.forget() ? 0 : opening.retention.everyMilliseconds);
      });
    forgetting = setTimeout(forget, opening.retention.everyMilliseconds);
    port.on("message", (first: ToThread) =>
      step(() => {
        const { calls, closing } = gather(port, first);
        if (calls.length > 0) say(engine.answer(calls));
        if (closing) end();
      }),
    );
    say("opened");
  });
}

/** The message at hand and all that wait behind it: one transaction, one wait for the disk. */
function gather(
  port: NonNullable<typeof parentPort>,
  first: ToThread,
): { calls: readonly Call[]; closing: boolean } {
  const calls: Call[] = [];
  for (let message: ToThread | undefined = first; message; message = receiveMessageOnPort(port)?.message) {
    if (message === "close") return { calls, closing: true };
    for (const call of message) calls.push(call);
  }
  return { calls, closing: false };
}

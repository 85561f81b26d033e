/** The thread that holds the index: answers calls in their order, and ends when told to. */
import type { DatabaseSync } from "node:sqlite";
import { parentPort, workerData } from "node:worker_threads";
import { Engine } from "./engine.ts";
import { closeIndex, create, isDamage, openIndex, sealOf } from "./open.ts";
import type { Answers, Call, FromThread, Opening, ToThread } from "./wire.ts";

const opening: Opening = workerData;
if (parentPort === null) throw new Error("worker.ts runs only as a thread of index.ts");
serve(parentPort);

function serve(port: NonNullable<typeof parentPort>): void {
  const say = (message: FromThread) => port.postMessage(message);
  let db: DatabaseSync | undefined;
  let engine: Engine | undefined;

  const lose = (error: unknown) => {
    say({ lost: messageOf(error), damaged: isDamage(error) });
    // Whatever is half written is taken back when it is opened next.
    port.close();
  };
  const answer = (call: Call): Answers[keyof Answers] => {
    if (db === undefined || engine === undefined) throw new Error("it is not open");
    if (call.call === "add") return engine.add(call.entries);
    if (call.call === "find") return engine.find(call.query, call.window, call.milliseconds);
    create(db, opening.part);
    engine = new Engine(db);
    return undefined;
  };

  try {
    const opened = openIndex(opening);
    db = opened.db;
    engine = new Engine(opened.db);
    say({ opened: engine.place, anew: opened.anew });
  } catch (error) {
    lose(error);
    return;
  }
  port.on("message", (message: ToThread) => {
    try {
      if (message === "close") {
        if (db !== undefined) closeIndex(db);
        say({ closed: sealOf(opening.file) });
        port.close();
      } else say({ answer: answer(message) });
    } catch (error) {
      // A question that cannot be answered has changed nothing.
      if (message !== "close" && message.call === "find" && isRefusal(error))
        say({ refused: messageOf(error) });
      else lose(error);
    }
  });
}

/** What SQLite says of a statement, and not of the file. */
function isRefusal(error: unknown): boolean {
  return error instanceof Error && "errcode" in error && error.errcode === 1;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

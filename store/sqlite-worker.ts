/** The thread that holds the database: gathers the calls that are waiting, answers them, ends when told to. */
import type { DatabaseSync } from "node:sqlite";
import { parentPort, receiveMessageOnPort, workerData } from "node:worker_threads";
import { Copier } from "./sqlite-backup.ts";
import { Engine } from "./sqlite-engine.ts";
import { closeDatabase, openDatabase } from "./sqlite-open.ts";
import { type Call, type FromThread, largePayload, type Opening, type ToThread } from "./sqlite-wire.ts";

const opening: Opening = workerData;
if (parentPort === null) throw new Error("sqlite-worker.ts runs only as a thread of sqlite.ts");
serve(parentPort);

function serve(port: NonNullable<typeof parentPort>): void {
  const say = (message: FromThread, given: ArrayBuffer[] = []) => port.postMessage(message, given);
  let db: DatabaseSync | undefined;
  let forgetting: NodeJS.Timeout | undefined;

  /** Runs a step; whatever it throws ends the thread, so that nothing goes on from a state that is not known. */
  const step = (work: () => void) => {
    try {
      work();
    } catch (error) {
      end(messageOf(error));
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
    const opened = openDatabase(opening);
    db = opened;
    const engine = engineOf(opened, opening);
    const forget = () =>
      step(() => {
        // No loop: calls that came in meanwhile go first.
        forgetting = setTimeout(forget, engine.forget() ? 0 : opening.retention.everyMilliseconds);
      });
    forgetting = setTimeout(forget, opening.retention.everyMilliseconds);
    const copier = new Copier(opened, opening.file);
    const copy = (file: string) =>
      void copier.copyTo(file).then(
        () => say({ backup: file, failed: "" }),
        (error: unknown) => say({ backup: file, failed: messageOf(error) }),
      );
    port.on("message", (first: ToThread) =>
      step(() => {
        const { calls, files, closing } = gather(port, first);
        if (calls.length > 0) {
          const answers = engine.answer(calls);
          say(
            answers,
            calls.flatMap(({ call }, at) => (call === "payload" ? largePayload(answers[at]) : [])),
          );
        }
        for (const file of files) copy(file);
        if (closing) void copier.close().then(() => step(() => end()));
      }),
    );
    say("opened");
  });
}

/** The message at hand and all that wait behind it: one transaction, one wait for the disk. */
function gather(
  port: NonNullable<typeof parentPort>,
  first: ToThread,
): { calls: readonly Call[]; files: readonly string[]; closing: boolean } {
  const calls: Call[] = [];
  const files: string[] = [];
  for (let message: ToThread | undefined = first; message; message = receiveMessageOnPort(port)?.message) {
    if (message === "close") return { calls, files, closing: true };
    if ("backup" in message) files.push(message.backup);
    else for (const call of message) calls.push(call);
  }
  return { calls, files, closing: false };
}

function engineOf(db: DatabaseSync, { file, retention, keys }: Opening): Engine {
  try {
    return new Engine(db, retention, keys);
  } catch (error) {
    throw new Error(`the store ${file} cannot be opened: ${messageOf(error)}`);
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

import { Worker } from "node:worker_threads";
import type { Answers, Call, FromThread, Opening, Place, ToThread } from "./wire.ts";

/** The index is gone. `damaged`: so is what is in the file. */
export class Lost extends Error {
  readonly damaged: boolean;

  constructor(message: string, damaged: boolean) {
    super(message);
    this.damaged = damaged;
  }
}

interface Waiter {
  resolve: (answer: Answers[keyof Answers]) => void;
  reject: (cause: Error) => void;
}

/** Of both halves of the young generation and what is promoted, MiB: it has all the time it wants, and memory is everybody's. */
const YOUNG_MEBIBYTES = 6;

/** The way to the thread that holds the index. */
export class Thread {
  /** Rejects with Lost where it cannot be opened. */
  readonly opened: Promise<{ place: Place; anew: string }>;
  readonly #opening = Promise.withResolvers<{ place: Place; anew: string }>();
  readonly #ended = Promise.withResolvers<string>();
  readonly #worker: Worker;
  readonly #waiting: Waiter[] = [];
  readonly #onLost: () => void;
  #lost: Lost | undefined;
  #seal = "";

  constructor(opening: Opening, onLost: () => void) {
    this.#onLost = onLost;
    this.opened = this.#opening.promise;
    this.#worker = new Worker(new URL("./worker.ts", import.meta.url), {
      workerData: opening,
      resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MEBIBYTES },
    });
    this.#worker.on("message", (message: FromThread) => this.#receive(message));
    this.#worker.on("error", (cause) => this.#lose(new Lost(cause.message, false)));
    this.#worker.on("exit", () => {
      this.#lose(new Lost("its thread has ended", false));
      this.#ended.resolve(this.#seal);
    });
  }

  get lost(): Lost | undefined {
    return this.#lost;
  }

  /** Rejects with Lost when the index is; with another Error where only this could not be answered. */
  ask<K extends keyof Answers>(call: Extract<Call, { call: K }>): Promise<Answers[K]> {
    if (this.#lost !== undefined) return Promise.reject(this.#lost);
    return new Promise((resolve, reject) => {
      // The thread answers a call with what Answers says of it.
      this.#waiting.push({ resolve: (answer) => resolve(answer as Answers[K]), reject });
      this.#post(call);
    });
  }

  /** Resolves when the thread has ended, and the file is given back: with its seal, "" where it is lost. */
  close(): Promise<string> {
    if (this.#lost === undefined) this.#post("close");
    return this.#ended.promise;
  }

  #post(message: ToThread): void {
    this.#worker.postMessage(message);
  }

  #receive(message: FromThread): void {
    if ("opened" in message) this.#opening.resolve({ place: message.opened, anew: message.anew });
    else if ("answer" in message) this.#waiting.shift()?.resolve(message.answer);
    else if ("refused" in message) this.#waiting.shift()?.reject(new Error(message.refused));
    else if ("closed" in message) this.#seal = message.closed;
    else this.#lose(new Lost(message.lost, message.damaged));
  }

  #lose(lost: Lost): void {
    if (this.#lost !== undefined) return;
    this.#lost = lost;
    this.#opening.promise.catch(() => undefined);
    this.#opening.reject(lost);
    for (const waiter of this.#waiting.splice(0)) waiter.reject(lost);
    this.#onLost();
  }
}

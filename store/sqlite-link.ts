import { Worker } from "node:worker_threads";
import {
  type Answers,
  type Call,
  type FromThread,
  largePayload,
  type Opening,
  type ToThread,
} from "./sqlite-wire.ts";

interface Waiter {
  resolve: (answer: unknown) => void;
  reject: (cause: Error) => void;
}

/** Of both halves of the young generation and what is promoted: next to nothing outlives the calls of one message. */
const YOUNG_MEBIBYTES = 8;

/**
 * The way to the thread that holds the database, and the one place that decides that a store is lost. Calls made in
 * one turn travel in one message, and so do the answers.
 */
export class Link {
  /** Rejects when the file cannot be opened. */
  readonly opened: Promise<void>;
  readonly #worker: Worker;
  readonly #file: string;
  readonly #onLost: (cause: Error) => void;
  readonly #opening = Promise.withResolvers<void>();
  readonly #ended = Promise.withResolvers<void>();
  /** In the order of their calls: so are the answers. */
  #waiting: Waiter[] = [];
  #unsent: Call[] = [];
  readonly #backups = new Map<string, PromiseWithResolvers<void>>();
  /** Why no call is taken any more. */
  #refusal: Error | undefined;
  #state: "opening" | "open" | "closing" | "lost" = "opening";

  constructor(opening: Opening, onLost: (cause: Error) => void) {
    this.#file = opening.file;
    this.#onLost = onLost;
    this.opened = this.#opening.promise;
    this.#worker = new Worker(new URL("./sqlite-worker.ts", import.meta.url), {
      workerData: opening,
      resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MEBIBYTES },
    });
    this.#worker.on("message", (message: FromThread) => this.#receive(message));
    this.#worker.on("error", (cause) => this.#lose(cause));
    this.#worker.on("exit", (code) => {
      if (this.#state !== "closing" || this.#waiting.length > 0) {
        this.#lose(new Error(`its thread ended with code ${code}`));
      }
      this.#ended.resolve();
    });
  }

  /** Whether every call would be rejected. */
  get refuses(): boolean {
    return this.#refusal !== undefined;
  }

  ask<K extends keyof Answers>(call: Extract<Call, { call: K }>): Promise<Answers[K]> {
    if (this.#refusal !== undefined) return Promise.reject(this.#refusal);
    return new Promise((resolve, reject) => {
      // The thread answers a call with what Answers says of it.
      this.#waiting.push({ resolve: (answer) => resolve(answer as Answers[K]), reject });
      // When all that has arrived on sockets is looked at: what it asks for travels along.
      if (this.#unsent.length === 0) setImmediate(() => this.#send());
      this.#unsent.push(call);
    });
  }

  /** Rejects where no backup could be made, and while one to that file is under way. */
  backup(file: string): Promise<void> {
    if (this.#refusal !== undefined) return Promise.reject(this.#refusal);
    if (this.#backups.has(file)) return Promise.reject(new Error(`a backup to ${file} is being made`));
    const made = Promise.withResolvers<void>();
    this.#backups.set(file, made);
    this.#send();
    this.#post({ backup: file });
    return made.promise;
  }

  /** Resolves when all that was asked before is answered and the file is given back. */
  close(): Promise<void> {
    if (this.#state === "open") {
      this.#state = "closing";
      this.#refusal = new Error(`the store ${this.#file} is closed`);
      this.#send();
      this.#post("close");
    }
    return this.#ended.promise;
  }

  #send(): void {
    if (this.#unsent.length === 0 || this.#state === "lost") return;
    const calls = this.#unsent;
    this.#unsent = [];
    this.#post(calls, calls.flatMap(largePayloads));
  }

  #post(message: ToThread, transferred: ArrayBuffer[] = []): void {
    this.#worker.postMessage(message, transferred);
  }

  #receive(message: FromThread): void {
    if (message === "opened") {
      this.#state = "open";
      this.#opening.resolve();
    } else if (Array.isArray(message)) {
      const answered = this.#waiting.splice(0, message.length);
      for (const [index, waiter] of answered.entries()) waiter.resolve(message[index]);
    } else if ("backup" in message) {
      const made = this.#backups.get(message.backup);
      this.#backups.delete(message.backup);
      if (message.failed === "") made?.resolve();
      else made?.reject(new Error(`no backup could be made to ${message.backup}: ${message.failed}`));
    } else {
      this.#lose(new Error(message.lost));
    }
  }

  #lose(cause: Error): void {
    if (this.#state === "lost") return;
    const before = this.#state;
    this.#state = "lost";
    // While it opens, the thread's own words name the file and say it all.
    const lost = new Error(`the store ${this.#file} is lost until it is opened anew: ${cause.message}`, {
      cause,
    });
    this.#refusal = lost;
    this.#opening.reject(cause);
    for (const waiter of this.#waiting.splice(0)) waiter.reject(lost);
    for (const made of this.#backups.values()) made.reject(lost);
    this.#backups.clear();
    if (before !== "opening") this.#onLost(lost);
  }
}

/** The memory of those that a commit brings: they are copies of its own. */
function largePayloads(call: Call): ArrayBuffer[] {
  if (call.call !== "commit") return [];
  return call.lines.flatMap((one) => (typeof one === "string" ? [] : largePayload(one.payload)));
}

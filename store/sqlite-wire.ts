/** What passes between sqlite.ts and the thread that holds the database. Answers come in the order of the calls. */
import type { LogKeys } from "#core/log/appender.ts";
import type {
  Append,
  CommitResult,
  Delete,
  Head,
  Line,
  ListOutcome,
  Page,
  Payload,
  Put,
  Revision,
  Row,
  Span,
  Store,
  Usage,
} from "#kit/storage.ts";

export interface Retention {
  /** A change may be forgotten once it is older than this many revisions … */
  revisions: number;
  /** … and than this. */
  milliseconds: number;
  /** How often to look for such changes. */
  everyMilliseconds: number;
}

export interface Opening {
  file: string;
  /** Who signs the ledger; undefined: nobody. */
  keys: LogKeys | undefined;
  retention: Retention;
  /** The file may not grow beyond this many pages; null: no limit. */
  maxPages: number | null;
  /** Milliseconds to wait for another process to give the file back. */
  patience: number;
}

export type Call =
  | { call: "get"; key: string }
  | { call: "list"; prefix: string }
  | ListPart
  | { call: "commit"; puts: Put[]; deletes: Delete[]; lines: Append[]; erase: Span[] }
  | { call: "changes"; prefix: string; since: Revision; limit: number }
  | { call: "lines"; from: number; limit: number }
  | { call: "firstLineAfter"; revision: Revision }
  | { call: "payload"; index: number }
  | { call: "tile"; level: number; index: number }
  | { call: "head" }
  | { call: "usage" }
  | { call: "revision" };

/** `at` undefined: now. `limit` undefined: all. */
export interface ListPart {
  call: "listPart";
  prefix: string;
  at: Revision | undefined;
  after: string;
  limit: number | undefined;
}

export type ChangesAnswer = Awaited<ReturnType<Store["changes"]>>;

export interface Answers {
  get: Row | undefined;
  list: Page;
  listPart: ListOutcome;
  commit: CommitResult;
  changes: ChangesAnswer;
  lines: Line[];
  firstLineAfter: number;
  payload: Payload;
  tile: Uint8Array | undefined;
  head: Head;
  usage: Usage;
  revision: Revision;
}

export type Answer = Answers[keyof Answers];

/** To the thread: calls, a file to back up to, or the wish that it answers what it has and ends. */
export type ToThread = Call[] | { backup: string } | "close";

/** From the thread: "opened" or "lost" first; "lost" is its last word. `failed` "": the backup is there. */
export type FromThread = Answer[] | "opened" | { lost: string } | { backup: string; failed: string };

/** Bytes from which on giving memory away costs less than copying it. */
const LARGE = 16_384;

/** The memory of a payload that nobody else uses, where it is to be given to the other thread. */
export function largePayload(payload: unknown): ArrayBuffer[] {
  if (!(payload instanceof Uint8Array) || payload.byteLength < LARGE) return [];
  return payload.buffer instanceof ArrayBuffer && payload.byteLength === payload.buffer.byteLength
    ? [payload.buffer]
    : [];
}

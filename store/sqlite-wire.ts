/** What passes between sqlite.ts and the thread that holds the database. Answers come in the order of the calls. */
import type { CommitResult, Delete, Line, Page, Put, Revision, Row, Store } from "#kit/storage.ts";

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
  retention: Retention;
  /** The file may not grow beyond this many pages; null: no limit. */
  maxPages: number | null;
  /** Milliseconds to wait for another process to give the file back. */
  patience: number;
}

export type Call =
  | { call: "get"; key: string }
  | { call: "list"; prefix: string }
  | { call: "commit"; puts: Put[]; deletes: Delete[]; lines: string[] }
  | { call: "changes"; prefix: string; since: Revision; limit: number }
  | { call: "lines"; from: number; limit: number }
  | { call: "firstLineAfter"; revision: Revision }
  | { call: "revision" };

export type ChangesAnswer = Awaited<ReturnType<Store["changes"]>>;

export interface Answers {
  get: Row | undefined;
  list: Page;
  commit: CommitResult;
  changes: ChangesAnswer;
  lines: Line[];
  firstLineAfter: number;
  revision: Revision;
}

export type Answer = Answers[keyof Answers];

/** To the thread: calls, or the wish that it answers what it has and ends. */
export type ToThread = Call[] | "close";

/** From the thread: "opened" or "lost" first; "lost" is its last word. */
export type FromThread = Answer[] | "opened" | { lost: string };

/** What passes between the follower and the thread that holds the index. */
import type { Query, Window } from "#core/ledger/search.ts";
import type { Range } from "./parts.ts";

/** An entry, and what lies beside it as it is kept, where there is something. */
export interface Added {
  index: number;
  line: string;
  payload: Uint8Array | undefined;
}

/** How far an index has come, and by the root of a Merkle tree over just these entries, of which ledger it is. */
export interface Place {
  next: number;
  root: Uint8Array;
}

export type Call =
  | { call: "add"; entries: readonly Added[] }
  /** As far as that comes in so many milliseconds: others wait for it. */
  | { call: "find"; query: Query; window: Window; milliseconds: number }
  /** Begin anew. */
  | { call: "clear" };

/** What a search has found by now; `rest`: where it has not looked yet, undefined: it is done. */
export interface Slice {
  indexes: number[];
  rest: Range | undefined;
}

export interface Answers {
  add: number;
  find: Slice;
  clear: undefined;
}

export interface Opening {
  /** `:memory:` for none. */
  file: string;
  /** Whether what is there is known to be no good. */
  anew: boolean;
  /** Of the file as it was closed last; "" where that is not known. What has it still need not be looked through. */
  seal: string;
  /** Entries of one table of words, where it is made anew. */
  part: number;
}

/** To the thread: calls, answered in their order, or the wish that it ends. */
export type ToThread = Call | "close";

/** From the thread. `anew`: why what was there was thrown away, "" where nothing was. */
export type FromThread =
  | { opened: Place; anew: string }
  | { answer: Answers[keyof Answers] }
  /** This call failed, and nothing else did. */
  | { refused: string }
  /** Its last word, where all is well: the seal of the file. */
  | { closed: string }
  /** Its last word. `damaged`: what is in the file is no good. */
  | { lost: string; damaged: boolean };

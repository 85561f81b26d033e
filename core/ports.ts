/** What the core needs from outside. Everything that is I/O, time or chance comes in through here. */
import type { Store } from "#kit/storage.ts";
import type { Reference, State } from "./digest/refers-to.ts";

export type { Store };

export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Resolves after the time has gone by, or early when the signal aborts. Never rejects. */
  sleep(milliseconds: number, signal?: AbortSignal): Promise<void>;
}

export interface Random {
  uuid(): string;
  /** A string of this many letters and digits that are hard to mistake for one another. */
  suffix(length: number): string;
  /** That nobody can guess. */
  bytes(count: number): Uint8Array;
}

/** The outcome of looking something up that must be known: could-not-tell denies. `absent`: there certainly is none. */
export type Lookup = { known: true; uid: string } | { known: false; why: string; absent?: true };

/** How something is that a request refers to. */
export type Referent = { known: true; state: State } | { known: false; why: string };

export interface Cluster {
  /** The uid of a namespace as it exists now. */
  namespaceUid(name: string): Promise<Lookup>;
  /** What an approval is bound to of what its request refers to, as it is now. */
  referent(reference: Reference): Promise<Referent>;
}

/** A request of somebody else's, passed on to the API server. */
export interface UpstreamCall {
  method: string;
  /** Path and query, exactly as they are sent. */
  path: string;
  headers: Readonly<Record<string, string | string[]>>;
  /** It streams, or is to be upgraded: it gets a connection of its own. */
  lasts: boolean;
  signal: AbortSignal;
}

/** What is counted. Seconds; no name of anybody or anything. */
export interface Meter {
  /** A request was judged and recorded; without the time it waited for people. */
  admission(verdict: string, seconds: number): void;
  /** A held request was settled in this call. */
  hold(outcome: string, seconds: number): void;
  /** A request was denied because it could not be reviewed or recorded. */
  notRecorded(): void;
}

export interface Log {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

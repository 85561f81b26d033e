import type { Change, Revision } from "./storage.ts";

/** Makes an object of a row's value; its version shall be that revision. */
export type Decode<T> = (value: string, revision: Revision) => T;

/** One change of one row. Its objects are decoded when first asked for, and shared: nobody changes them. */
export class FeedEvent<T> {
  readonly key: string;
  readonly revision: Revision;
  /** Whether the row was there before. */
  readonly existed: boolean;
  /** How long its values are. */
  readonly size: number;
  readonly #before: () => T | undefined;
  readonly #after: () => T | undefined;

  constructor(change: Change, decode: Decode<T>) {
    const { key, revision, previous } = change;
    const value = change.type === "put" ? change.value : null;
    this.key = key;
    this.revision = revision;
    this.existed = previous !== null;
    this.size = (value?.length ?? 0) + (previous?.length ?? 0);
    this.#before = once(previous, (text) => decode(text, revision));
    this.#after = once(value, (text) => decode(text, revision));
  }

  /** The state before, under the version of the change: that is what watchers are told. */
  get before(): T | undefined {
    return this.#before();
  }

  /** The state since; undefined: it is gone. */
  get after(): T | undefined {
    return this.#after();
  }
}

function once<T>(text: string | null, decode: (text: string) => T): () => T | undefined {
  let pending = text;
  let result: T | undefined;
  return () => {
    if (pending !== null) result = decode(pending);
    pending = null;
    return result;
  };
}

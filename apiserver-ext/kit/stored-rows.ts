/** Where the objects of a stored resource lie, and what their rows hold. */
import { Feed } from "./feed.ts";
import type { FeedOptions } from "./feed-tail.ts";
import type { KubeObject, WriteContext } from "./resource.ts";
import type { Batch, Delete, Put, Row, Store } from "./storage.ts";

/** A write that is about to be committed. */
export interface Write<T> {
  type: "create" | "replace" | "remove";
  object: T;
  context: WriteContext;
}

export interface StoredOptions<T> {
  /** What all rows of the resource begin with, such as `widgets/`. */
  prefix: string;
  /** Default: Namespaced. */
  scope?: "Namespaced" | "Cluster";
  /** What stands for a namespace in its keys; undefined: there is no such namespace. Default: its name. */
  prefixOf?: (namespace: string) => Promise<string | undefined>;
  /** Default: the object as JSON. What is encoded has no resourceVersion, nor need what is decoded. */
  decode?: (value: string) => T;
  encode?: (object: T) => string;
  /** Whether the row counts where all namespaces are asked for. Default: it does. */
  accept?: (key: string) => boolean;
  /** Ledger lines to commit with a write. Default: none. */
  lines?: (write: Write<T>) => readonly string[];
  /** Rows of others to commit with a write; where one is not as expected, the write is a conflict. Default: none. */
  beside?: (write: Write<T>) => { puts: readonly Put[]; deletes: readonly Delete[] };
  feed?: FeedOptions;
}

/** Keys are made of names and hold nothing else. */
const NAME = /^[A-Za-z0-9._:-]+$/;

export class Rows<T extends KubeObject> {
  readonly feed: Feed<T>;
  readonly #options: StoredOptions<T>;
  readonly #decode: (value: string) => T;

  constructor(store: Store, options: StoredOptions<T>) {
    this.#options = options;
    this.#decode = options.decode ?? ((value) => JSON.parse(value) as T);
    const decode = (value: string, revision: number) => this.objectOf({ value, revision });
    this.feed = new Feed(store, options.prefix, decode, options.feed);
  }

  /** What the keys of a namespace begin with, "" being all; undefined: there is no such namespace. */
  async prefix(namespace: string): Promise<string | undefined> {
    const { prefix, scope, prefixOf } = this.#options;
    if (namespace === "" || scope === "Cluster") return prefix;
    const part = prefixOf === undefined ? namespace : await prefixOf(namespace);
    return part !== undefined && NAME.test(part) ? `${prefix}${part}/` : undefined;
  }

  /** Whether a name is one object there; in all namespaces together it is many. */
  isOnePlace(namespace: string): boolean {
    return namespace !== "" || this.#options.scope === "Cluster";
  }

  async key(namespace: string, name: string): Promise<string | undefined> {
    const prefix = NAME.test(name) ? await this.prefix(namespace) : undefined;
    return prefix === undefined ? undefined : `${prefix}${name}`;
  }

  /** Whether lists and watches of the namespace leave out rows that lie under its prefix. */
  isFiltered(namespace: string): boolean {
    return namespace === "" && this.#options.accept !== undefined;
  }

  counts(namespace: string, key: string): boolean {
    return namespace !== "" || (this.#options.accept?.(key) ?? true);
  }

  /** Whether keys of one namespace lie together in the order of the names of the namespaces. */
  get isByName(): boolean {
    return this.#options.prefixOf === undefined;
  }

  objectOf({ value, revision }: Pick<Row, "value" | "revision">): T {
    return versioned(this.#decode(value), revision);
  }

  valueOf(object: T): string {
    const { resourceVersion: _, ...metadata } = object.metadata;
    const bare = { ...object, metadata };
    return this.#options.encode?.(bare) ?? JSON.stringify(bare);
  }

  /** The commit of a write: its own row, what belongs beside it, and what the ledger is told. */
  withBeside(own: { puts?: readonly Put[]; deletes?: readonly Delete[] }, write: Write<T>): Batch {
    const { lines, beside } = this.#options;
    const { puts, deletes } = beside?.(write) ?? { puts: [], deletes: [] };
    return {
      puts: [...(own.puts ?? []), ...puts],
      deletes: [...(own.deletes ?? []), ...deletes],
      lines: lines?.(write) ?? [],
    };
  }
}

export function versioned<T extends KubeObject>(object: T, revision: number): T {
  return { ...object, metadata: { ...object.metadata, resourceVersion: String(revision) } };
}

/** Objects in the storage port: one row each, at `RESOURCE/<something>/<name>`. */
import type { KubeObject, ReadStorage, ResourceChange } from "./resource.ts";
import type { Change, Revision, Row, Store } from "./storage.ts";

export interface RowOptions<T> {
  /** What all rows of the resource begin with, such as `approvals/`. */
  prefix: string;
  /** What the rows of a namespace begin with; undefined: there is no such namespace, so it has none. */
  prefixOf: (namespace: string) => Promise<string | undefined>;
  decode: (value: string) => T;
  /** Whether the row counts where all namespaces are asked for. Default: it does. */
  accept?: (key: string) => boolean;
}

/** Keys are made of names and hold nothing else. */
const NAME = /^[A-Za-z0-9._:-]+$/;

export function rowStorage<T extends KubeObject>(store: Store, options: RowOptions<T>): ReadStorage<T> {
  const { prefix, prefixOf, decode, accept = () => true } = options;
  const prefixFor = (namespace: string) => (namespace === "" ? prefix : prefixOf(namespace));
  const counts = (namespace: string, key: string) => namespace !== "" || accept(key);
  const toObject = (row: Pick<Row, "value" | "revision">): T => versioned(decode(row.value), row.revision);

  return {
    async get(namespace, name) {
      const found = NAME.test(name) ? await prefixFor(namespace) : undefined;
      const row = found === undefined ? undefined : await store.get(`${found}${name}`);
      return row && toObject(row);
    },
    async list(namespace) {
      const found = await prefixFor(namespace);
      if (found === undefined) return { items: [], revision: await store.revision() };
      const { rows, revision } = await store.list(found);
      return { items: rows.filter(({ key }) => counts(namespace, key)).map(toObject), revision };
    },
    async changes(namespace, since) {
      const found = await prefixFor(namespace);
      if (found === undefined)
        return { outcome: "ok", changes: [], revision: Math.max(since, await store.revision()) };
      const page = await store.changes(found, since);
      if (page.outcome === "expired") return page;
      const changes = page.changes.filter(({ key }) => counts(namespace, key));
      return { ...page, changes: changes.map((change) => toChange(change, toObject)) };
    },
    onChange: (listener) => store.onCommit(() => listener()),
    revision: () => store.revision(),
  };
}

function versioned<T extends KubeObject>(object: T, revision: Revision): T {
  return { ...object, metadata: { ...object.metadata, resourceVersion: String(revision) } };
}

function toChange<T>(
  change: Change,
  toObject: (row: Pick<Row, "value" | "revision">) => T,
): ResourceChange<T> {
  const { revision, previous } = change;
  // The revision of the state before is not known; the change's own is what watchers are told anyway.
  if (change.type === "delete") {
    return { type: "delete", previous: toObject({ value: change.previous, revision }), revision };
  }
  return {
    type: "put",
    object: toObject({ value: change.value, revision }),
    previous: previous === null ? null : toObject({ value: previous, revision }),
    revision,
  };
}

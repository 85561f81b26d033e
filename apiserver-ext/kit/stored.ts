/** Objects in the storage port: one row each, at `RESOURCE/NAMESPACE/NAME`, or `RESOURCE/NAME` without namespaces. */

import type { KubeObject, WholeReader, Writer } from "./resource.ts";
import { reached } from "./resource-version.ts";
import { notFound } from "./status.ts";
import type { CommitResult, Store } from "./storage.ts";
import { listStored } from "./stored-list.ts";
import { Rows, type StoredOptions, versioned, type Write } from "./stored-rows.ts";
import { watchStored } from "./stored-watch.ts";

/** The same for resources that nobody writes through the API. */
export function storedReader<T extends KubeObject>(store: Store, options: StoredOptions<T>): WholeReader<T> {
  return readerOf(store, new Rows(store, options));
}

export function stored<T extends KubeObject>(
  store: Store,
  options: StoredOptions<T>,
): WholeReader<T> & Writer<T> {
  const rows = new Rows(store, options);
  return { ...readerOf(store, rows), ...writerOf(store, rows) };
}

function readerOf<T extends KubeObject>(store: Store, rows: Rows<T>): WholeReader<T> {
  return {
    async get(namespace, name, version) {
      const key = await rows.key(namespace, name);
      const row = key === undefined ? undefined : await store.get(key);
      await reached(store, version);
      return row && rows.objectOf(row);
    },
    list: (request) => listStored(store, rows, request),
    watch: (request, signal) => watchStored(store, rows, request, signal),
  };
}

function writerOf<T extends KubeObject>(store: Store, rows: Rows<T>): Writer<T> {
  const keyOf = ({ metadata }: T) => rows.key(metadata.namespace ?? "", metadata.name);
  return {
    async create(object, context) {
      const key = await keyOf(object);
      if (key === undefined) throw notFound(NAMESPACES, object.metadata.namespace ?? "");
      if (context.dryRun)
        return (await store.get(key)) ? { outcome: "exists" } : { outcome: "stored", object };
      const put = { key, value: rows.valueOf(object), expect: 0 };
      const result = await store.commit(
        rows.withBeside({ puts: [put] }, { type: "create", object, context }),
      );
      return result.outcome === "committed" ? written(object, result) : { outcome: "exists" };
    },

    replace: (object, expected, context) => change({ type: "replace", object, context }, expected),
    remove: (object, expected, context) => change({ type: "remove", object, context }, expected),
  };

  async function change(write: Write<T>, expected: string) {
    const { type, object, context } = write;
    const key = await keyOf(object);
    const row = key === undefined ? undefined : await store.get(key);
    if (row === undefined) return { outcome: "gone" } as const;
    if (expected !== String(row.revision)) return { outcome: "conflict" } as const;
    if (context.dryRun) return { outcome: "stored", object: versioned(object, row.revision) } as const;
    const at = { key: row.key, expect: row.revision };
    const own = type === "remove" ? { deletes: [at] } : { puts: [{ ...at, value: rows.valueOf(object) }] };
    const result = await store.commit(rows.withBeside(own, write));
    if (result.outcome === "committed") return written(object, result);
    return { outcome: (await store.get(row.key)) ? "conflict" : "gone" } as const;
  }
}

function written<T extends KubeObject>(
  object: T,
  { revision }: Extract<CommitResult, { outcome: "committed" }>,
) {
  return { outcome: "stored", object: versioned(object, revision) } as const;
}

const NAMESPACES = { group: "", plural: "namespaces" };

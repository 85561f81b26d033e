import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { LogKeys } from "#core/log/appender.ts";
import type { Store } from "#kit/storage.ts";
import { memoryStore } from "#store/memory.ts";
import { sqliteStore } from "#store/sqlite.ts";

/** Opens an empty store. With `keepRevisions`, changes older than that are forgotten as soon as the driver can. */
export type Open = (options?: { keepRevisions?: number; keys?: LogKeys }) => Promise<Store>;

/** Where a store is kept while no process has it open. */
export interface Place {
  /** Opens what is there; an empty store the first time. */
  open: Open;
  remove(): void;
}

export interface Driver {
  open: Open;
  /** Left out: what it holds does not outlive it. */
  place?: () => Place;
}

/** Every driver that has to pass the suite. */
export const drivers: Readonly<Record<string, Driver>> = {
  memory: {
    open: async ({ keepRevisions, ...keys } = {}) =>
      memoryStore(keepRevisions === undefined ? keys : { keepRevisions, keepMilliseconds: 0, ...keys }),
  },
  sqlite: { open: opensOnce(sqlitePlace), place: sqlitePlace },
};

function sqlitePlace(): Place {
  const directory = temporaryDirectory();
  return {
    open: ({ keepRevisions, ...keys } = {}) => {
      const retention =
        keepRevisions === undefined
          ? {}
          : { revisions: keepRevisions, milliseconds: 0, everyMilliseconds: 1 };
      return sqliteStore(join(directory, "hoop.db"), { retention, ...keys });
    },
    remove: () => rmSync(directory, { recursive: true, force: true }),
  };
}

/** Each store at a place of its own, which goes with it. */
function opensOnce(place: () => Place): Open {
  return async (options) => {
    const here = place();
    const store = await here.open(options);
    const close = store.close.bind(store);
    store.close = async () => {
      await close();
      here.remove();
    };
    return store;
  };
}

export function temporaryDirectory(): string {
  return mkdtempSync(join(tmpdir(), "hoop-store-"));
}

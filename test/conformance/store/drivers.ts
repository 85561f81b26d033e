import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { LogKeys } from "#core/log/appender.ts";
import type { Store } from "#kit/storage.ts";
import { memoryStore } from "#store/memory.ts";
import { sqliteStore } from "#store/sqlite.ts";

/** Opens an empty store. With `keepRevisions`, changes older than that are forgotten as soon as the driver can. */
export type Open = (options?: { keepRevisions?: number; keys?: LogKeys }) => Promise<Store>;

/** Every driver that has to pass the suite. */
export const drivers: Readonly<Record<string, Open>> = {
  memory: async ({ keepRevisions, ...keys } = {}) =>
    memoryStore(keepRevisions === undefined ? keys : { keepRevisions, keepMilliseconds: 0, ...keys }),

  sqlite: async ({ keepRevisions, ...keys } = {}) => {
    const directory = temporaryDirectory();
    const retention =
      keepRevisions === undefined ? {} : { revisions: keepRevisions, milliseconds: 0, everyMilliseconds: 1 };
    const store = await sqliteStore(join(directory, "hoop.db"), { retention, ...keys });
    const close = store.close.bind(store);
    store.close = async () => {
      await close();
      rmSync(directory, { recursive: true, force: true });
    };
    return store;
  },
};

export function temporaryDirectory(): string {
  return mkdtempSync(join(tmpdir(), "hoop-store-"));
}

/**
 * A process that does one of the things that leave something on disk, until it is done or killed. Usage: writer.ts
 * SCENARIO DIRECTORY. What it says on stdout, a line each, is what somebody else could have been told: it holds from
 * then on.
 */
import { mkdirSync, writeSync } from "node:fs";
import { join } from "node:path";
import type { Store } from "#kit/storage.ts";
import { makeBackup } from "#ledger/backups.ts";
import { ledgerKeys } from "#ledger/key-file.ts";
import { Publisher } from "#ledger/publish.ts";
import { type SqliteStore, sqliteStore } from "#store/sqlite.ts";
import { backUp, newKey, newLedger, restore } from "../../../../operator.ts";
import { clock } from "../../../../system.ts";
import { batchOf, keyFileIn, type Scenario, settingsIn } from "./scenarios.ts";

const [, , scenario = "", directory = ""] = process.argv;
const say = (line: string) => writeSync(1, `${line}\n`);

async function withStore(work: (store: SqliteStore) => Promise<void>): Promise<void> {
  const store = await sqliteStore(join(directory, "hoop.db"), {
    keys: await ledgerKeys(keyFileIn(directory)),
    retention: { revisions: 20, milliseconds: 0, everyMilliseconds: 5 },
  });
  await work(store);
  await store.close();
}

/** One after the other, some at once; past the end of a tile. */
async function write(store: Store, from = 0, to = 24): Promise<void> {
  for (let n = from; n < to; n += 3)
    await Promise.all(
      [n, n + 1, n + 2].map(async (each) => {
        const result = await store.commit(batchOf(each));
        if (result.outcome === "committed") say(`committed ${each} ${result.revision} ${result.index}`);
      }),
    );
}

const DOES: Readonly<Record<Scenario, () => Promise<void>>> = {
  commits: () => withStore((store) => write(store)),

  "a backup among commits": () =>
    withStore(async (store) => {
      const ports = { backup: (file: string) => store.backup(file), clock, log: console };
      const options = { directory: join(directory, "backups"), everySeconds: 0, keep: 1 };
      const [file] = await Promise.all([makeBackup(ports, options), write(store)]);
      say(`backup ${file}`);
    }),

  "a backup by an operator": async () => {
    say(`backup ${await backUp(settingsIn(directory))}`);
  },

  "a restore": async () => {
    const said = await restore(settingsIn(directory), join(directory, "older.db"));
    say(`restored ${said}`);
  },

  "a new key": async () => {
    const [key = ""] = await newKey(settingsIn(directory));
    say(`key ${key}`);
    await withStore((store) => write(store));
  },

  "a new ledger": async () => {
    say(`begun ${await newLedger(settingsIn(directory))}`);
  },

  "publishing among commits": () =>
    withStore(async (store) => {
      mkdirSync(join(directory, "published"), { recursive: true });
      const publisher = new Publisher(store, join(directory, "published"));
      for (let n = 0; n < 9; n += 3) {
        await publisher.publish();
        await write(store, n, n + 3);
      }
      await publisher.publish();
    }),

  "opening a file of the first version": () => withStore((store) => write(store, 0, 3)),
};

await DOES[scenario as Scenario]();
say("done");

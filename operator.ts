/** What an operator does beside the running Hoop: back up, restore, make a new key for the ledger, or a new ledger. */
import { existsSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { approvalLine } from "#core/hold/entries.ts";
import { findApproval, OPEN, putApproval } from "#core/hold/rows.ts";
import type { GapEntry } from "#core/ledger/entry.ts";
import { examineEntry } from "#core/ledger/examine.ts";
import { lineOf } from "#core/ledger/line.ts";
import { type Checkpoint, parseCheckpoint } from "#core/log/checkpoint.ts";
import { parseVerifierKey } from "#core/log/keys.ts";
import { verify } from "#core/log/verify.ts";
import { micros } from "#core/times.ts";
import { ended } from "#core/transitions.ts";
import type { Store } from "#kit/storage.ts";
import { backupsIn, makeBackup } from "#ledger/backups.ts";
import { addKey, ledgerKeys, nextKeys, verifierKeys } from "#ledger/key-file.ts";
import { sqliteStore } from "#store/sqlite.ts";
import { beginLedger, restoreTo } from "#store/sqlite-backup.ts";
import { ownerOf } from "#store/sqlite-open.ts";
import { ledgerFile } from "#store/sqlite-reader.ts";
import { ledgerKeyFile } from "./parts.ts";
import type { Settings } from "./settings.ts";
import { clock } from "./system.ts";

/** How long a running Hoop may take to make a backup. */
const PATIENCE = 600_000;

/** Tells a running Hoop to make a backup, or makes it where none runs. Gives its file. */
export async function backUp(settings: Settings): Promise<string> {
  const { directory, keep } = settings.backups;
  if (directory === undefined) throw new Error("backups.directory is not set: where to put it is not known");
  const file = storeFile(settings);
  const owner = ownerOf(file);
  if (owner === undefined) {
    const store = await sqliteStore(file, { keys: await ledgerKeys(ledgerKeyFile(settings)) });
    const ports = { backup: (to: string) => store.backup(to), clock, log: console };
    return makeBackup(ports, { directory, keep, everySeconds: 0 }).finally(() => store.close());
  }
  const before = (await backupsIn(directory)).at(-1) ?? "";
  process.kill(owner, "SIGUSR2");
  for (const until = clock.now() + PATIENCE; clock.now() < until; await delay(100)) {
    const newest = (await backupsIn(directory)).at(-1) ?? "";
    if (newest > before) return `${directory}/${newest}`;
  }
  throw new Error(`process ${owner}, which has the store, has made no backup: see its log`);
}

/**
 * Puts a backup in the place of the store, once it is proven to be what was signed. What is open in it is void: it may
 * have been used since. Gives what to tell.
 */
export async function restore(settings: Settings, from: string): Promise<string> {
  const file = storeFile(settings);
  const keys = await ledgerKeys(ledgerKeyFile(settings));
  const entries = await proven(from, { origin: keys.origin, own: verifierKeys(keys) });
  const had = existsSync(file) ? sizeOf(file) : undefined;
  const lost = had === undefined ? "" : `; the store that it replaces had ${had}`;
  const message = `restored from a backup of ${entries} entries${lost}`;
  let voided = 0;
  const { replaced } = await restoreTo(file, from, async (aside) => {
    const store = await sqliteStore(aside, { keys });
    try {
      await store.commit({ lines: [gapLine("restored", message)] });
      voided = await voidOpen(store);
    } finally {
      await store.close();
    }
  });
  const aside = replaced === undefined ? "" : `; what was there is ${replaced}`;
  return `${message}${aside}; ${voided} open approvals are void`;
}

function gapLine(reason: GapEntry["reason"], message: string): string {
  const time = micros(clock.now());
  const entry: GapEntry = { schema: "hoop.dev/gap/v2", kind: "gap", time, reason, message };
  return lineOf(entry);
}

/** What is about entries of one ledger, by their places. */
const ABOUT_ENTRIES = ["ledger/", "outcomes/"];

/**
 * Ends the ledger, and begins one with a key of its own; for when the key is lost. All else in the store stays. The first
 * entry says which ledger was before, and how far it went. Gives what to tell.
 */
export async function newLedger(settings: Settings): Promise<string> {
  const file = storeFile(settings);
  if (!existsSync(file)) throw new Error(`there is no ${file}: the first start makes it, and a ledger`);
  const { origin, size, root } = lastCheckpoint(file);
  const { keys, take } = await nextKeys(ledgerKeyFile(settings), origin);
  const message = `the ledger before this one is ${origin}: ${size} entries, root ${root.toString("base64")}`;
  const prepare = async (aside: string) => {
    const store = await sqliteStore(aside, { keys });
    await store.commit({ lines: [gapLine("new-ledger", message)] }).finally(() => store.close());
  };
  const { closed } = await beginLedger(file, ABOUT_ENTRIES, { prepare, before: take });
  return `${keys.origin} begins, signed by ${verifierKeys(keys).join(", ")}; ${message}; it is kept as ${closed}`;
}

function lastCheckpoint(file: string): Checkpoint {
  const opened = ledgerFile(file);
  const note = opened.checkpoint();
  opened.close();
  const checkpoint = parseCheckpoint(note.slice(0, note.indexOf("\n\n") + 1));
  if (checkpoint === undefined) throw new Error(`${file} has no ledger that was ever signed`);
  return checkpoint;
}

/** Gives the public keys that sign from the next start on. */
export async function newKey(settings: Settings): Promise<string[]> {
  return verifierKeys(await addKey(ledgerKeyFile(settings)));
}

function storeFile({ store }: Settings): string {
  if (store.driver !== "sqlite") throw new Error("what is in memory has no backups");
  return store.file;
}

async function proven(
  from: string,
  { origin, own }: { origin: string; own: readonly string[] },
): Promise<number> {
  const backup = ledgerFile(from);
  try {
    const keys = [...new Set([...own, ...backup.keys])].map(parseVerifierKey);
    const report = await verify(backup.reader, { trust: { origin, keys }, examine: examineEntry });
    const problems = [...report.findings.map((finding) => JSON.stringify(finding)), ...backup.problems()];
    if (report.intact && problems.length === 0) return report.proven;
    throw new Error(`${from} is not what was recorded: ${problems.slice(0, 3).join("; ")}`);
  } finally {
    backup.close();
  }
}

function sizeOf(file: string): number | undefined {
  try {
    const replaced = ledgerFile(file);
    const count = replaced.reader.count();
    replaced.close();
    return count instanceof Promise ? undefined : count.entries;
  } catch {
    return undefined;
  }
}

async function voidOpen(store: Store): Promise<number> {
  const now = clock.now();
  const { rows } = await store.list(OPEN);
  for (const { key } of rows) {
    const [, namespaceUid = "", name = ""] = key.split("/");
    const found = await findApproval(store, namespaceUid, name);
    if (found === undefined) continue;
    const approval = ended(found.approval, "Void", "the store was restored from a backup: ask again", now);
    await store.commit({
      ...putApproval({ ...found, approval }, found.revision),
      lines: [approvalLine(approval, "void", now)],
    });
  }
  return rows.length;
}

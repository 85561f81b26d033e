/** What is there before a process is killed at one of its steps, and what has to be there after it. */
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { examineEntry } from "#core/ledger/examine.ts";
import { lineOf, lineWithPayload } from "#core/ledger/line.ts";
import { parseSigner, parseVerifierKey } from "#core/log/keys.ts";
import { verify } from "#core/log/verify.ts";
import type { Batch, Store } from "#kit/storage.ts";
import { ledgerKeys, verifierKeys } from "#ledger/key-file.ts";
import { Publisher } from "#ledger/publish.ts";
import { sqliteStore } from "#store/sqlite.ts";
import { ledgerFile } from "#store/sqlite-reader.ts";
import { newLedger, restore } from "../../../../operator.ts";
import { parseSettings, type Settings } from "../../../../settings.ts";
import { random } from "../../../../system.ts";
import { hoop } from "../../../unit/cli/scripted.ts";
import { admissionEntry } from "../../ledger/made.ts";

export const SCENARIOS = [
  "commits",
  "a backup among commits",
  "a backup by an operator",
  "a restore",
  "a new key",
  "a new ledger",
  "publishing among commits",
  "opening a file of the first version",
] as const;
export type Scenario = (typeof SCENARIOS)[number];

const VERSION_1 = join(import.meta.dirname, "../../../conformance/store/version-1.sql");
/** Entries before: so few are missing to the first full tile that each scenario fills it. */
const BEFORE = 250;
/** What is open then, and used up by the commits of a scenario. */
const OPEN = 24;

export const keyFileIn = (directory: string) => join(directory, "ledger.key");

export function settingsIn(directory: string): Settings {
  return parseSettings(
    JSON.stringify({
      store: { driver: "sqlite", file: join(directory, "hoop.db") },
      certificates: join(directory, "certificates"),
      ledger: { key: keyFileIn(directory) },
      backups: { directory: join(directory, "backups"), everySeconds: 0, keep: 1 },
    }),
    "a crash scenario",
  );
}

/** As a spend: what was open is used up, in the commit that records it. Some payloads are erased, as by retention. */
export function batchOf(n: number): Batch {
  const entry = admissionEntry(n, 1_800_000_000_000);
  return {
    puts: [{ key: `spent/${n}`, value: JSON.stringify({ n }), expect: 0 }],
    deletes: [{ key: `due/${n}` }],
    lines: [lineWithPayload(entry, { object: { n } }, random)],
  };
}

/** Fills an empty directory. */
export async function prepare(directory: string, scenario: Scenario): Promise<void> {
  mkdirSync(directory, { recursive: true });
  const keys = await ledgerKeys(keyFileIn(directory));
  copyFileSync(keyFileIn(directory), join(directory, "old.key"));
  const file = join(directory, "hoop.db");
  if (scenario === "opening a file of the first version") {
    const db = new DatabaseSync(file);
    db.exec(readFileSync(VERSION_1, "utf8"));
    db.close();
    return;
  }
  const store = await sqliteStore(file, { keys });
  const lines = Array.from({ length: BEFORE }, (_, n) => lineOf(admissionEntry(n, 1_700_000_000_000)));
  const open = Array.from({ length: OPEN }, (_, n) => ({ key: `due/${n}`, value: "{}" }));
  await store.commit({ lines, puts: open });
  await store.backup(join(directory, "older.db"));
  await store.commit({ lines: [lineOf(admissionEntry(BEFORE, 1_700_000_000_000))] });
  await store.close();
}

/** What is wrong with what the process left; `said` is what it had said. */
export async function problemsIn(
  directory: string,
  scenario: Scenario,
  said: readonly string[],
): Promise<string[]> {
  const problems: string[] = [];
  const file = join(directory, "hoop.db");
  if (!existsSync(file)) return ["there is no store"];
  if (scenario === "a new ledger") return newLedgerProblems(directory);
  const keys = await ledgerKeys(keyFileIn(directory));
  const told = new Set(said.flatMap((line) => (line.startsWith("key ") ? [line.slice(4)] : [])));
  for (const key of told) if (!verifierKeys(keys).includes(key)) problems.push(`the key ${key} is gone`);
  problems.push(...(await withStore(directory, (store) => storeProblems(store, said))));
  problems.push(...(await ledgerProblems(directory, file)));
  const backups = existsSync(join(directory, "backups")) ? readdirSync(join(directory, "backups")) : [];
  for (const name of backups.filter((each) => each.endsWith(".db")))
    problems.push(...(await ledgerProblems(directory, join(directory, "backups", name))));
  for (const line of said.filter((each) => each.startsWith("backup ")))
    if (!existsSync(line.slice(7))) problems.push(`${line} is not there`);
  return [...problems, ...(await againProblems(directory, scenario))];
}

/** Each answered commit is there as a whole, each other one as a whole or not at all. */
async function storeProblems(store: Store, said: readonly string[]): Promise<string[]> {
  const problems: string[] = [];
  const entries = await entriesWritten(store);
  for (const line of said.filter((each) => each.startsWith("committed "))) {
    const [, n, revision, index] = line.split(" ");
    if (entries.get(`cm-${n}`) !== Number(index)) problems.push(`${line}: its entry is not there`);
    if ((await store.get(`spent/${n}`))?.revision !== Number(revision))
      problems.push(`${line}: its row is not there`);
  }
  for (let n = 0; n < OPEN; n += 1) {
    const [spent, due] = [await store.get(`spent/${n}`), await store.get(`due/${n}`)];
    if ((spent !== undefined) !== entries.has(`cm-${n}`)) problems.push(`commit ${n} is there in part`);
    if (spent !== undefined && due !== undefined) problems.push(`what commit ${n} used up is open`);
  }
  return problems;
}

/** The indexes of what a scenario has appended, by the names of its targets. */
async function entriesWritten(store: Store): Promise<Map<string, number>> {
  const found = new Map<string, number>();
  for (let from = 0, page = await store.lines(0); page.length > 0; page = await store.lines(from)) {
    // The two lines of the first version's file are no entries.
    for (const { index, line } of page.filter((one) => one.line.startsWith("{"))) {
      const { time, target } = JSON.parse(line) as { time?: string; target?: { name?: string } };
      if (time?.startsWith("2027") && target?.name !== undefined) found.set(target.name, index);
    }
    from += page.length;
  }
  return found;
}

async function withStore<T>(directory: string, work: (store: Store) => Promise<T>): Promise<T> {
  const store = await sqliteStore(join(directory, "hoop.db"), {
    keys: await ledgerKeys(keyFileIn(directory)),
  });
  return work(store).finally(() => store.close());
}

async function ledgerProblems(directory: string, file: string): Promise<string[]> {
  const keys = await ledgerKeys(keyFileIn(directory));
  const trusted = verifierKeys(keys).map(parseVerifierKey);
  const opened = ledgerFile(file);
  try {
    const { findings } = await verify(opened.reader, {
      trust: { origin: keys.origin, keys: trusted },
      examine: examineEntry,
    });
    const found = findings.filter(({ kind, ...rest }) => kind !== "entry-malformed" || !isOfVersion1(rest));
    return [...found.map((finding) => `${file}: ${JSON.stringify(finding)}`), ...opened.problems()];
  } finally {
    opened.close();
  }
}

const isOfVersion1 = (finding: object) => "index" in finding && Number(finding.index) < 2;

/** It can be begun again; and whatever was closed on the way is the old one, whole. */
async function newLedgerProblems(directory: string): Promise<string[]> {
  const old = verifierKeyIn(readFileSync(join(directory, "old.key"), "utf8"));
  const said = await newLedger(settingsIn(directory));
  const problems = await ledgerProblems(directory, join(directory, "hoop.db"));
  const open = await withStore(directory, (store) => store.list("due/"));
  if (open.rows.length !== OPEN) problems.push(`of what was open, ${open.rows.length} rows are left`);
  const closed = readdirSync(directory).filter(
    (name) => /\.closed(-\d+)?$/.test(name) && name.startsWith("hoop.db"),
  );
  const [first = ""] = closed.sort();
  const { code, stdout, stderr } = await hoop(["verify", join(directory, first), "--key", old]);
  if (code !== 0) problems.push(`${first}: ${stdout}${stderr}`);
  return said.includes("251 entries") || closed.length > 1 ? problems : [...problems, said];
}

const verifierKeyIn = (text: string) => parseSigner(text.trim()).verifierKey;

/** What was cut off can be done again, to its end. */
async function againProblems(directory: string, scenario: Scenario): Promise<string[]> {
  if (scenario === "a restore") {
    const said = await restore(settingsIn(directory), join(directory, "older.db"));
    const left = await ledgerProblems(directory, join(directory, "hoop.db"));
    return said.startsWith("restored from a backup of 250 entries") ? left : [said];
  }
  if (scenario !== "publishing among commits") return [];
  const published = join(directory, "published");
  await withStore(directory, (store) => new Publisher(store, published).publish());
  const [key = ""] = verifierKeys(await ledgerKeys(keyFileIn(directory)));
  const { code, stdout, stderr } = await hoop(["verify", published, "--key", key]);
  return code === 0 ? [] : [`what is published: ${stdout}${stderr}`];
}

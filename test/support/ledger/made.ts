/** A ledger of a SQLite store as Hoop leaves it: entries of several kinds, payloads, erasures, several batches. */
import { randomBytes } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { recordConfiguration } from "#core/ledger/configuration.ts";
import type { AdmissionEntry } from "#core/ledger/entry.ts";
import { lineOf, lineWithPayload } from "#core/ledger/line.ts";
import { eraseSome } from "#core/ledger/retention.ts";
import type { LogKeys } from "#core/log/appender.ts";
import { formatSigner } from "#core/log/keys.ts";
import { micros } from "#core/times.ts";
import type { Store } from "#kit/storage.ts";
import { verifierKeys } from "#ledger/key-file.ts";
import { Publisher } from "#ledger/publish.ts";
import { sqliteStore } from "#store/sqlite.ts";
import { ManualClock } from "../clock.ts";

const DAY = 86_400_000;

export const KEYS: LogKeys = {
  origin: "hoop.dev/ledger/test",
  signers: [formatSigner("hoop.dev/ledger/test", Buffer.alloc(32, 3))],
};
export const PUBLIC_KEY = verifierKeys(KEYS)[0] ?? "";

const random = { uuid: () => "", suffix: () => "", bytes: (count: number) => randomBytes(count) };

export function admissionEntry(n: number, time: number): AdmissionEntry {
  return {
    schema: "hoop.dev/admission/v3",
    kind: "admission",
    time: micros(time),
    request: `request-${n}`,
    effect: "open",
    caller: "verified",
    agent: { username: `agent-${n % 7}`, groups: ["hoop:agents"] },
    operation: "CREATE",
    target: {
      group: "",
      version: "v1",
      resource: "configmaps",
      kind: "ConfigMap",
      namespace: "demo",
      name: `cm-${n}`,
    },
    dryRun: false,
    verdict: "allow",
    rules: [],
    answer: "allowed",
  };
}

export interface MadeLedger {
  /** The database file, closed; and as it was when it had fewer entries. */
  file: string;
  older: string;
  /** Where it was published, twice; and only the first time. */
  published: string;
  olderPublished: string;
  /** The newest checkpoint, kept. */
  kept: string;
  entries: number;
}

/** Of about that many entries, in that directory. */
export async function madeLedger(directory: string, size: number): Promise<MadeLedger> {
  const at = (name: string) => join(directory, name);
  const file = at("hoop.db");
  const store = await sqliteStore(file, { keys: KEYS });
  const clock = new ManualClock();
  const ports = { store, clock, random };
  await recordConfiguration(ports, {
    version: "v0",
    keys: verifierKeys(KEYS),
    agents: "true",
    rules: ["a"],
    policies: [],
    profiles: [],
    settings: { some: "thing" },
  });
  await append(store, clock, 0, Math.floor(size / 3));
  clock.advance(31 * DAY);
  await append(store, clock, Math.floor(size / 3), size - 12);
  while (await eraseSome(ports, { payloadDays: 30, holds: [{ agent: "agent-3" }] }));
  await new Publisher(store, at("published-older")).publish();
  await new Publisher(store, at("published")).publish();
  await store.backup(at("older.db"));
  await append(store, clock, size - 12, size);
  await new Publisher(store, at("published")).publish();
  const head = await store.head();
  writeFileSync(at("kept.checkpoint"), head.note ?? "");
  await store.backup(at("whole.db"));
  await store.close();
  return {
    file: at("whole.db"),
    older: at("older.db"),
    published: at("published"),
    olderPublished: at("published-older"),
    kept: at("kept.checkpoint"),
    entries: head.size,
  };
}

async function append(store: Store, clock: ManualClock, from: number, to: number): Promise<void> {
  for (let n = from; n < to; ) {
    const end = Math.min(to, n + 1 + (n % 5));
    const lines = [];
    for (; n < end; n += 1) {
      const entry = admissionEntry(n, clock.now());
      lines.push(n % 3 === 0 ? lineOf(entry) : lineWithPayload(entry, { object: { n } }, random));
    }
    await store.commit({ lines });
  }
}

/** Exports of a made ledger, by the command. */

import { createHash, randomBytes } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { recordConfiguration } from "#core/ledger/configuration.ts";
import { lineOf, lineWithPayload } from "#core/ledger/line.ts";
import { sqliteStore } from "#store/sqlite.ts";
import { hoop } from "../../unit/cli/scripted.ts";
import { ManualClock } from "../clock.ts";
import { admissionEntry, KEYS, PUBLIC_KEY } from "./made.ts";

/** A text as its bytes: one character each. */
export function asBytes(text: string): string {
  return Buffer.from(text).toString("latin1");
}

export function bytesOf(lines: readonly string[]): Buffer {
  return Buffer.from(lines.map((line) => `${line}\n`).join(""), "latin1");
}

/** The lines of a new export, without their line feeds, one character a byte. */
export async function exportedLines(
  directory: string,
  source: string,
  ...flags: string[]
): Promise<string[]> {
  const file = join(directory, "exported.jsonl");
  const { code, stdout, stderr } = await hoop(["export", source, "--key", PUBLIC_KEY, ...flags]);
  if (code !== 0) throw new Error(stderr);
  writeFileSync(file, stdout);
  return readFileSync(file, "latin1").split("\n").slice(0, -1);
}

/** The last line made to fit those before it, as whoever knows the format would. */
export function coveredUp(lines: readonly string[]): string[] {
  const before = lines.slice(0, -1);
  const digest = createHash("sha256").update(bytesOf(before)).digest("hex");
  return [...before, `{"end":{"digest":"${digest}","lines":${before.length - 1}}}`];
}

/** A closed store of so many entries and one more, some with payloads; quickly made. */
export async function largeLedger(file: string, size: number): Promise<void> {
  const store = await sqliteStore(file, { keys: KEYS });
  const random = { uuid: () => "", suffix: () => "", bytes: (count: number) => randomBytes(count) };
  const configuration = {
    version: "v0",
    keys: [PUBLIC_KEY],
    agents: "true",
    rules: [],
    settings: {},
    policies: [],
    profiles: [],
  };
  await recordConfiguration({ store, clock: new ManualClock(), random }, configuration);
  // As many more, where it was there before.
  for (let n = 0; n < size; n += BATCH) {
    const lines = Array.from({ length: Math.min(BATCH, size - n) }, (_, at) => {
      const entry = admissionEntry(n + at, 1_900_000_000_000 + n + at);
      return at % 10 === 0 ? lineWithPayload(entry, { object: { n } }, random) : lineOf(entry);
    });
    await store.commit({ lines });
  }
  await store.close();
}

const BATCH = 1000;

/** What `kubectl hoop verify` says of a file. */
export async function verified(file: string, content: string | Uint8Array, ...flags: string[]) {
  writeFileSync(file, content);
  const { code, stdout, stderr } = await hoop(["verify", file, "--key", PUBLIC_KEY, ...flags]);
  return { code, said: stdout + stderr };
}

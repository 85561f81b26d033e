/**
 * The file of the keys that sign the ledger: one key a line, as signed notes have them (`PRIVATE+KEY+NAME+…`), the
 * newest first. All of them sign. Their name says which ledger it is, and is the same in all. Whoever has the file can
 * sign another history: see docs/guides/records.md.
 */
import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import type { LogKeys } from "#core/log/appender.ts";
import { formatSigner, parseSigner } from "#core/log/keys.ts";
import { readWhole, writeWhole } from "#files/whole.ts";

const SEED_BYTES = 32;

/** Keys of their own, that nobody else has and that are nowhere kept: for what does not outlive the process. */
export function passingKeys(): LogKeys {
  const origin = freshOrigin();
  return { origin, signers: [formatSigner(origin, randomBytes(SEED_BYTES))] };
}

/** What is in the file. Where there is none, it is made, with a key of a new ledger. */
export async function ledgerKeys(file: string): Promise<LogKeys> {
  const text = await readWhole(file);
  if (text !== undefined) return parsed(text, file);
  const made = passingKeys();
  await write(file, made);
  return made;
}

/** Puts a new key of the same ledger before those in the file. */
export async function addKey(file: string): Promise<LogKeys> {
  const text = await readWhole(file);
  if (text === undefined) throw new Error(`there is no ${file}: whose ledger the key is for is not known`);
  const { origin, signers } = parsed(text, file);
  const keys = { origin, signers: [formatSigner(origin, randomBytes(SEED_BYTES)), ...signers] };
  await write(file, keys);
  return keys;
}

/**
 * The keys for a ledger that begins after that of another origin: those in the file where they are of yet another one, or
 * else new ones, which `take` puts into the file; what was there is kept beside it.
 */
export async function nextKeys(
  file: string,
  origin: string,
): Promise<{ keys: LogKeys; take: () => Promise<void> }> {
  const text = await readWhole(file);
  const given = text === undefined ? undefined : parsed(text, file);
  if (given !== undefined && given.origin !== origin) return { keys: given, take: async () => undefined };
  const keys = passingKeys();
  const take = async () => {
    if (text !== undefined) await writeWhole(freeName(`${file}.closed`), text, 0o600);
    await write(file, keys);
  };
  return { keys, take };
}

/** In the form in which verifiers are given them. */
export function verifierKeys({ signers }: LogKeys): string[] {
  return signers.map((signer) => parseSigner(signer).verifierKey);
}

function freshOrigin(): string {
  return `hoop.dev/ledger/${randomBytes(8).toString("hex")}`;
}

function parsed(text: string, file: string): LogKeys {
  const signers = text
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "" && !line.startsWith("#"));
  const names = new Set(signers.map((line, at) => nameOf(line, `line ${at + 1} of ${file}`)));
  const [origin] = names;
  if (origin === undefined) throw new Error(`${file} holds no key`);
  if (names.size > 1) throw new Error(`${file} holds keys of several ledgers: ${[...names].join(", ")}`);
  return { origin, signers };
}

function nameOf(signer: string, place: string): string {
  try {
    return parseSigner(signer).name;
  } catch (cause) {
    throw new Error(`${place}: ${cause instanceof Error ? cause.message : "not a key"}`, { cause });
  }
}

function freeName(wanted: string): string {
  let name = wanted;
  for (let n = 2; existsSync(name); n += 1) name = `${wanted}-${n}`;
  return name;
}

function write(file: string, { signers }: LogKeys): Promise<void> {
  return writeWhole(file, signers.map((signer) => `${signer}\n`).join(""), 0o600);
}

/** `kubectl hoop verify`: that no record was changed, removed, added or moved since it was signed. */
import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { examineEntry } from "#core/ledger/examine.ts";
import type { Trust } from "#core/log/checkpoint.ts";
import type { Finding } from "#core/log/finding.ts";
import { parseVerifierKey, type VerifierKey } from "#core/log/keys.ts";
import { type Report, verify as verifyLog } from "#core/log/verify.ts";
import type { Context } from "../context.ts";
import { CommandError, errorLine } from "../failure.ts";
import type { ConnectionFlags } from "../flags.ts";
import { toJson } from "../json.ts";
import { onlineSource } from "../verify/online.ts";
import { fileSource, type Source } from "../verify/source.ts";
import { textOf } from "../verify/text.ts";

export interface VerifyFlags extends ConnectionFlags {
  readonly key: readonly string[] | undefined;
  readonly checkpoint: readonly string[] | undefined;
  readonly keep: string | undefined;
  readonly output: "json" | undefined;
}

export interface Verified extends Report {
  readonly origin: string;
  /** Whether the keys came with the ledger: then a forger may have put them there. */
  readonly keysFromLedger: boolean;
}

const FOUND = 1;
const NOT_LOOKED = 2;

export async function verify(this: Context, flags: VerifyFlags, path?: string): Promise<void> {
  try {
    const source = path === undefined ? await onlineSource(this, flags) : fileSource(path);
    const verified = await verifiedBy(source, flags).finally(() => source.close());
    if (verified.intact && flags.keep !== undefined) await keep(flags.keep, source);
    this.process.stdout.write(flags.output === "json" ? toJson(verified) : textOf(verified));
    this.process.exitCode = verified.intact ? 0 : FOUND;
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    this.process.stderr.write(`${errorLine(error)}\n`);
    this.process.exitCode = NOT_LOOKED;
  }
}

async function verifiedBy(source: Source, flags: VerifyFlags): Promise<Verified> {
  const given = (flags.key ?? []).flatMap(keysOf);
  const trust = trustIn(given.length > 0 ? given : source.keys.map(parsed));
  const report = await verifyLog(source.reader, {
    trust,
    known: [...(flags.checkpoint ?? []).map(noteIn), ...keptIn(flags.keep)],
    examine: examineEntry,
  });
  const findings: Finding[] = [...report.findings, ...source.own()];
  return {
    ...report,
    findings,
    intact: report.intact && findings.length === 0,
    origin: trust.origin,
    keysFromLedger: given.length === 0,
  };
}

/** A key, or the file it is in. */
function keysOf(given: string): VerifierKey[] {
  const text = existsSync(given) ? readFileSync(given, "utf8") : given;
  const lines = text.split("\n").map((line) => line.trim());
  return lines.filter((line) => line !== "" && !line.startsWith("#")).map(parsed);
}

function parsed(key: string): VerifierKey {
  try {
    return parseVerifierKey(key);
  } catch {
    throw new CommandError("not a public key of a ledger, nor a file of such: NAME+ID+BASE64");
  }
}

function trustIn(keys: readonly VerifierKey[]): Trust {
  const [first] = keys;
  if (first === undefined) throw new CommandError("no key is known to verify it by: name one with --key");
  if (keys.some(({ name }) => name !== first.name)) throw new CommandError("the keys are of several ledgers");
  return { origin: first.name, keys };
}

function noteIn(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch {
    throw new CommandError(`the checkpoint ${file} cannot be read`);
  }
}

function keptIn(file: string | undefined): Buffer[] {
  return file !== undefined && existsSync(file) ? [noteIn(file)] : [];
}

/** The newest checkpoint, which is proven now. */
async function keep(file: string, source: Source): Promise<void> {
  const notes: Uint8Array[] = [];
  for await (const note of source.reader.checkpoints()) notes.push(note);
  const newest = notes.at(-1);
  if (newest === undefined) return;
  writeFileSync(`${file}.new`, newest);
  renameSync(`${file}.new`, file);
}

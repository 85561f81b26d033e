/** `kubectl hoop verify`: that no record was changed, removed, added or moved since it was signed. */
import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { type ExportReport, extentOf, verifyExport } from "#core/export/verify.ts";
import { examineEntry } from "#core/ledger/examine.ts";
import { openCheckpoint, type Trust } from "#core/log/checkpoint.ts";
import type { Finding } from "#core/log/finding.ts";
import { type LogReader, type Report, verify as verifyLog } from "#core/log/verify.ts";
import type { Context } from "../context.ts";
import { CommandError, errorLine } from "../failure.ts";
import type { ConnectionFlags } from "../flags.ts";
import { toJson } from "../json.ts";
import { exportFile, isExport } from "../verify/export-file.ts";
import { onlineSource } from "../verify/online.ts";
import { fileSource, type Source } from "../verify/source.ts";
import { textOf } from "../verify/text.ts";
import { trustFor } from "../verify/trust.ts";

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
  /** Entries that lie there beyond the checkpoint, as while they are being published: they were not looked at. */
  readonly unsigned: number;
  /** The checkpoints from another time that it was held against, and how many entries each is of. */
  readonly against: readonly Kept[];
  /** What it can be held against the next time. */
  readonly kept?: Kept;
}

export interface Kept {
  readonly file: string;
  readonly entries: number;
}

export type VerifiedExport = Verified & ExportReport;

const FOUND = 1;
const NOT_LOOKED = 2;

export async function verify(this: Context, flags: VerifyFlags, path?: string): Promise<void> {
  try {
    const verified =
      path !== undefined && isExport(path) ? await ofExport(path, flags) : await ofLog(this, flags, path);
    this.process.stdout.write(flags.output === "json" ? toJson(verified) : textOf(verified));
    this.process.exitCode = verified.intact ? 0 : FOUND;
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    this.process.stderr.write(`${errorLine(error)}\n`);
    this.process.exitCode = NOT_LOOKED;
  }
}

async function ofLog(context: Context, flags: VerifyFlags, path: string | undefined): Promise<Verified> {
  const source = path === undefined ? await onlineSource(context, flags) : fileSource(path);
  const { verified, trust } = await verifiedBy(source, flags).finally(() => source.close());
  return { ...verified, ...(await keptNow(verified.intact, flags, source.reader.checkpoints(), trust)) };
}

/** The checkpoint beside it, which may have been kept elsewhere, is one that is known. */
async function ofExport(path: string, flags: VerifyFlags): Promise<VerifiedExport> {
  const file = await exportFile(path);
  const extent = extentOf(file.first);
  if (typeof extent === "string") throw new CommandError(`${path} cannot be read as an export: ${extent}`);
  const { trust } = trustFor(flags.key, []);
  const known = [...knownTo(flags), ...keptIn(`${path}.checkpoint`)];
  const report = await verifyExport(file, extent, { trust, known: known.map(({ note }) => note) });
  const kept = await keptNow(report.intact, flags, [Buffer.from(extent.checkpoint)], trust);
  const against = againstAll(known, trust);
  return { ...report, origin: trust.origin, keysFromLedger: false, unsigned: 0, against, ...kept };
}

/** A checkpoint in a file. */
interface Noted {
  readonly file: string;
  readonly note: Buffer;
}

function knownTo(flags: VerifyFlags): Noted[] {
  return [...(flags.checkpoint ?? []).map(noteIn), ...keptIn(flags.keep)];
}

async function verifiedBy(source: Source, flags: VerifyFlags): Promise<{ verified: Verified; trust: Trust }> {
  const { trust, keysFromLedger } = trustFor(flags.key, source.keys);
  const known = knownTo(flags);
  const notes = known.map(({ note }) => note);
  const report = await verifyLog(source.reader, { trust, known: notes, examine: examineEntry });
  const findings: Finding[] = [...report.findings, ...source.own()];
  const verified = {
    ...report,
    findings,
    intact: report.intact && findings.length === 0,
    origin: trust.origin,
    keysFromLedger,
    unsigned: source.unsigned?.() ?? 0,
    against: againstAll(known, trust),
  };
  return { verified, trust };
}

/** Without those that cannot be believed: these are findings. */
function againstAll(known: readonly Noted[], trust: Trust): Kept[] {
  return known.flatMap(({ file, note }) => {
    const opened = openCheckpoint(note, trust);
    return opened.kind === "checkpoint" ? [{ file, entries: opened.checkpoint.size }] : [];
  });
}

function noteIn(file: string): Noted {
  try {
    return { file, note: readFileSync(file) };
  } catch {
    throw new CommandError(`the checkpoint ${file} cannot be read`);
  }
}

function keptIn(file: string | undefined): Noted[] {
  return file !== undefined && existsSync(file) ? [noteIn(file)] : [];
}

/** Keeps the newest checkpoint, which is proven now, where that is wanted. */
async function keptNow(
  intact: boolean,
  { keep: file }: VerifyFlags,
  checkpoints: ReturnType<LogReader["checkpoints"]>,
  trust: Trust,
): Promise<Pick<Verified, "kept">> {
  if (!intact || file === undefined) return {};
  const notes: Noted[] = [];
  for await (const note of checkpoints) notes.push({ file, note: Buffer.from(note) });
  const newest = notes.at(-1);
  if (newest === undefined) return {};
  writeFileSync(`${file}.new`, newest.note);
  renameSync(`${file}.new`, file);
  const [kept] = againstAll([newest], trust);
  return kept === undefined ? {} : { kept };
}

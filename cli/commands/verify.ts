/** `kubectl hoop verify`: that no record was changed, removed, added or moved since it was signed. */
import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { type ExportReport, extentOf, verifyExport } from "#core/export/verify.ts";
import { examineEntry } from "#core/ledger/examine.ts";
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
  const verified = await verifiedBy(source, flags).finally(() => source.close());
  if (verified.intact && flags.keep !== undefined) await keep(flags.keep, source.reader.checkpoints());
  return verified;
}

/** The checkpoint beside it, which may have been kept elsewhere, is one that is known. */
async function ofExport(path: string, flags: VerifyFlags): Promise<VerifiedExport> {
  const file = await exportFile(path);
  const extent = extentOf(file.first);
  if (typeof extent === "string") throw new CommandError(`${path} cannot be read as an export: ${extent}`);
  const { trust } = trustFor(flags.key, []);
  const known = [...knownTo(flags), ...keptIn(`${path}.checkpoint`)];
  const report = await verifyExport(file, extent, { trust, known });
  if (report.intact && flags.keep !== undefined) await keep(flags.keep, [Buffer.from(extent.checkpoint)]);
  return { ...report, origin: trust.origin, keysFromLedger: false, unsigned: 0 };
}

function knownTo(flags: VerifyFlags): Buffer[] {
  return [...(flags.checkpoint ?? []).map(noteIn), ...keptIn(flags.keep)];
}

async function verifiedBy(source: Source, flags: VerifyFlags): Promise<Verified> {
  const { trust, keysFromLedger } = trustFor(flags.key, source.keys);
  const report = await verifyLog(source.reader, { trust, known: knownTo(flags), examine: examineEntry });
  const findings: Finding[] = [...report.findings, ...source.own()];
  return {
    ...report,
    findings,
    intact: report.intact && findings.length === 0,
    origin: trust.origin,
    keysFromLedger,
    unsigned: source.unsigned?.() ?? 0,
  };
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
async function keep(file: string, checkpoints: ReturnType<LogReader["checkpoints"]>): Promise<void> {
  const notes: Uint8Array[] = [];
  for await (const note of checkpoints) notes.push(note);
  const newest = notes.at(-1);
  if (newest === undefined) return;
  writeFileSync(`${file}.new`, newest);
  renameSync(`${file}.new`, file);
}

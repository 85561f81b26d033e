/**
 * Proves an export by itself. One of all entries is a log like any other: nothing can be missing in it. Of one that is
 * not, each line has its own proof, and between lines whose indexes follow one another nothing is missing.
 */
import { examined } from "../ledger/examine.ts";
import { openCheckpoint } from "../log/checkpoint.ts";
import type { Counts, Examined, StoredEntry } from "../log/contents.ts";
import { type Finding, Findings } from "../log/finding.ts";
import { leafHash } from "../log/hash.ts";
import { Heads } from "../log/heads.ts";
import { payloadDigest } from "../log/payload.ts";
import { isIncluded } from "../log/proof.ts";
import { TILE_WIDTH } from "../log/tile.ts";
import { type LogReader, type Report, type VerifyOptions, verify } from "../log/verify.ts";
import type { Exported, Extent } from "./exported.ts";
import { type Filter, Selection } from "./filter.ts";
import { readLine } from "./jsonl.ts";

/** The lines of a file between its first and its last, and what those two are to be held against. */
export interface ExportFile {
  readonly first: Buffer;
  /** Undefined: there is no other than the first. */
  readonly last: Buffer | undefined;
  /** Lines between them. */
  readonly lines: number;
  /** SHA-256, hex, over all before the last line. */
  readonly digest: string;
  /** From the first of them, each without its line feed. */
  between(): AsyncIterable<Buffer>;
}

export interface ExportReport extends Report {
  /** Whether it is of all entries that its checkpoint covers. */
  readonly whole: boolean;
  readonly size: number;
  readonly filter?: Filter;
  /** Of one that is not: where entries follow one another without a gap, from one index up to and without the other. */
  readonly runs: readonly (readonly [from: number, to: number])[];
  /** More of them than are told. */
  readonly moreRuns: number;
}

const MOST_RUNS = 1000;

/** The beginning of an export; a string says why it is none. */
export function extentOf(first: Buffer): Extent | string {
  const read = readLine(first);
  if (typeof read === "string") return read;
  return read.kind === "begin" ? read.extent : "it does not begin as an export does";
}

export async function verifyExport(
  file: ExportFile,
  extent: Extent,
  options: Pick<VerifyOptions, "trust" | "known">,
): Promise<ExportReport> {
  const frame = frameFindings(file);
  const report = await (extent.filter === undefined
    ? verifyWhole(file, extent, options)
    : verifyLines(file, extent, options));
  const findings = [...frame, ...report.findings];
  return { ...report, findings, intact: report.intact && findings.length === 0 };
}

function frameFindings({ last, lines, digest }: ExportFile): Finding[] {
  const read = last === undefined ? "it has no end" : readLine(last);
  if (typeof read === "string" || read.kind !== "end")
    return [
      { kind: "export-damaged", line: lines + 2, reason: "it does not end as an export does: it is cut off" },
    ];
  const found: Finding[] = [];
  if (read.lines !== lines)
    found.push({ kind: "miscounted", what: "entries", held: read.lines, seen: lines });
  if (read.digest !== digest)
    found.push({
      kind: "export-damaged",
      line: lines + 2,
      reason: "its bytes are not those that were written",
    });
  return found;
}

async function verifyWhole(
  file: ExportFile,
  extent: Extent,
  options: Pick<VerifyOptions, "trust" | "known">,
): Promise<ExportReport> {
  const reading = new Reading(file, extent);
  const report = await verify(reading.log(), {
    ...options,
    examine: (_, index) => reading.examine(index),
  });
  const findings = [...report.findings, ...reading.findings.all()];
  const size = report.intact ? report.proven : report.counts.entries;
  return { ...report, findings, whole: true, size, runs: [], moreRuns: 0 };
}

/** The lines as a log. */
class Reading {
  readonly findings = new Findings(1000);
  readonly #file: ExportFile;
  readonly #extent: Extent;
  readonly #lines: AsyncIterator<Buffer>;
  /** The line's number in the file, from 1. */
  #number = 1;
  #next: Exported | undefined;
  /** Of the bundle at hand. */
  #bundle = new Map<number, Exported>();

  constructor(file: ExportFile, extent: Extent) {
    this.#file = file;
    this.#extent = extent;
    this.#lines = file.between()[Symbol.asyncIterator]();
  }

  log(): LogReader {
    return {
      checkpoints: () => [Buffer.from(this.#extent.checkpoint)],
      bundle: (index) => this.#entries(index),
      count: () => ({ entries: this.#file.lines }),
      ...(this.#extent.payloads ? { payload: (index) => this.#bundle.get(index)?.payload } : {}),
    };
  }

  /** Those that belong before its end, whatever place they claim: a later one waits for its own. */
  async #entries(index: number): Promise<StoredEntry[]> {
    const end = (index + 1) * TILE_WIDTH;
    const entries: StoredEntry[] = [];
    this.#bundle = new Map();
    for (let one = await this.#peek(); one !== undefined && one.index < end; one = await this.#peek()) {
      this.#next = undefined;
      this.#bundle.set(one.index, one);
      entries.push({ index: one.index, bytes: Buffer.from(one.text) });
    }
    return entries;
  }

  examine(index: number): Examined {
    const one = this.#bundle.get(index);
    return one === undefined ? {} : examined(one.entry);
  }

  async #peek(): Promise<Exported | undefined> {
    while (this.#next === undefined) {
      const { done, value } = await this.#lines.next();
      if (done === true) return undefined;
      this.#number += 1;
      this.#next = entryIn(value, this.#number, this.#extent, this.findings);
    }
    return this.#next;
  }
}

/** Undefined where it is none; why is found. */
function entryIn(bytes: Buffer, line: number, extent: Extent, findings: Findings): Exported | undefined {
  const read = readLine(bytes);
  const wrong =
    typeof read === "string"
      ? read
      : read.kind === "entry"
        ? misfit(read.one, extent)
        : "no line of an entry";
  if (wrong !== undefined) findings.add({ kind: "export-damaged", line, reason: wrong });
  return typeof read !== "string" && read.kind === "entry" ? read.one : undefined;
}

function misfit({ payload, proof }: Exported, { payloads, filter }: Extent): string | undefined {
  if (payload !== undefined && !payloads) return "a payload in an export without";
  if ((proof === undefined) !== (filter === undefined))
    return proof === undefined ? "without its proof" : "a proof in an export of all entries";
  return undefined;
}

async function verifyLines(
  file: ExportFile,
  extent: Extent,
  { trust, known = [] }: Pick<VerifyOptions, "trust" | "known">,
): Promise<ExportReport> {
  const findings = new Findings(1000);
  const notes = [...known];
  const heads = await Heads.collect([Buffer.from(extent.checkpoint)], notes, trust, findings);
  for (const head of twins(notes, trust, heads.newest)) findings.add(head);
  const lines = new Lines(extent, heads.newest, findings);
  let line = 1;
  for await (const bytes of file.between()) {
    line += 1;
    const one = entryIn(bytes, line, extent, findings);
    if (one !== undefined) lines.add(one, line);
  }
  const { counts, proven, runs, moreRuns } = lines;
  const all = findings.all();
  return {
    intact: all.length === 0 && proven === counts.entries,
    findings: all,
    omitted: findings.omitted,
    proven,
    checkpoints: heads.newest === undefined ? 0 : 1,
    counts,
    whole: false,
    size: heads.newest?.size ?? 0,
    ...(extent.filter === undefined ? {} : { filter: extent.filter }),
    runs,
    moreRuns,
  };
}

/** Notes of as many entries, and of others: of one that is smaller this export cannot tell. */
function* twins(notes: readonly Uint8Array[], trust: VerifyOptions["trust"], newest: Heads["newest"]) {
  for (const note of notes) {
    const opened = openCheckpoint(note, trust);
    if (opened.kind !== "checkpoint" || newest === undefined) continue;
    const { size, root } = opened.checkpoint;
    if (size === newest.size && !root.equals(newest.root))
      yield { kind: "forked", size, against: size } as const;
  }
}

/** Lines that each have a proof, one after another. */
class Lines {
  readonly counts: Counts = { entries: 0, payloads: 0, erased: 0 };
  readonly runs: [number, number][] = [];
  moreRuns = 0;
  proven = 0;
  readonly #extent: Extent;
  readonly #head: Heads["newest"];
  readonly #findings: Findings;
  readonly #selection: Selection;
  #last = -1;

  constructor(extent: Extent, head: Heads["newest"], findings: Findings) {
    this.#extent = extent;
    this.#head = head;
    this.#findings = findings;
    this.#selection = new Selection(extent.filter ?? {});
  }

  add(one: Exported, line: number): void {
    const { index, text, entry, proof = [] } = one;
    this.counts.entries += 1;
    if (!this.#selection.accepts(index, entry))
      this.#findings.add({ kind: "export-damaged", line, reason: "not what its filter asks for" });
    if (index <= this.#last) this.#findings.add({ kind: "entry-out-of-order", index });
    if (this.#head !== undefined && isIncluded(leafHash(Buffer.from(text)), index, this.#head, proof))
      this.proven += 1;
    else this.#findings.add({ kind: "entry-unproven", index, line });
    if (this.#extent.payloads) this.#judgePayload(one);
    const run = this.runs.at(-1);
    if (run !== undefined && run[1] === index) run[1] += 1;
    else if (this.runs.length < MOST_RUNS) this.runs.push([index, index + 1]);
    else this.moreRuns += 1;
    this.#last = Math.max(this.#last, index);
  }

  #judgePayload({ index, entry, payload }: Exported): void {
    const { payload: digest } = examined(entry);
    if (payload === "erased") this.counts.erased += 1;
    else if (payload !== undefined) this.counts.payloads += 1;
    if (digest === undefined) {
      if (payload !== undefined) this.#findings.add({ kind: "payload-surplus", index });
    } else if (payload === undefined) this.#findings.add({ kind: "payload-missing", index });
    else if (payload !== "erased" && !payloadDigest(payload).equals(digest))
      this.#findings.add({ kind: "payload-altered", index });
  }
}

/** `kubectl hoop export`: the ledger, or a part of it, as a file that others can read and prove. */
import { statSync } from "node:fs";
import { join } from "node:path";
import { audit } from "#core/export/audit.ts";
import { csv } from "#core/export/csv.ts";
import { exportOf, type Progress } from "#core/export/export.ts";
import type { Format } from "#core/export/exported.ts";
import { isFilter } from "#core/export/filter.ts";
import { jsonl } from "#core/export/jsonl.ts";
import { ocsf } from "#core/export/ocsf.ts";
import { Damaged, headIn, headOf, type SignedHead } from "#core/export/pass.ts";
import { EMPTY_TREE } from "#core/log/tree.ts";
import { printable } from "#core/printable.ts";
import type { Context } from "../context.ts";
import { CommandError, errorLine } from "../failure.ts";
import type { ConnectionFlags } from "../flags.ts";
import { onlineSource } from "../verify/online.ts";
import { fileSource, type Source } from "../verify/source.ts";
import { trustFor } from "../verify/trust.ts";
import { type FilterFlags, filterOf, typedFilter } from "./filter-flags.ts";
import { fileOutput, goesOnAt, type Output, type Saved, streamOutput } from "./output.ts";

export interface ExportFlags extends ConnectionFlags, FilterFlags {
  readonly format: keyof typeof FORMATS;
  readonly filename: string | undefined;
  readonly payloads: boolean;
  readonly key: readonly string[] | undefined;
}

const FORMATS = { jsonl, csv, "audit.k8s.io": audit, ocsf } as const satisfies Record<string, Format>;

const DAMAGED = 1;
const NOT_DONE = 2;
/** Bundles: what a kill may cost. */
const SAVE_EVERY = 8;
const BEGINNING: Progress = { tree: EMPTY_TREE, lines: 0, open: [], unsaid: {} };

export async function exportRecords(this: Context, flags: ExportFlags, path?: string): Promise<void> {
  const file =
    flags.filename === undefined || flags.filename === "-"
      ? undefined
      : fileFor(flags.filename, FORMATS[flags.format]);
  let hasBegun = false;
  try {
    const output =
      file === undefined
        ? streamOutput((text) => this.process.stdout.write(text))
        : await fileOutput(file, commandOf(flags, path));
    hasBegun = true;
    if (output === "done") this.process.stderr.write(`${file} was finished already.\n`);
    else await exported(this, flags, path, file, output).finally(() => output.close());
    this.process.exitCode = 0;
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    const isDamaged = error instanceof Damaged;
    this.lastWords(`${errorLine(error)}\n${nextStep(isDamaged, hasBegun ? file : undefined)}`);
    this.process.exitCode = isDamaged ? DAMAGED : NOT_DONE;
  }
}

function nextStep(isDamaged: boolean, file: string | undefined): string {
  if (isDamaged) return "See what is wrong with: kubectl hoop verify\n";
  const at = file === undefined ? undefined : goesOnAt(file);
  return at === undefined
    ? ""
    : `What is done is in ${file}.part: the same command goes on from there, at entry ${at}.\n`;
}

/** A directory gets a file of its own. */
function fileFor(name: string, { extension }: Format): string {
  const isDirectory =
    name.endsWith("/") || (statSync(name, { throwIfNoEntry: false })?.isDirectory() ?? false);
  return isDirectory ? join(name, `records.${extension}`) : name;
}

/** What has to be the same for going on. */
function commandOf(flags: ExportFlags, path: string | undefined): string {
  const filter = typedFilter(flags);
  const payloads = flags.payloads ? " --payloads" : "";
  return printable(
    `export ${path === undefined ? "" : `${path} `}--format ${flags.format}${payloads}${filter}`,
  );
}

async function exported(
  context: Context,
  flags: ExportFlags,
  path: string | undefined,
  file: string | undefined,
  output: Output,
): Promise<void> {
  const source = path === undefined ? await onlineSource(context, flags) : fileSource(path);
  try {
    if (flags.payloads && source.reader.payload === undefined)
      throw new CommandError(`${path} has no payloads: it was published without them`);
    const { trust, keysFromLedger } = trustFor(flags.key, source.keys);
    const head =
      output.saved === undefined ? await headOf(source.reader, trust) : savedHead(output.saved, trust);
    const tell = teller(context, head, file);
    tell.begins(output.saved);
    const progress = await written(context, flags, source, head, output, tell);
    await output.finish(head.note);
    tell.ends(progress, keysFromLedger, flags.format);
  } finally {
    source.close();
  }
}

function savedHead({ note }: Saved, trust: Parameters<typeof headIn>[1]): SignedHead {
  const head = headIn(note, trust);
  if (typeof head !== "string") return head;
  throw new CommandError(`what was begun is of a checkpoint that cannot be believed here: ${head}`);
}

async function written(
  context: Context,
  flags: ExportFlags,
  source: Source,
  head: SignedHead,
  output: Output,
  tell: Teller,
): Promise<Progress> {
  const { payloads } = flags;
  const format = FORMATS[flags.format];
  const { note } = head;
  const filter = output.saved?.filter ?? filterOf(flags, context.now());
  if (output.saved === undefined)
    output.write(format.begin({ checkpoint: note, payloads, filter: isFilter(filter) ? filter : undefined }));
  let progress = output.saved?.progress ?? BEGINNING;
  let parts = 0;
  try {
    for await (const part of exportOf(source.reader, head, { format, filter, payloads }, progress)) {
      if (context.signal.aborted) throw new CommandError("interrupted");
      output.write(part.text);
      if (part.progress === undefined) continue;
      progress = part.progress;
      parts += 1;
      output.reached({ note, filter, progress });
      if (parts % SAVE_EVERY === 0) {
        await output.save();
        // A file is read without ever waiting: so that Ctrl-C is heard.
        await context.sleep(0);
      }
      tell.is(progress);
    }
  } catch (error) {
    await output.save();
    throw error;
  }
  output.write(format.end(progress.lines, output.digest()));
  return progress;
}

interface Teller {
  begins(saved: Saved | undefined): void;
  is(progress: Progress): void;
  ends(progress: Progress, keysFromLedger: boolean, format: string): void;
}

const EVERY_MILLISECONDS = 250;

/** What goes on, on standard error: a line that counts where somebody watches. */
function teller(context: Context, { checkpoint }: SignedHead, file: string | undefined): Teller {
  const { origin, size } = checkpoint;
  const say = (text: string) => context.process.stderr.write(printable(text, { multiline: true }));
  let last = context.now();
  let isCounting = false;
  return {
    begins: (saved) => {
      say(`Ledger ${origin}, as of its checkpoint of ${size} entries\n`);
      if (saved !== undefined)
        say(
          `Going on at entry ${saved.progress.tree.size}, behind ${saved.progress.lines} lines that are there.\n`,
        );
    },
    is: ({ tree }) => {
      if (!context.watched || context.now() - last < EVERY_MILLISECONDS) return;
      last = context.now();
      isCounting = true;
      context.process.stderr.write(
        `\r${tree.size} of ${size} entries (${Math.floor((100 * tree.size) / size)} %)`,
      );
    },
    ends: ({ lines, unsaid }, keysFromLedger, format) => {
      if (isCounting) context.process.stderr.write("\r\u001b[K");
      const left = Object.entries(unsaid).map(([kind, count]) => `${count} ${kind}`);
      if (left.length > 0) say(`Left out, since ${format} has no words for them: ${left.join(", ")}\n`);
      if (keysFromLedger)
        say("By the keys that the ledger itself names; with --key, by those that you have written down.\n");
      if (file === undefined) say(`${lines} entries exported.\n`);
      else say(`${lines} entries exported to ${file}, its checkpoint to ${file}.checkpoint\n`);
      if (file !== undefined && format === "jsonl")
        say(`Prove it, without any cluster: kubectl hoop verify ${file} --key KEY\n`);
    },
  };
}

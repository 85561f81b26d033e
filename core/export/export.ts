/** The lines of an export, part by part, so that whoever keeps them can go on between any two parts. */
import type { JsonObject } from "../admission.ts";
import { examined } from "../ledger/examine.ts";
import type { StoredEntry, StoredPayload } from "../log/contents.ts";
import { decodeEntry } from "../log/entry.ts";
import { payloadDigest } from "../log/payload.ts";
import type { Tree } from "../log/tree.ts";
import type { LogReader } from "../log/verify.ts";
import type { Format } from "./exported.ts";
import { type Filter, isFilter, Selection } from "./filter.ts";
import { Damaged, passOf, type SignedHead } from "./pass.ts";
import { Prover } from "./prover.ts";

export interface Wanted {
  readonly format: Format;
  readonly filter: Filter;
  readonly payloads: boolean;
}

/** Between two parts. */
export interface Progress {
  readonly tree: Tree;
  /** Lines of entries. */
  readonly lines: number;
  /** Entries that were wanted and that wait for their outcomes, by index. */
  readonly open: readonly number[];
  /** How many entries of each kind the format has no words for. */
  readonly unsaid: Readonly<Record<string, number>>;
}

export interface ExportedPart {
  readonly text: string;
  /** How far it is with this text; undefined in the middle of what can be gone on from. */
  readonly progress: Progress | undefined;
}

/** Characters: large payloads are not gathered. */
const LARGE = 1 << 20;

/** @throws Damaged where the ledger is not what was signed: then what was given before it is not proven either. */
export async function* exportOf(
  reader: LogReader,
  head: SignedHead,
  wanted: Wanted,
  from: Progress,
): AsyncGenerator<ExportedPart> {
  const selection = new Selection(wanted.filter, from.open);
  const prover = isFilter(wanted.filter) ? new Prover(reader, head) : undefined;
  const unsaid = { ...from.unsaid };
  let { lines } = from;
  for await (const { entries, tree } of passOf(reader, head, from.tree)) {
    let text = "";
    for (const [stored, entry] of entries.map(decoded)) {
      if (!selection.accepts(stored.index, entry)) continue;
      const line = await lineOf(reader, wanted, prover, stored, entry);
      if (line === undefined) count(unsaid, entry);
      else lines += 1;
      text += line ?? "";
      if (text.length < LARGE) continue;
      yield { text, progress: undefined };
      text = "";
    }
    yield { text, progress: { tree, lines, open: selection.open, unsaid: { ...unsaid } } };
  }
}

function decoded(stored: StoredEntry): [StoredEntry, JsonObject] {
  const entry = decodeEntry(stored.bytes);
  if (entry === undefined) throw new Damaged(`entry ${stored.index} is not canonical JSON`);
  return [stored, entry];
}

function count(unsaid: Record<string, number>, { kind }: JsonObject): void {
  const name = String(kind);
  unsaid[name] = (unsaid[name] ?? 0) + 1;
}

async function lineOf(
  reader: LogReader,
  { format, payloads }: Wanted,
  prover: Prover | undefined,
  { index, bytes }: StoredEntry,
  entry: JsonObject,
): Promise<string | undefined> {
  const payload = payloads ? await payloadOf(reader, index, entry) : undefined;
  const proof = await prover?.proof(index, bytes);
  return format.line({ index, text: Buffer.from(bytes).toString(), entry, payload, proof });
}

async function payloadOf(reader: LogReader, index: number, entry: JsonObject): Promise<StoredPayload> {
  const { payload: digest } = examined(entry);
  if (digest === undefined) return undefined;
  const payload = await reader.payload?.(index);
  if (payload === "erased" || (payload !== undefined && payloadDigest(payload).equals(digest)))
    return payload;
  throw new Damaged(`the payload of entry ${index} is ${payload === undefined ? "missing" : "altered"}`);
}

/** What the writes of a session change, as people are shown it: as who approved it was, else as it was recorded. */

import { isObject, type Json, type JsonObject } from "#core/admission.ts";
import type { Approval } from "#core/approval.ts";
import { asked } from "#core/ledger/asked.ts";
import type { Api, LedgerRecord } from "../api.ts";
import { ApiError } from "../failure.ts";
import { toYaml } from "../json.ts";

/** By the record that tells of the write first; of the others about the same approval it is the same. */
export type Diffs = ReadonlyMap<string, string>;

/** Whether the record is of a write, and may say what that changes. */
export function isWrite({ spec }: LedgerRecord): boolean {
  return spec.kind === "admission" && spec.operation !== "CONNECT";
}

/** `records` with their payloads, in order. */
export async function diffsOf(
  records: readonly LedgerRecord[],
  approved: ReadonlyMap<string, string>,
): Promise<Diffs> {
  const isNews = firstOfApproval();
  const diffs = new Map<string, string>();
  for (const record of records.filter(isWrite).filter(isNews)) {
    const name = approvalOf(record);
    const diff = (name === undefined ? undefined : approved.get(name)) ?? (await recordedChange(record));
    if (diff !== "") diffs.set(record.metadata.name, diff);
  }
  return diffs;
}

/** Told every write in order: whether it is another one than those that were told by the same approval. */
export function firstOfApproval(): (record: LedgerRecord) => boolean {
  const known = new Set<string>();
  return (record) => {
    const name = isWrite(record) ? approvalOf(record) : undefined;
    if (name === undefined) return true;
    const isFirst = !known.has(name);
    known.add(name);
    return isFirst;
  };
}

function approvalOf({ spec }: LedgerRecord): string | undefined {
  const approval = asked(spec)?.approval;
  return approval === undefined ? undefined : `${approval.namespace}/${approval.name}`;
}

/** The diffs of those approvals that are still there, for who may see them. */
export async function approvedDiffs(
  api: Api,
  records: readonly LedgerRecord[],
): Promise<ReadonlyMap<string, string>> {
  const names = new Set(records.filter(isWrite).flatMap((record) => approvalOf(record) ?? []));
  const namespaces = new Set([...names].map((name) => name.slice(0, name.indexOf("/"))));
  const found = new Map<string, string>();
  for (const namespace of namespaces)
    for (const { metadata, spec } of await listed(api, namespace)) {
      const key = `${namespace}/${metadata.name}`;
      if (names.has(key)) found.set(key, spec.change.diff);
    }
  return found;
}

async function listed(api: Api, namespace: string): Promise<Approval[]> {
  try {
    return (await api.list("approvals", namespace)).items;
  } catch (error) {
    if (error instanceof ApiError) return [];
    throw error;
  }
}

/** "": it says nothing of it. Neither has what is masked, nor what an object was that is deleted. */
export async function recordedChange({ payload, spec }: LedgerRecord): Promise<string> {
  if (payload === "erased") return " # what it changes is erased";
  if (spec.kind !== "admission" || typeof payload !== "object" || payload === null) return "";
  const { changes, object } = payload as { changes?: Json; object?: Json };
  if (Array.isArray(changes)) return changedLines(changes);
  return spec.operation === "CREATE" && isObject(object) ? marked("+", withoutOwn(object)) : "";
}

async function changedLines(changes: readonly Json[]): Promise<string> {
  const blocks: string[] = [];
  for (const change of changes) {
    if (!isObject(change) || !Array.isArray(change["path"]) || isOwn(change["path"])) continue;
    const { path, before, after } = change;
    blocks.push(`@@ ${(path as Json[]).map(stepWords).join("").replace(/^\./, "")} @@`);
    for (const [sign, value] of [
      ["-", before],
      ["+", after],
    ] as const)
      if (value !== undefined) blocks.push(await marked(sign, value));
  }
  return blocks.length === 0 ? " # nothing, or what is masked" : blocks.join("\n");
}

/** `.spec`, `[0]`, `[name=web]`. */
function stepWords(step: Json): string {
  if (typeof step === "string") return `.${step}`;
  if (!isObject(step)) return `[${String(step)}]`;
  return `[${Object.entries(step)
    .map(([key, value]) => `${key}=${String(value)}`)
    .join(",")}]`;
}

async function marked(sign: "+" | "-", value: Json): Promise<string> {
  const lines = (await toYaml(value)).trimEnd().split("\n");
  return lines.map((line) => sign + line).join("\n");
}

/** What the API server keeps of its own accord. */
const OWN = ["managedFields", "generation", "uid", "creationTimestamp", "resourceVersion"];

function isOwn([first, second]: readonly Json[]): boolean {
  return first === "metadata" && OWN.some((name) => name === second);
}

function withoutOwn(object: JsonObject): JsonObject {
  const { metadata } = object;
  if (!isObject(metadata)) return object;
  const left = Object.entries(metadata).filter(([name]) => !OWN.includes(name));
  return { ...object, metadata: Object.fromEntries(left) };
}

/** What went on in a session, one row an event: commands and their answers, and what was decided on them. */
import { asked } from "#core/ledger/asked.ts";
import type { Entry } from "#core/ledger/entry.ts";
import type { LedgerRecord } from "../api.ts";
import type { Column } from "../table.ts";
import { operationWords, targetWords } from "../wording.ts";
import { indexOf } from "./records.ts";

type Brokered = Extract<Entry, { kind: "brokered" }>;

export interface Row {
  /** Milliseconds since the session began. */
  at: number;
  /** The record it is told by, where one looks for more. */
  record: number;
  /** What the client says was typed. */
  command: string;
  what: string;
  /** "": not answered yet. */
  answer: string;
  /** Milliseconds. */
  took?: number;
  bytes?: number;
}

/** A command in a pod, or an answer with all that belongs to it. */
export interface Call {
  request: LedgerRecord & { spec: Brokered };
  parts: (LedgerRecord & { spec: Brokered })[];
  response?: LedgerRecord & { spec: Brokered };
}

/** By the entries' own ids, in the order in which they began. */
export function callsOf(records: readonly LedgerRecord[]): Call[] {
  const calls = new Map<string, Call>();
  for (const record of records) {
    if (!isBrokered(record)) continue;
    const { call, event } = record.spec;
    const found = calls.get(call);
    if (event === "request") calls.set(call, { request: record, parts: [] });
    else if (event === "stream") found?.parts.push(record);
    else if (found !== undefined) found.response = record;
  }
  return [...calls.values()];
}

function isBrokered(record: LedgerRecord): record is LedgerRecord & { spec: Brokered } {
  return record.spec.kind === "brokered";
}

/** Whether something went through a command in a pod. */
export function isPlayable({ request }: Call): boolean {
  const subresource = request.spec.target?.subresource;
  return subresource === "exec" || subresource === "attach";
}

export function began(records: readonly LedgerRecord[]): number {
  const [first] = records;
  return first === undefined ? 0 : Date.parse(first.spec.time);
}

export function timeline(records: readonly LedgerRecord[]): Row[] {
  const start = began(records);
  const calls = new Map(callsOf(records).map((call) => [call.request.metadata.name, call]));
  return records.flatMap((record) => {
    const call = calls.get(record.metadata.name);
    if (call !== undefined) return [callRow(call, start)];
    const row = eventRow(record, start);
    return row === undefined ? [] : [row];
  });
}

/** One record by itself, as it comes: a request, its answer when that is there, or what else happened. */
export function newRow(record: LedgerRecord, start: number): Row | undefined {
  if (!isBrokered(record)) return eventRow(record, start);
  const { spec } = record;
  const isRequest = spec.event === "request";
  return callRow({ request: record, parts: [], ...(isRequest ? {} : { response: record }) }, start);
}

function callRow({ request, response }: Call, start: number): Row {
  const end = response?.spec;
  return {
    at: Date.parse(request.spec.time) - start,
    record: indexOf(request),
    ...requested(request.spec),
    answer: end === undefined ? "" : answerWords(end),
    ...(end?.milliseconds === undefined ? {} : { took: end.milliseconds }),
    ...(end?.bytes === undefined ? {} : { bytes: end.bytes }),
  };
}

function requested({ command = "", method, uri }: Brokered): { command: string; what: string } {
  return { command, what: `${method} ${uri}` };
}

function answerWords({ code = 0, message }: Brokered): string {
  const number = code === 0 ? "no answer" : String(code);
  return message === undefined ? number : `${number}: ${message}`;
}

function eventRow(record: LedgerRecord, start: number): Row | undefined {
  const { spec } = record;
  const about = { at: Date.parse(spec.time) - start, record: indexOf(record), command: "" };
  if (spec.kind === "session") {
    const end = spec.event === "begun" || spec.event === "extended" ? `until ${spec.expiresAt}` : "";
    return { ...about, what: `session ${spec.event}`, answer: spec.message ?? end };
  }
  if (spec.kind === "request")
    return {
      ...about,
      what: `${spec.verb} ${spec.uri}`,
      answer: spec.code === undefined ? "" : String(spec.code),
    };
  const decided = asked(spec);
  if (decided === undefined) return undefined;
  const what = `${operationWords(decided.operation, decided.target)} ${targetWords(decided.target)}`;
  return { ...about, what, answer: decisionWords(decided) };
}

function decisionWords(entry: NonNullable<ReturnType<typeof asked>>): string {
  if (entry.kind === "approval")
    return entry.decision === undefined
      ? `approval ${entry.approval.name} ${entry.event}`
      : `${entry.decision.verdict} by ${entry.decision.user}${comment(entry.decision)}`;
  const rules = entry.rules.map(({ name }) => name).join(",");
  const by = entry.approval === undefined ? "" : ` (${entry.approval.name} ${entry.approval.use})`;
  return `${entry.answer}${by}${rules === "" ? "" : ` by ${rules}`}`;
}

function comment(decision: { comment?: string }): string {
  return decision.comment === undefined || decision.comment === "" ? "" : `: ${decision.comment}`;
}

export function timelineColumns(): Column<Row>[] {
  return [
    { header: "AT", cell: ({ at }) => clockWords(at) },
    { header: "RECORD", cell: ({ record }) => String(record) },
    { header: "COMMAND", cell: ({ command }) => command },
    { header: "WHAT", cell: ({ what }) => what },
    { header: "ANSWER", cell: ({ answer }) => answer },
    { header: "TOOK", cell: ({ took }) => (took === undefined ? "" : tookWords(took)) },
    { header: "BYTES", cell: ({ bytes }) => (bytes === undefined ? "" : String(bytes)) },
  ];
}

/** `0:05.120`, `1:02:03.400`. */
function clockWords(milliseconds: number): string {
  const whole = Math.max(0, Math.round(milliseconds));
  const [hours, minutes] = [Math.floor(whole / 3_600_000), Math.floor(whole / 60_000) % 60];
  const seconds = ((whole % 60_000) / 1000).toFixed(3).padStart(6, "0");
  return hours === 0 ? `${minutes}:${seconds}` : `${hours}:${String(minutes).padStart(2, "0")}:${seconds}`;
}

function tookWords(milliseconds: number): string {
  return milliseconds < 1000 ? `${milliseconds}ms` : `${(milliseconds / 1000).toFixed(1)}s`;
}

/** What went on in a session, one row an event: commands and their answers, and what was decided on them. */
import { type AskedEntry, asked } from "#core/ledger/asked.ts";
import type { Entry } from "#core/ledger/entry.ts";
import { duration } from "#kit/duration.ts";
import type { LedgerRecord } from "../api.ts";
import type { Column } from "../table.ts";
import { operationWords, targetWords } from "../wording.ts";
import { answeredBeside, member } from "./answers.ts";
import { type Ending, endings, endingWords } from "./ending.ts";
import { indexOf } from "./records.ts";
import { deletionWords, placeWords, requestWords } from "./request-words.ts";

type Brokered = Extract<Entry, { kind: "brokered" }>;

export interface Row {
  /** Milliseconds since the session began. */
  at: number;
  /** The record it is told by, where one looks for more. */
  record: number;
  /** What the client says was typed. */
  command: string;
  what: string;
  /** "": it is about no request. */
  address: string;
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

/** The Status comes last; what was typed meanwhile may be recorded after it. */
const LAST_PARTS = 3;

/** Those records, by their names, that say how commands ended. */
export function lastParts(records: readonly LedgerRecord[]): ReadonlySet<string> {
  const ended = callsOf(records).filter((call) => isPlayable(call) && call.response !== undefined);
  return new Set(ended.flatMap(({ parts }) => parts.slice(-LAST_PARTS).map(({ metadata }) => metadata.name)));
}

export function began(records: readonly LedgerRecord[]): number {
  const [first] = records;
  return first === undefined ? 0 : Date.parse(first.spec.time);
}

export function timeline(records: readonly LedgerRecord[]): Row[] {
  const start = began(records);
  const calls = new Map(callsOf(records).map((call) => [call.request.metadata.name, call]));
  const waits = waiting();
  return records.flatMap((record) => {
    const call = calls.get(record.metadata.name);
    if (call !== undefined) return [callRow(call, start)];
    const row = eventRow(record, start, waits);
    return row === undefined ? [] : [row];
  });
}

/** Told every record in order: how many milliseconds its approval has been there. */
export type Waits = (record: LedgerRecord) => number;

export function waiting(): Waits {
  const asked = new Map<string, number>();
  return ({ spec }) => {
    const approval = "approval" in spec ? spec.approval : undefined;
    const time = Date.parse(spec.time);
    const key = `${approval?.namespace}/${approval?.name}`;
    const since = asked.get(key) ?? time;
    asked.set(key, since);
    return time - since;
  };
}

/**
 * One record by itself, as it comes: a request, its answer when that is there, or what else happened. `ending`: how the
 * command ended that it is the answer to.
 */
export function newRow(record: LedgerRecord, start: number, waits: Waits, ending?: Ending): Row | undefined {
  if (!isBrokered(record)) return eventRow(record, start, waits);
  const { spec } = record;
  const isRequest = spec.event === "request";
  const call = { request: record, parts: [], ...(isRequest ? {} : { response: record }) };
  return callRow(call, start, answerOf(call, ending));
}

function callRow(call: Call, start: number, answer = answerOf(call)): Row {
  const { request, response } = call;
  const end = response?.spec;
  return {
    at: Date.parse(request.spec.time) - start,
    record: indexOf(request),
    command: request.spec.command ?? "",
    what: callWords({ request }),
    address: `${request.spec.method} ${wholeSpec(request).uri}`,
    answer,
    ...(end?.milliseconds === undefined ? {} : { took: end.milliseconds }),
    ...(end?.bytes === undefined ? {} : { bytes: end.bytes }),
  };
}

/** What was asked for. A deletion says how in its body, so with its payload it is told better. */
export function callWords({ request }: Pick<Call, "request">): string {
  const body = request.spec.event === "request" ? member(request.payload, "body") : undefined;
  return requestWords(wholeSpec(request), body);
}

/** An address that is too long for a record lies beside it in full. */
function wholeSpec({ spec, payload }: Call["request"]): Brokered {
  const uri = member(member(payload, "entry"), "uri");
  return typeof uri === "string" ? { ...spec, uri, shortened: false } : spec;
}

/** "": not answered yet. */
export function answerOf(call: Call, ending = endingOf(call)): string {
  const { response } = call;
  if (response === undefined) return "";
  const { code = 0, message } = response.spec;
  if (code === 101 && message !== undefined) return `cut: ${message}`;
  if (code === 101 && isPlayable(call)) return endingWords(ending);
  return answerWords(response.spec, answeredBeside(response.payload));
}

function endingOf({ parts, response }: Call): Ending | undefined {
  return [...parts, ...(response === undefined ? [] : [response])].map(endings()).at(-1);
}

function answerWords({ code = 0, message }: Brokered, beside: string | undefined): string {
  const number = code === 0 ? "no answer" : String(code);
  return number + reason(message ?? beside);
}

function eventRow(record: LedgerRecord, start: number, waits: Waits): Row | undefined {
  const { spec } = record;
  const waited = waits(record);
  const about = { at: Date.parse(spec.time) - start, record: indexOf(record), command: "", address: "" };
  if (spec.kind === "session") {
    const { event, by, reason: task } = spec;
    const isBeginning = event === "asked" || event === "begun";
    const what = [
      `session ${event}`,
      ...(by === undefined ? [] : [`by ${by}`]),
      ...(isBeginning && task !== undefined && task !== "" ? [`for: ${task}`] : []),
    ].join(" ");
    return { ...about, what, answer: spec.message ?? lifeWords(spec) };
  }
  if (spec.kind === "request")
    return {
      ...about,
      what: requestWords(spec),
      address: spec.uri,
      answer: spec.code === undefined ? "" : String(spec.code),
    };
  const decided = asked(spec);
  if (decided === undefined) return undefined;
  const tried = decided.kind === "admission" && decided.dryRun ? " (dry run)" : "";
  const { operation, target } = decided;
  const options = operation === "DELETE" ? member(record.payload, "options") : undefined;
  const what = [
    ...[operationWords(operation, target), targetWords(target), ...placeWords(target)],
    ...deletionWords(options),
  ].join(" ");
  return { ...about, what: what + tried, answer: decisionWords(decided, waited) + effectWords(record) };
}

function lifeWords({ event, expiresAt, approval }: Extract<Entry, { kind: "session" }>): string {
  if (event === "begun" || event === "extended") return `until ${expiresAt}`;
  return event === "asked" && approval !== undefined ? `waits for approval ${approval.name}` : "";
}

/** Of what was let through and has come to nothing. */
function effectWords({ status }: LedgerRecord): string {
  return status?.outcome.result === "refused" ? ", then refused by the API server" : "";
}

function decisionWords(entry: AskedEntry, waited: number): string {
  if (entry.kind === "approval") return approvalWords(entry, waited);
  const rules = entry.rules.map(({ name }) => name).join(",");
  const by = entry.approval === undefined ? "" : ` (${entry.approval.name} ${entry.approval.use})`;
  const why = entry.answer === "allowed" ? "" : entry.rules.map(({ message }) => message).join("; ");
  return `${entry.answer}${by}${rules === "" ? "" : ` by ${rules}`}${reason(why)}`;
}

const DID: Readonly<Record<string, string>> = {
  Approve: "approved",
  Deny: "denied",
  Reapprove: "approved again",
};

function approvalWords(
  { approval, event, decision, phase }: Extract<AskedEntry, { kind: "approval" }>,
  waited: number,
): string {
  if (decision === undefined) return `approval ${approval.name} ${event}`;
  const did = DID[decision.verdict] ?? decision.verdict;
  const more = phase === "Pending" ? ", and waits for more" : "";
  return `${did} by ${decision.user} after ${duration(waited)}${more}${reason(decision.comment)}`;
}

function reason(text: string | undefined): string {
  return text === undefined || text === "" ? "" : `: ${text}`;
}

export function timelineColumns(): Column<Row>[] {
  return [
    { header: "AT", cell: ({ at }) => clockWords(at) },
    { header: "RECORD", cell: ({ record }) => String(record) },
    { header: "TOOK", cell: ({ took }) => (took === undefined ? "" : tookWords(took)) },
    { header: "BYTES", cell: ({ bytes }) => (bytes === undefined ? "" : String(bytes)), wide: true },
    { header: "COMMAND", cell: ({ command }) => command },
    { header: "WHAT", cell: ({ what }) => what, flows: true },
    { header: "ANSWER", cell: ({ answer }) => answer, flows: true },
    { header: "ADDRESS", cell: ({ address }) => address, flows: true, wide: true },
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

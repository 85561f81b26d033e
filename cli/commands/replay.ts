/** `kubectl hoop replay`: what went on in a session, from the ledger; a command in a pod as its terminal showed it. */
import { parseJson } from "#core/json.ts";
import { printable } from "#core/printable.ts";
import { hoopApi, type LedgerRecord } from "../api.ts";
import type { Context } from "../context.ts";
import { CommandError } from "../failure.ts";
import type { ConnectionFlags } from "../flags.ts";
import { toJson, toYaml } from "../json.ts";
import { KEYS_HELP, played } from "../session/playing.ts";
import { indexOf, recordsOf, withPayloads } from "../session/records.ts";
import { asciicast, tapeOf } from "../session/tape.ts";
import { withoutSequences } from "../session/terminal.ts";
import { type Call, callsOf, isPlayable, timeline, timelineColumns } from "../session/timeline.ts";
import { tableWriter } from "../table.ts";

export interface ReplayFlags extends ConnectionFlags {
  /** The record of a request; "": the only one. */
  readonly play: string | undefined;
  readonly speed: number;
  /** Milliseconds. */
  readonly maxPause: number;
  readonly bodies: boolean;
  readonly json: boolean;
  readonly asciicast: boolean;
}

export async function replay(this: Context, flags: ReplayFlags, name: string): Promise<void> {
  if (flags.json && flags.asciicast) throw new CommandError("--json or --asciicast, not both");
  const session = await recordsOf(hoopApi(this.kubectl, flags), flags.namespace, name);
  const { records } = session;
  if (flags.json) {
    const items = await withPayloads(this, flags, records, progress(this));
    const list = { apiVersion: "hoop.dev/v1alpha1", kind: "RecordList", items };
    this.process.stdout.write(toJson(list));
    return;
  }
  if (flags.asciicast || flags.play !== undefined)
    return play(this, flags, await whole(this, flags, chosen(records, flags.play ?? "")));
  const shown = flags.bodies ? await withPayloads(this, flags, records, progress(this)) : records;
  this.process.stdout.write(await text(shown, flags.bodies));
}

/** Reading thousands of bodies takes its time. */
function progress({ watched, process }: Context): (done: number, of: number) => void {
  if (!watched) return () => undefined;
  return (done, of) => {
    if (of > 20) process.stderr.write(`\r${done} of ${of} records${done === of ? "\n" : ""}`);
  };
}

/** The command in a pod that is meant. */
function chosen(records: readonly LedgerRecord[], record: string): Call {
  const playable = callsOf(records).filter(isPlayable);
  const named = playable.filter(({ request }) => record === "" || request.metadata.name === record);
  const [call] = named;
  if (call !== undefined && named.length === 1) return call;
  if (playable.length === 0) throw new CommandError("no command was run in a pod in this session");
  const list = playable.map(({ request }) => `${indexOf(request)} (${printable(request.spec.uri)})`);
  throw new CommandError(`which one? Name its record with --play=RECORD: ${list.join(", ")}`);
}

async function whole(context: Context, flags: ConnectionFlags, call: Call): Promise<Call> {
  const parts = await withPayloads(context, flags, call.parts, progress(context));
  return { ...call, parts: parts as Call["parts"] };
}

async function play(context: Context, flags: ReplayFlags, call: Call): Promise<void> {
  const { moments, erased } = tapeOf(call.parts);
  if (erased) context.process.stderr.write("parts of what was recorded are erased\n");
  const { spec } = call.request;
  if (flags.asciicast) {
    context.process.stdout.write(asciicast(moments, spec.uri, Date.parse(spec.time)));
    return;
  }
  if (!context.terminal.shown) {
    const output = moments.map(({ kind, text: part }) => (kind === "out" ? part : "")).join("");
    context.process.stdout.write(printable(withoutSequences(output), { multiline: true }));
    return;
  }
  if (context.terminal.typed) context.process.stderr.write(`${KEYS_HELP}\n`);
  await played(context, moments, flags);
}

/** Of a body, so much is shown; `--json` has all of it. */
const SHOWN_CHARACTERS = 4096;

async function text(records: readonly LedgerRecord[], bodies: boolean): Promise<string> {
  const rows = timeline(records);
  const [header = "", ...lines] = tableWriter(timelineColumns(), false)(rows).trimEnd().split("\n");
  const responses = new Map(callsOf(records).map(({ request, response }) => [indexOf(request), response]));
  const requests = new Map(records.map((record) => [indexOf(record), record]));
  const blocks = await Promise.all(
    lines.map(async (line, at) => {
      const record = rows[at]?.record ?? -1;
      const shown = bodies ? [requests.get(record), responses.get(record)] : [];
      return [line, ...(await Promise.all(shown.map(bodyLines))).flat()];
    }),
  );
  return `${[header, ...blocks.flat()].join("\n")}\n`;
}

/** Objects as YAML; of bytes that are no text only how many. */
async function legible(body: unknown): Promise<string> {
  if (typeof body !== "string") return toYaml(body);
  if (body.includes("\0")) return `(${body.length} bytes, not text)`;
  try {
    return await toYaml(parseJson(body));
  } catch {
    return body;
  }
}

async function bodyLines(record: LedgerRecord | undefined): Promise<string[]> {
  const { payload } = record ?? {};
  if (payload === undefined || record === undefined) return [];
  const body = typeof payload === "object" && payload !== null && "body" in payload ? payload.body : payload;
  const told = await legible(body);
  const mark = record.spec.kind === "brokered" && record.spec.event === "request" ? ">" : "<";
  const cut = told.length > SHOWN_CHARACTERS ? `${told.slice(0, SHOWN_CHARACTERS)}…` : told.trimEnd();
  return cut.split("\n").map((line) => `    ${mark} ${printable(line)}`);
}

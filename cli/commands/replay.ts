/** `kubectl hoop replay`: what went on in a session, from the ledger; a command in a pod as its terminal showed it. */
import { printable } from "#core/printable.ts";
import { hoopApi, type LedgerRecord } from "../api.ts";
import type { Context } from "../context.ts";
import { CommandError } from "../failure.ts";
import type { ColorFlag, ConnectionFlags } from "../flags.ts";
import { colorWanted, formatted } from "../printing.ts";
import { isTelling } from "../session/answers.ts";
import { approvedDiffs, type Diffs, diffsOf, isWrite } from "../session/changes.ts";
import { endings } from "../session/ending.ts";
import { sessionAt } from "../session/names.ts";
import { KEYS_HELP, played } from "../session/playing.ts";
import { indexOf, recordsOf, withPayloads } from "../session/records.ts";
import { story } from "../session/story.ts";
import { asciicast, tapeOf } from "../session/tape.ts";
import { withoutSequences } from "../session/terminal.ts";
import { answerOf, type Call, callsOf, callWords, isPlayable, lastParts } from "../session/timeline.ts";

export interface ReplayFlags extends ConnectionFlags, ColorFlag {
  /** Any record of a request; "": the only one. */
  readonly play: string | undefined;
  readonly speed: number;
  /** Milliseconds. */
  readonly maxPause: number;
  readonly bodies: boolean;
  readonly json: boolean;
  readonly output: "json" | "yaml" | "wide" | undefined;
  /** As `play`, written for other players. */
  readonly asciicast: string | undefined;
}

export async function replay(this: Context, flags: ReplayFlags, session: string): Promise<void> {
  const { namespace, name } = sessionAt(flags, session);
  const output = flags.json ? "json" : flags.output;
  const isData = output === "json" || output === "yaml";
  if (isData && flags.asciicast !== undefined) throw new CommandError("--json or --asciicast, not both");
  const api = hoopApi(this.kubectl, flags);
  const { records } = await recordsOf(api, namespace, name);
  const wanted = wantedOf(flags);
  if (!isData && wanted !== undefined)
    return play(this, flags, await whole(this, flags, chosen(records, wanted, flags)));
  const isAll = isData || flags.bodies;
  const told = progress(this);
  const last = lastParts(records);
  const isTold = (record: LedgerRecord) =>
    isWrite(record) || isTelling(record) || last.has(record.metadata.name);
  const shown = await withPayloads(this, flags, records, {
    ...(isAll ? {} : { wanted: isTold }),
    told,
  });
  const diffs = await diffsOf(shown, await approvedDiffs(api, records));
  const items = shown.map(withMore(diffs));
  const data = await formatted(output, { apiVersion: "hoop.dev/v1alpha1", kind: "RecordList", items }, []);
  const { width } = this.terminal;
  const color = colorWanted(this, flags);
  const table = { wide: output === "wide", width };
  this.process.stdout.write(data ?? (await story(shown, { diffs, bodies: flags.bodies, color, table })));
}

/** The record that --play or --asciicast names; "": none, but one of them is there. */
function wantedOf({ play, asciicast: cast }: ReplayFlags): string | undefined {
  if (play && cast && play !== cast)
    throw new CommandError(`--play=${play} or --asciicast=${cast}, not both`);
  return cast || play || (cast ?? play);
}

/** What is told of a record as data beside it. */
function withMore(diffs: Diffs) {
  const ended = endings();
  return (record: LedgerRecord) => {
    const [diff, ending] = [diffs.get(record.metadata.name), ended(record)];
    return {
      ...record,
      ...(diff === undefined ? {} : { diff }),
      ...(ending === undefined ? {} : { ending }),
    };
  };
}

/** Reading thousands of bodies takes its time. */
function progress({ watched, process }: Context): (done: number, of: number) => void {
  if (!watched) return () => undefined;
  return (done, of) => {
    if (of > 20) process.stderr.write(`\r${done} of ${of} records${done === of ? "\n" : ""}`);
  };
}

/** The command in a pod that is meant. */
function chosen(records: readonly LedgerRecord[], record: string, flags: ReplayFlags): Call {
  const playable = callsOf(records).filter(isPlayable);
  const named = playable.filter(
    ({ request, parts, response }) =>
      record === "" || [request, ...parts, response].some((one) => one?.metadata.name === record),
  );
  const [call] = named;
  if (call !== undefined && named.length === 1) return call;
  if (playable.length === 0) throw new CommandError("no command was run in a pod in this session");
  const list = playable.map((call) => `\n  ${indexOf(call.request)}  ${printable(callWords(call))}`);
  const why =
    record === "" || named.length > 1 ? "which one?" : `record ${record} is of no command in a pod.`;
  const flag = flags.asciicast === undefined ? "--play" : "--asciicast";
  throw new CommandError(`${why} Name its record with ${flag}=RECORD:${list.join("")}`);
}

async function whole(context: Context, flags: ConnectionFlags, call: Call): Promise<Call> {
  const all = [...call.parts, ...(call.response === undefined ? [] : [call.response])];
  const told = await withPayloads(context, flags, all, { told: progress(context) });
  return callsOf([call.request, ...told])[0] ?? call;
}

/** Of what never ran there is nothing to play; what ran may have written nothing. */
function checkWritten(context: Context, call: Call): void {
  const answer = answerOf(call) || "no answer to it is recorded yet";
  if (call.parts.length === 0 && call.response?.spec.code !== 101)
    throw new CommandError(`nothing was recorded of it: ${answer}`);
  context.process.stderr.write(`nothing was recorded that it wrote: ${printable(answer)}\n`);
}

async function play(context: Context, flags: ReplayFlags, call: Call): Promise<void> {
  const { moments, erased } = tapeOf(call.parts);
  if (erased) context.process.stderr.write("parts of what was recorded are erased\n");
  else if (!moments.some(({ kind }) => kind === "out")) checkWritten(context, call);
  const { spec } = call.request;
  if (flags.asciicast !== undefined) {
    context.process.stdout.write(asciicast(moments, callWords(call), Date.parse(spec.time)));
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

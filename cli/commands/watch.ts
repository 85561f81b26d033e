/** `kubectl hoop watch`: what goes on in a session, while it does. */
import { ofSession } from "#core/ledger/asked.ts";
import { printable } from "#core/printable.ts";
import { hoopApi, type LedgerRecord } from "../api.ts";
import type { Context } from "../context.ts";
import { ApiError, CommandError } from "../failure.ts";
import type { ColorFlag, ConnectionFlags } from "../flags.ts";
import { toJson } from "../json.ts";
import { keepWatching } from "../live.ts";
import { colorWanted } from "../printing.ts";
import { isTelling } from "../session/answers.ts";
import { firstOfApproval, isWrite, recordedChange } from "../session/changes.ts";
import { endings } from "../session/ending.ts";
import { sessionAt } from "../session/names.ts";
import { indexOf, isOutOf, type Payloads, payloadsOf, recordsOf } from "../session/records.ts";
import { changeLines } from "../session/story.ts";
import { shownIn } from "../session/tape.ts";
import { withoutSequences } from "../session/terminal.ts";
import { began, newRow, type Row, timeline, timelineColumns, waiting } from "../session/timeline.ts";
import { tableLines } from "../table.ts";

const ENDS = new Set(["ended", "expired", "revoked", "denied"]);

export interface WatchFlags extends ConnectionFlags, ColorFlag {
  readonly output: "json" | "wide" | undefined;
}

export async function watch(this: Context, flags: WatchFlags, session: string): Promise<void> {
  const { namespace, name } = sessionAt(flags, session);
  const over = new AbortController();
  const live = { ...this, signal: AbortSignal.any([this.signal, over.signal]) };
  const api = hoopApi(this.kubectl, flags, live.signal);
  if (!(await api.offers("records", "watch")))
    throw new CommandError("this server offers no watch of records");
  const first = await recordsOf(api, namespace, name);
  const payloads = payloadsOf(this, flags);
  const told = teller(this, flags, payloads, first.records);
  const seen = new Set<number>();
  const show = async (record: LedgerRecord) => {
    const isOwn = ofSession(record.spec)?.session.uid === first.uid || isOutOf(first)(record);
    if (!isOwn || seen.has(indexOf(record))) return;
    seen.add(indexOf(record));
    this.process.stdout.write(await told(record));
    const { spec } = record;
    if (spec.kind === "session" && ENDS.has(spec.event)) over.abort();
  };
  try {
    await keepWatching(live, async (established) => {
      const { records, resourceVersion } = await recordsOf(api, namespace, name);
      established();
      for (const record of records) await show(record);
      if (over.signal.aborted) return;
      for await (const { object } of api.watch("records", namespace, resourceVersion)) {
        await show(object);
        if (over.signal.aborted) return;
      }
    });
  } finally {
    payloads.close();
  }
}

/** So wide are columns at least, so that most of what comes later stands below what came before. */
const USUAL: Row = {
  ...{ at: 0, record: 10_000, answer: "", address: "" },
  ...{ command: "kubectl apply", what: "get configmaps/settings -n default" },
};

/** One record after the other, as text. */
function teller(context: Context, flags: WatchFlags, payloads: Payloads, already: readonly LedgerRecord[]) {
  const start = began(already);
  const color = colorWanted(context, flags);
  const { width } = context.terminal;
  const expected = [...timeline(already), USUAL];
  const asked = asking();
  const rows = tableLines(timelineColumns(), { wide: flags.output === "wide", width, expected });
  const waits = waiting();
  const ended = endings();
  const isNews = firstOfApproval();
  const beside = (record: LedgerRecord) =>
    payloads.beside(record).catch((error: unknown) => {
      if (error instanceof ApiError) return record;
      throw error;
    });
  return async (record: LedgerRecord): Promise<string> => {
    const { spec } = record;
    if (flags.output === "json") return asJson(await beside(record), ended);
    if (spec.kind === "brokered" && spec.event === "stream") {
      const told = await beside(record);
      ended(told);
      return output(told);
    }
    const whole = isWrite(record) || isTelling(record) ? await beside(record) : record;
    const row = newRow(whole, start, waits, ended(whole));
    if (row === undefined) return "";
    row.what = asked(record, row.what);
    const diff = isNews(record) ? await recordedChange(whole) : "";
    const lines = diff === "" ? [] : changeLines(diff, { bodies: true, color });
    return [...rows([row]), ...lines].map((line) => `${line}\n`).join("");
  };
}

function asJson(record: LedgerRecord, ended: ReturnType<typeof endings>): string {
  const ending = ended(record);
  return toJson(ending === undefined ? record : { ...record, ending });
}

/** What was asked for, told every record in order: an answer does not say all of it. */
function asking(): (record: LedgerRecord, what: string) => string {
  const open = new Map<string, string>();
  return ({ spec }, what) => {
    if (spec.kind !== "brokered") return what;
    const said = open.get(spec.call) ?? what;
    if (spec.event === "request") open.set(spec.call, said);
    else open.delete(spec.call);
    return said;
  };
}

/** What the agent was shown of what lasts, to be read. */
function output({ payload }: LedgerRecord): string {
  const text = withoutSequences(shownIn(payload)).trimEnd();
  if (text === "") return "";
  return text
    .split("\n")
    .map((line) => `    | ${printable(line)}\n`)
    .join("");
}

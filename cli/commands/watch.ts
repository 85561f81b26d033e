/** `kubectl hoop watch`: what goes on in a session, while it does. */
import { ofSession } from "#core/ledger/asked.ts";
import { printable } from "#core/printable.ts";
import { hoopApi, type LedgerRecord } from "../api.ts";
import type { Context } from "../context.ts";
import { ApiError, CommandError } from "../failure.ts";
import type { ConnectionFlags } from "../flags.ts";
import { keepWatching } from "../live.ts";
import { indexOf, isOutOf, recordsOf, withPayloads } from "../session/records.ts";
import { tapeOf } from "../session/tape.ts";
import { withoutSequences } from "../session/terminal.ts";
import { began, newRow, timelineColumns } from "../session/timeline.ts";
import { tableWriter } from "../table.ts";

const ENDS = new Set(["ended", "expired", "revoked", "denied"]);

export async function watch(this: Context, flags: ConnectionFlags, name: string): Promise<void> {
  const over = new AbortController();
  const live = { ...this, signal: AbortSignal.any([this.signal, over.signal]) };
  const api = hoopApi(this.kubectl, flags, live.signal);
  if (!(await api.offers("records", "watch")))
    throw new CommandError("this server offers no watch of records");
  const write = tableWriter(timelineColumns(), false);
  const first = await recordsOf(api, flags.namespace, name);
  const start = began(first.records);
  const seen = new Set<number>();
  const show = async (record: LedgerRecord) => {
    const isOwn = ofSession(record.spec)?.session.uid === first.uid || isOutOf(first)(record);
    if (!isOwn || seen.has(indexOf(record))) return;
    seen.add(indexOf(record));
    const { spec } = record;
    const row = newRow(record, start);
    const isOutput = spec.kind === "brokered" && spec.event === "stream";
    const text = isOutput ? await output(this, flags, record) : row === undefined ? "" : write([row]);
    this.process.stdout.write(text);
    if (spec.kind === "session" && ENDS.has(spec.event)) over.abort();
  };
  await keepWatching(live, async (established) => {
    const { records, resourceVersion } = await recordsOf(api, flags.namespace, name);
    established();
    for (const record of records) await show(record);
    if (over.signal.aborted) return;
    for await (const { object } of api.watch("records", flags.namespace, resourceVersion)) {
      await show(object);
      if (over.signal.aborted) return;
    }
  });
}

/** What a command in a pod wrote, to be read. */
async function output(context: Context, flags: ConnectionFlags, record: LedgerRecord): Promise<string> {
  const [found] = await withPayloads(context, flags, [record]).catch((error: unknown) => {
    if (error instanceof ApiError) return [];
    throw error;
  });
  if (found === undefined) return "";
  const { moments } = tapeOf([found]);
  const text = moments.map(({ kind, text: part }) => (kind === "out" ? part : "")).join("");
  const lines = withoutSequences(text).trimEnd().split("\n");
  return lines.map((line) => `    | ${printable(line)}\n`).join("");
}

/** `kubectl hoop records`: what agents asked for and what they were answered, newest last. */
import { asked } from "#core/ledger/asked.ts";
import type { AdmissionEntry, Entry } from "#core/ledger/entry.ts";
import { micros } from "#core/times.ts";
import { age } from "../ages.ts";
import { type Api, hoopApi, type LedgerRecord, selectorValue } from "../api.ts";
import type { Context } from "../context.ts";
import type { Moment } from "../export/filter-flags.ts";
import { CommandError } from "../failure.ts";
import { hintingNamespace } from "../find.ts";
import { type ConnectionFlags, listNamespace, type OutputFlag, type WatchFlags } from "../flags.ts";
import { keepWatching } from "../live.ts";
import { livePrinter, printList, recordReference } from "../printing.ts";
import type { Column } from "../table.ts";
import { operationWords, ruleWords, targetWords } from "../wording.ts";

export interface RecordsFlags extends ConnectionFlags, WatchFlags, OutputFlag {
  readonly since: Moment | undefined;
  readonly until: Moment | undefined;
  readonly agent: string | undefined;
  readonly session: string | undefined;
  readonly resource: string | undefined;
  readonly verdict: AdmissionEntry["verdict"] | undefined;
  readonly answer: AdmissionEntry["answer"] | undefined;
  readonly approval: string | undefined;
  readonly rule: string | undefined;
  readonly kind: string | undefined;
  readonly search: string | undefined;
  readonly limit: number;
}

export async function records(this: Context, flags: RecordsFlags): Promise<void> {
  const api = hoopApi(this.kubectl, flags);
  const selector = selectorOf(flags, this.now());
  if (flags.watch) return follow(this, api, flags, selector);
  const list = await listRecords(api, flags, selector, flags.limit);
  const look = { columns: columns(this), reference: recordReference };
  await printList(this, flags.output, list, look, "No records found.");
}

/** What one answer of the server has, where there is more. */
const PAGE = 500;

/** The last ones that match, 0 for all, in the order of the ledger. */
async function listRecords(api: Api, flags: RecordsFlags, selector: string, limit: number) {
  const newest = limit === 0 ? [] : [`newest=${limit}`];
  const terms = [selector, ...newest].filter((term) => term !== "").join(",") || undefined;
  const page = (next?: string) =>
    hintingNamespace(api.list("records", listNamespace(flags), terms, { limit: PAGE, continue: next }));
  const first = await page();
  const items = [...first.items];
  for (let next = first.metadata.continue; next; ) {
    const more = await page(next);
    items.push(...more.items);
    next = more.metadata.continue;
  }
  const { continue: _, ...metadata } = first.metadata;
  return { ...first, metadata, items: items.toSorted((a, b) => index(a) - index(b)) };
}

const SELECTORS = ["agent", "session", "resource", "verdict", "answer", "approval", "rule", "kind"] as const;

/** What the server is to select, but for how many. */
function selectorOf(flags: RecordsFlags, now: number): string {
  const { since, until, search } = flags;
  const terms = [
    ...SELECTORS.map((name) => [name, flags[name]] as const),
    ["since", since && micros(since.at(now))] as const,
    ["until", until && micros(until.at(now))] as const,
    ["text", search] as const,
  ];
  return terms
    .flatMap(([name, value]) => (value === undefined ? [] : [`${name}=${selectorValue(value)}`]))
    .join(",");
}

function index({ metadata }: LedgerRecord): number {
  return Number(metadata.name);
}

function admission(entry: Entry) {
  return entry.kind === "admission" ? entry : undefined;
}

/** What came of it; `open`: that is not told yet. */
function outcome({ spec, status }: LedgerRecord): string {
  const isOpen = "effect" in spec && spec.effect === "open";
  return status?.outcome.result ?? (isOpen ? "open" : "");
}

function observed(entry: Entry) {
  return admission(entry)?.observed ?? [];
}

function columns(context: Context): Column<LedgerRecord>[] {
  return [
    { header: "NAMESPACE", cell: ({ metadata }) => metadata.namespace },
    { header: "NAME", cell: ({ metadata }) => metadata.name },
    { header: "ANSWER", cell: ({ spec }) => answer(spec) },
    { header: "AGENT", cell: ({ spec }) => agent(spec) },
    { header: "OPERATION", cell: ({ spec }) => operation(spec) },
    { header: "TARGET", cell: ({ spec }) => target(spec) },
    { header: "RULE", cell: ({ spec }) => ruleWords(admission(spec)?.rules ?? []) },
    { header: "APPROVAL", cell: ({ spec }) => approvalUse(spec) },
    { header: "AGE", cell: ({ spec }) => age(spec.time, context.now()) },
    { header: "TIME", cell: ({ spec }) => spec.time, wide: true },
    { header: "OUTCOME", cell: outcome, wide: true },
    { header: "CALLER", cell: ({ spec }) => admission(spec)?.caller ?? "", wide: true },
    { header: "DIGEST", cell: ({ spec }) => asked(spec)?.digest?.slice(0, 12) ?? "", wide: true },
    {
      header: "TRIED",
      cell: ({ spec }) =>
        observed(spec)
          .map(({ name, mode }) => `${name} (${mode})`)
          .join(","),
      wide: true,
    },
    { header: "MESSAGE", cell: ({ spec }) => message(spec), wide: true },
  ];
}

function answer(entry: Entry): string {
  switch (entry.kind) {
    case "admission":
      return entry.answer;
    case "approval":
      return entry.phase;
    case "outcome":
      return entry.result;
    case "request":
      return String(entry.code ?? entry.stage);
    case "brokered":
      return entry.code === undefined ? entry.event : String(entry.code);
    default:
      return entry.kind;
  }
}

function agent(entry: Entry): string {
  return "agent" in entry ? entry.agent.username : "";
}

function operation(entry: Entry): string {
  if (entry.kind === "session") return entry.event;
  if (entry.kind === "request" || entry.kind === "brokered")
    return [entry.verb, entry.target?.subresource ?? ""].join(" ").trim();
  const about = asked(entry);
  if (about === undefined) return "";
  const words = operationWords(about.operation, about.target);
  return about.kind === "admission" && about.dryRun ? `${words} (dry run)` : words;
}

function target(entry: Entry): string {
  if (entry.kind === "request" || entry.kind === "brokered") return requestTarget(entry);
  if (entry.kind === "session") return `sessions/${entry.session.name}`;
  if (entry.kind === "outcome") return `record ${entry.of}`;
  const about = asked(entry);
  return about === undefined ? "" : targetWords(about.target);
}

function requestTarget({ target: about, uri }: Extract<Entry, { kind: "request" | "brokered" }>): string {
  if (about === undefined) return uri;
  const resource = about.group === "" ? about.resource : `${about.resource}.${about.group}`;
  return about.name === undefined ? resource : `${resource}/${about.name}`;
}

function approvalUse(entry: Entry): string {
  const approval = asked(entry)?.approval;
  if (approval === undefined) return "";
  return "use" in approval ? `${approval.name} (${approval.use})` : approval.name;
}

function message(entry: Entry): string {
  switch (entry.kind) {
    case "admission":
      return entry.message ?? [...entry.rules, ...observed(entry)].map((rule) => rule.message).join("; ");
    case "approval":
      return entry.decision === undefined
        ? entry.event
        : `${entry.decision.verdict} by ${entry.decision.user}: ${entry.decision.comment ?? ""}`;
    case "configuration":
      return `Hoop ${entry.version}, ${entry.rules.length} rules`;
    case "gap":
      return entry.message;
    case "outcome":
      return `${entry.result}, of record ${entry.of}${entry.message === undefined ? "" : `: ${entry.message}`}`;
    case "request":
      return `${entry.verb} ${entry.uri}: ${entry.code ?? "no answer"}`;
    case "erasure":
      return `payloads of ${entry.spans.reduce((sum, { from, to }) => sum + to - from, 0)} records erased`;
    case "session":
      return `session ${entry.session.name} ${entry.event}: ${entry.message ?? entry.reason ?? entry.profile}`;
    case "brokered":
      return `${entry.event} ${entry.method} ${entry.uri}${entry.code === undefined ? "" : ` ${entry.code}`}`;
    default:
      // A newer server may know more kinds.
      return entry satisfies never;
  }
}

async function follow(context: Context, api: Api, flags: RecordsFlags, selector: string): Promise<void> {
  if (!(await api.offers("records", "watch")))
    throw new CommandError("this server offers no watch of records");
  const print = livePrinter(context, flags.output, { columns: columns(context), reference: recordReference });
  let last = -1;
  const isNews = (record: LedgerRecord) => {
    if (index(record) <= last) return false;
    last = index(record);
    return true;
  };
  const watched = selector === "" ? undefined : selector;
  // The ledger only grows: a watch goes on from the version before the last one, of which it may have been told half.
  let version: string | undefined;
  let seen: string | undefined;
  await keepWatching(context, async (established) => {
    if (version === undefined) {
      const list = await listRecords(api, flags, selector, flags.limit);
      version = list.metadata.resourceVersion;
      await print(list.items.filter(isNews));
      established();
    }
    for await (const { object } of api.watch("records", listNamespace(flags), version, watched)) {
      established();
      if (isNews(object)) await print([object]);
      if (object.metadata.resourceVersion === seen) continue;
      version = seen ?? version;
      seen = object.metadata.resourceVersion;
    }
  });
}

/** `kubectl hoop records`: what agents asked for and what they were answered, newest last. */
import { asked } from "#core/ledger/asked.ts";
import type { AdmissionEntry, Entry } from "#core/ledger/entry.ts";
import { age } from "../ages.ts";
import { type Api, hoopApi, type LedgerRecord } from "../api.ts";
import type { Context } from "../context.ts";
import { CommandError } from "../failure.ts";
import { hintingNamespace } from "../find.ts";
import { type ConnectionFlags, listNamespace, type OutputFlag, type WatchFlags } from "../flags.ts";
import { keepWatching } from "../live.ts";
import { livePrinter, printList, recordReference } from "../printing.ts";
import type { Column } from "../table.ts";
import { operationWords, ruleWords, targetWords } from "../wording.ts";

export interface RecordsFlags extends ConnectionFlags, WatchFlags, OutputFlag {
  readonly agent: string | undefined;
  readonly verdict: AdmissionEntry["verdict"] | undefined;
  readonly answer: AdmissionEntry["answer"] | undefined;
  readonly approval: string | undefined;
  readonly rule: string | undefined;
  readonly limit: number;
}

export async function records(this: Context, flags: RecordsFlags): Promise<void> {
  const api = hoopApi(this.kubectl, flags);
  if (flags.watch) return follow(this, api, flags);
  const list = await listRecords(api, flags);
  const look = { columns: columns(this), reference: recordReference };
  await printList(this, flags.output, list, look, "No records found.");
}

/** The last ones that match, in the order of the ledger. */
async function listRecords(api: Api, flags: RecordsFlags) {
  const list = await hintingNamespace(api.list("records", listNamespace(flags), selector(flags)));
  const matching = list.items.filter(matches(flags)).toSorted((a, b) => index(a) - index(b));
  return { ...list, items: flags.limit === 0 ? matching : matching.slice(-flags.limit) };
}

/** What the server can sort out itself. */
function selector({ answer, approval }: RecordsFlags): string | undefined {
  const terms = [
    ...(answer === undefined ? [] : [`spec.answer=${answer}`]),
    ...(approval === undefined ? [] : [`spec.approval.name=${approval}`]),
  ];
  return terms.length === 0 ? undefined : terms.join(",");
}

function index({ metadata }: LedgerRecord): number {
  return Number(metadata.name);
}

function matches(flags: RecordsFlags): (record: LedgerRecord) => boolean {
  const wanted = (flag: string | undefined, value: string | undefined) =>
    flag === undefined || flag === value;
  return ({ spec }) =>
    wanted(flags.verdict, admission(spec)?.verdict) &&
    wanted(flags.answer, admission(spec)?.answer) &&
    wanted(flags.approval, asked(spec)?.approval?.name) &&
    (flags.rule === undefined || firedNames(spec).includes(flags.rule)) &&
    (flags.agent === undefined || isAgent(asked(spec)?.agent.username ?? "", flags.agent));
}

/** A user name, or of a ServiceAccount NAME, NAMESPACE:NAME or NAMESPACE/NAME. */
function isAgent(username: string, wanted: string): boolean {
  const account =
    username.startsWith("system:serviceaccount:") && username.endsWith(`:${wanted.replace("/", ":")}`);
  return username === wanted || account;
}

function admission(entry: Entry) {
  return entry.kind === "admission" ? entry : undefined;
}

function observed(entry: Entry) {
  return admission(entry)?.observed ?? [];
}

/** Of rules that counted, and of those that are only tried. */
function firedNames(entry: Entry): string[] {
  return [...(admission(entry)?.rules ?? []), ...observed(entry)].map(({ name }) => name);
}

function columns(context: Context): Column<LedgerRecord>[] {
  return [
    { header: "NAMESPACE", cell: ({ metadata }) => metadata.namespace },
    { header: "NAME", cell: ({ metadata }) => metadata.name },
    { header: "ANSWER", cell: ({ spec }) => answer(spec) },
    { header: "AGENT", cell: ({ spec }) => asked(spec)?.agent.username ?? "" },
    { header: "OPERATION", cell: ({ spec }) => operation(spec) },
    { header: "TARGET", cell: ({ spec }) => target(spec) },
    { header: "RULE", cell: ({ spec }) => ruleWords(admission(spec)?.rules ?? []) },
    { header: "APPROVAL", cell: ({ spec }) => approvalUse(spec) },
    { header: "AGE", cell: ({ spec }) => age(spec.time, context.now()) },
    { header: "TIME", cell: ({ spec }) => spec.time, wide: true },
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
    default:
      return entry.kind;
  }
}

function operation(entry: Entry): string {
  const about = asked(entry);
  if (about === undefined) return "";
  const words = operationWords(about.operation, about.target);
  return about.kind === "admission" && about.dryRun ? `${words} (dry run)` : words;
}

function target(entry: Entry): string {
  const about = asked(entry);
  return about === undefined ? "" : targetWords(about.target);
}

function approvalUse(entry: Entry): string {
  const approval = asked(entry)?.approval;
  if (approval === undefined) return "";
  return "use" in approval ? `${approval.name} (${approval.use})` : approval.name;
}

function message(entry: Entry): string {
  switch (entry.kind) {
    case "admission":
      return entry.message ?? entry.rules.map((rule) => rule.message).join("; ");
    case "approval":
      return entry.decision === undefined
        ? entry.event
        : `${entry.decision.verdict} by ${entry.decision.user}: ${entry.decision.comment ?? ""}`;
    case "configuration":
      return `Hoop ${entry.version}, ${entry.rules.length} rules`;
    case "gap":
      return entry.message;
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

async function follow(context: Context, api: Api, flags: RecordsFlags): Promise<void> {
  if (!(await api.offers("records", "watch")))
    throw new CommandError("this server offers no watch of records");
  const print = livePrinter(context, flags.output, { columns: columns(context), reference: recordReference });
  let last = -1;
  const isNews = (record: LedgerRecord) => {
    if (index(record) <= last) return false;
    last = index(record);
    return true;
  };
  await keepWatching(context, async (established) => {
    const list = await listRecords(api, last < 0 ? flags : { ...flags, limit: 0 });
    established();
    await print(list.items.filter(isNews));
    for await (const { object } of api.watch("records", listNamespace(flags), list.metadata.resourceVersion))
      if (matches(flags)(object) && isNews(object)) await print([object]);
  });
}

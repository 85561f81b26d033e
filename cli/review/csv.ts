/** Access reviews as one table: what each line is about is its section, and its control that of NIST SP 800-53. */
import {
  CONTROLS,
  type ReadFrom,
  type Review,
  runWords,
  type Seen,
  type Told,
  type Used,
} from "#core/access-review/review.ts";
import { csvRow } from "#core/export/csv.ts";

const COLUMNS = [
  "agent",
  "section",
  "control",
  "verb",
  "group",
  "resource",
  "subresource",
  "namespace",
  "name",
  "by",
  "state",
  "count",
  "allowed",
  "held",
  "denied",
  "failed",
  "unknown",
  "first",
  "last",
  "records",
  "says",
] as const;

type Row = Partial<Record<(typeof COLUMNS)[number], string | number>>;

export function csvOf(reviews: readonly Review[], from: ReadFrom): string {
  const { origin, size, root, source, begins } = from;
  const says = `ledger ${origin}, ${size} entries held against the checkpoint with root ${root}, from ${source}`;
  const rows: Row[] = [
    { section: "read-from", first: begins, records: size === 0 ? "" : `0-${size - 1}`, says },
    ...reviews.flatMap((review) => rowsOf(review).map((row) => ({ agent: review.agent, ...row }))),
  ];
  return [csvRow(COLUMNS), ...rows.map((row) => csvRow(COLUMNS.map((name) => String(row[name] ?? ""))))].join(
    "",
  );
}

function rowsOf(review: Review): Row[] {
  return [
    ...told("gap", CONTROLS.gaps, review.gaps),
    ...told("erasure", CONTROLS.erasures, review.erasures),
    {
      section: "period",
      first: review.since,
      last: review.until,
      count: review.entries,
      state: review.readsRecorded ? "reads-recorded" : "no-reads-recorded",
      says: `groups: ${review.groups.join(" ")}`,
    },
    ...(review.rightsWhy === undefined
      ? []
      : [{ section: "may", control: CONTROLS.rights, state: "not-read", says: review.rightsWhy }]),
    ...used(review),
    ...may(review),
    ...held(review),
    ...denied(review),
    ...told("configuration", CONTROLS.configurations, review.configurations),
  ];
}

function told(section: string, control: string, all: readonly Told[]): Row[] {
  return all.map(({ index, time, says }) => ({
    section,
    control,
    first: time,
    last: time,
    records: index,
    says,
  }));
}

function seen({ count, first, last, records }: Seen): Row {
  return { count, first, last, records: runWords(records) };
}

function used(review: Review): Row[] {
  return review.used.map(
    ({ verb, group, resource, subresource, namespace, allowed, refused, unknown, ...one }) => ({
      ...{ section: "used", control: CONTROLS.used, verb, group, resource, subresource, namespace },
      ...seen(one),
      ...{ allowed, held: one.held, denied: one.denied, failed: refused, unknown },
      by: one.actingAs,
      state: stateOf(one),
    }),
  );
}

function stateOf({ actingAs, given }: Pick<Used, "actingAs" | "given">): string {
  if (actingAs !== "") return "in-a-session";
  return given === undefined ? "" : given ? "given-now" : "not-given-now";
}

function denied(review: Review): Row[] {
  return review.denied.map(({ verb, group, resource, subresource, namespace, rules, ...one }) => ({
    ...{ section: "denied", control: CONTROLS.denied, verb, group, resource, subresource, namespace },
    ...seen(one),
    by: rules.join(" "),
  }));
}

/** One row for each verb on each resource that a rule gives. */
function may(review: Review): Row[] {
  return (review.rights ?? []).flatMap(({ use, urls, verbs, names, namespace, by }) => [
    ...use.map(({ verb, group, resource, state, newest }) => ({
      ...{ section: "may", control: CONTROLS.rights, verb, group, resource, namespace: namespace || "*" },
      ...{ name: names.join(" "), by, state, records: newest ?? "" },
    })),
    ...urls.map((url) => ({
      ...{ section: "may", control: CONTROLS.rights, verb: verbs.join(" "), resource: url, by },
    })),
  ]);
}

function held(review: Review): Row[] {
  return review.held.flatMap(({ approval, operation, target, steps }) =>
    steps.map(({ index, time, event, user, verdict, comment }) => ({
      ...{ section: "held", control: CONTROLS.held, verb: operation, name: approval, state: event },
      ...{ by: user ?? "", first: time, last: time, records: index },
      says: [target, verdict, comment].filter((part) => part !== undefined).join("; "),
    })),
  );
}

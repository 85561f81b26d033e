/** An access review as a page. What makes it incomplete comes first. */
import {
  CONTROLS,
  type Held,
  placeWords,
  type ReadFrom,
  type Review,
  type Right,
  type Step,
  type Told,
  type Used,
} from "#core/access-review/review.ts";
import { printable } from "#core/printable.ts";
import { type Column, tableWriter } from "../table.ts";

export function textOf(reviews: readonly Review[], from: ReadFrom): string {
  const pages = reviews.map((review) => pageOf(review, from));
  return pages.length === 0
    ? `${headOf(from)}\nNo agent asked for anything in that time.\n`
    : pages.join("\n\n");
}

function headOf({ origin, size, root, source, keysFromLedger }: ReadFrom): string {
  const keys = keysFromLedger ? " By the keys that the ledger names itself: with --key, by yours." : "";
  return line(
    `Read from ${source}: ledger ${origin}, all ${size} entries held against the checkpoint with root ${root}.${keys}`,
  );
}

function line(text: string): string {
  return `${printable(text)}\n`;
}

function pageOf(review: Review, from: ReadFrom): string {
  const { agent, groups, since, until, entries } = review;
  const head = [
    line(`ACCESS REVIEW of ${agent}`),
    line(`From ${since === "" ? "the beginning" : since} up to ${until}: ${entries} records of it.`),
    line(`Groups: ${groups.join(", ")}`),
    headOf(from),
  ];
  return `${[...head, ...incompleteness(review, from), ...sections(review)].join("")}`;
}

function incompleteness(review: Review, { begins }: ReadFrom): string[] {
  const { since, gaps, erasures, readsRecorded, rightsWhy, held } = review;
  const isLate = begins > since && since !== "";
  const decided = held.some(({ steps }) => steps.some(({ event }) => event === "decided"));
  return [
    ...(isLate ? [line(`! The ledger begins at ${begins}: what was before is not in it.`)] : []),
    ...(readsRecorded
      ? []
      : [
          line(
            "! No reads are recorded in that time: the ledger has writes only. Audit events would bring them.",
          ),
        ]),
    ...gaps.map((told) => line(`! Gap, record ${told.index}, ${told.time}: ${told.says} (${CONTROLS.gaps})`)),
    ...erasures.map((told) =>
      line(`! Record ${told.index}, ${told.time}: ${told.says} (${CONTROLS.erasures})`),
    ),
    ...(rightsWhy === undefined ? [] : [line(`! What it may do was not read: ${rightsWhy}`)]),
    ...(held.length > 0 && !decided
      ? [line("! Nothing that it was held for was decided in that time.")]
      : []),
  ];
}

function sections(review: Review): string[] {
  const { used, denied, held, rights, configurations } = review;
  return [
    section(`USED (${CONTROLS.used})`, used, [
      { header: "VERB", cell: ({ verb }) => verb },
      { header: "RESOURCE", cell: placeWords },
      { header: "NAMESPACE", cell: ({ namespace }) => namespace },
      { header: "COUNT", cell: ({ count }) => String(count) },
      { header: "ALLOWED", cell: ({ allowed }) => String(allowed) },
      { header: "HELD", cell: (one) => String(one.held) },
      { header: "DENIED", cell: (one) => String(one.denied) },
      {
        header: "FAILED",
        cell: ({ refused, unknown }) => (unknown === 0 ? String(refused) : `${refused} (${unknown} unknown)`),
      },
      { header: "FIRST", cell: ({ first }) => seconds(first) },
      { header: "LAST", cell: ({ last }) => seconds(last) },
      { header: "NEWEST", cell: ({ newest }) => String(newest) },
      { header: "BY RBAC NOW", cell: byRbac },
    ]),
    ...(rights === undefined ? [] : [neverUsed(rights), mayDo(rights)]),
    `\n${line(`HELD, AND WHO DECIDED (${CONTROLS.held})`)}${held.length === 0 ? "  nothing\n" : held.map(heldWords).join("")}`,
    section(`DENIED (${CONTROLS.denied})`, denied, [
      { header: "VERB", cell: ({ verb }) => verb },
      { header: "RESOURCE", cell: placeWords },
      { header: "NAMESPACE", cell: ({ namespace }) => namespace },
      { header: "BY", cell: ({ rules }) => rules.join(", ") },
      { header: "COUNT", cell: ({ count }) => String(count) },
      { header: "FIRST", cell: ({ first }) => seconds(first) },
      { header: "LAST", cell: ({ last }) => seconds(last) },
      { header: "NEWEST", cell: ({ newest }) => String(newest) },
    ]),
    section(`CONFIGURATION CHANGES (${CONTROLS.configurations})`, configurations, TOLD),
  ];
}

/** Who is an agent is a long expression: the whole is in CSV and JSON. */
const MOST_SAID = 300;

function byRbac({ actingAs, given }: Used): string {
  if (actingAs !== "") return `in a session, as ${actingAs}`;
  return given === undefined ? "" : given ? "yes" : "no";
}

const TOLD: Column<Told>[] = [
  { header: "RECORD", cell: ({ index }) => String(index) },
  { header: "TIME", cell: ({ time }) => seconds(time) },
  { header: "WHAT", cell: ({ says }) => (says.length > MOST_SAID ? `${says.slice(0, MOST_SAID)}…` : says) },
];

function section<T>(title: string, rows: readonly T[], columns: readonly Column<T>[]): string {
  const table = rows.length === 0 ? "nothing\n" : tableWriter(columns, false)(rows);
  return `\n${line(title)}${table.replace(/^(?=.)/gm, "  ")}`;
}

function seconds(time: string): string {
  return `${time.slice(0, 19)}Z`;
}

/** One row for what one rule gives and was not used. */
function neverUsed(rights: readonly Right[]): string {
  const rows = rights.flatMap((right) =>
    [
      ...Map.groupBy(right.use, ({ group, resource }) => placeWords({ group, resource, subresource: "" })),
    ].flatMap(([what, uses]) => {
      const never = uses.filter(({ state }) => state === "never-used").map(({ verb }) => verb);
      const partly = uses.filter(({ state }) => state === "partly-used").map(({ verb }) => verb);
      const untold = uses.filter(({ state }) => state === "cannot-tell").map(({ verb }) => verb);
      const row = { what, never, partly, untold, right };
      return never.length + partly.length + untold.length === 0 ? [] : [row];
    }),
  );
  return section(`MAY, AND NEVER USED (${CONTROLS.rights})`, rows, [
    { header: "RESOURCE", cell: ({ what }) => what },
    { header: "NAMESPACE", cell: ({ right }) => right.namespace || "*" },
    { header: "NEVER USED", cell: ({ never }) => never.join(",") },
    { header: "BUT FOR WHAT IS USED ABOVE", cell: ({ partly }) => partly.join(",") },
    { header: "CANNOT TELL", cell: ({ untold }) => untold.join(",") },
    { header: "GIVEN BY", cell: ({ right }) => right.by },
  ]);
}

function mayDo(rights: readonly Right[]): string {
  return section(`MAY DO NOW (${CONTROLS.rights})`, rights, [
    { header: "VERBS", cell: ({ verbs }) => verbs.join(",") },
    {
      header: "RESOURCES",
      cell: ({ groups, resources, urls }) =>
        [
          ...resources.flatMap((resource) =>
            groups.map((group) => placeWords({ group, resource, subresource: "" })),
          ),
          ...urls.map((url) => `path ${url}`),
        ].join(","),
    },
    { header: "NAMES", cell: ({ names }) => names.join(",") },
    { header: "NAMESPACE", cell: ({ namespace }) => namespace || "*" },
    { header: "USED, NEWEST RECORD", cell: ({ use }) => usedWords(use) },
    { header: "GIVEN BY", cell: ({ by }) => by },
  ]);
}

function usedWords(use: Right["use"]): string {
  const used = use.flatMap(({ verb, newest }) => (newest === undefined ? [] : [[verb, newest] as const]));
  const newest = new Map<string, number>();
  for (const [verb, index] of used) newest.set(verb, Math.max(newest.get(verb) ?? 0, index));
  return [...newest].map(([verb, index]) => `${verb} ${index}`).join(", ");
}

function heldWords({ approval, operation, target, steps }: Held): string {
  return `${line(`  ${approval}: ${operation} ${target}`)}${steps.map((step) => line(`    ${stepWords(step)}`)).join("")}`;
}

function stepWords({ index, time, event, user, verdict, comment }: Step): string {
  const who =
    user === undefined ? "" : ` by ${user}: ${verdict}${comment === undefined ? "" : `, "${comment}"`}`;
  return `${seconds(time)}  ${event}${who}  (record ${index})`;
}

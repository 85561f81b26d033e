/** Which entries, as the command line has it. */
import type { FlagParametersForType } from "@stricli/core";
import type { Filter } from "#core/export/filter.ts";
import { KINDS } from "#core/ledger/kinds.ts";
import { micros } from "#core/times.ts";
import type { Context } from "../context.ts";
import { agentNames } from "../doctor/names.ts";
import { CommandError } from "../failure.ts";
import { approvalName, milliseconds } from "../flags.ts";

export interface FilterFlags {
  readonly since: Moment | undefined;
  readonly until: Moment | undefined;
  readonly agent: string | undefined;
  readonly namespace: string | undefined;
  readonly kind: readonly string[] | undefined;
  readonly verdict: (typeof VERDICTS)[number] | undefined;
  readonly answer: (typeof ANSWERS)[number] | undefined;
  readonly approval: string | undefined;
  readonly rule: string | undefined;
  readonly resource: string | undefined;
}

/** How it was typed, and what it is at a given time: milliseconds since the epoch. */
export interface Moment {
  readonly typed: string;
  readonly at: (now: number) => number;
}

const DAY = 86_400_000;
const DATE = /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}:\d{2}))?$/;

/** `90d`, `36h`, `2026-11-01`, `2026-11-01T08:00:00Z`. A date is its beginning in UTC. */
export function moment(typed: string): Moment {
  const [, days] = /^(\d{1,5})d$/.exec(typed) ?? [];
  if (days !== undefined) return { typed, at: (now) => now - Number(days) * DAY };
  if (DATE.test(typed)) {
    const at = Date.parse(typed);
    if (Number.isFinite(at)) return { typed, at: () => at };
  }
  if (!/^(\d+h)?(\d+m)?(\d+s)?$/.test(typed) || typed === "")
    throw new CommandError(
      "neither a time such as 2026-11-01 or 2026-11-01T08:00:00Z, nor how long ago: 90d, 36h",
    );
  const ago = milliseconds(typed);
  return { typed, at: (now) => now - ago };
}

const text = (brief: string, placeholder: string) =>
  ({ kind: "parsed", parse: String, brief, placeholder, optional: true }) as const;

const VERDICTS = ["allow", "hold", "deny", "could-not-tell"] as const;
const ANSWERS = ["allowed", "held", "denied"] as const;

export const kindFlag = {
  ...text(`Only of this kind: ${KINDS.join(", ")}`, "KIND"),
  parse: kind,
  proposeCompletions: (partial: string) => KINDS.filter((one) => one.startsWith(partial)),
} as const;

export const filterFlags: Omit<FlagParametersForType<FilterFlags, Context>, "namespace"> = {
  since: { ...text("From this time on, or so long ago: 2026-11-01, 90d, 36h", "TIME"), parse: moment },
  until: { ...text("Up to, and without, this time, or so long ago", "TIME"), parse: moment },
  agent: {
    ...text("Only of this agent: user name, or NAMESPACE/NAME of a ServiceAccount", "NAME"),
    proposeCompletions: agentNames,
  },
  kind: { ...kindFlag, variadic: true },
  verdict: {
    kind: "enum",
    values: VERDICTS,
    brief: "Only what the rules said this to",
    optional: true,
  },
  answer: {
    kind: "enum",
    values: ANSWERS,
    brief: "Only what was answered like this",
    optional: true,
  },
  approval: { ...text("Only what belongs to this approval", "NAME"), parse: approvalName },
  rule: text("Only where this rule fired", "NAME"),
  resource: text("Only about this resource, such as deployments", "NAME"),
};

/** A word that is none would find nothing, as if nothing had happened. */
function kind(typed: string): string {
  if (KINDS.includes(typed)) return typed;
  throw new CommandError(`not a kind of record: ${KINDS.join(", ")}`);
}

const PLAIN = ["agent", "namespace", "verdict", "answer", "approval", "rule", "resource"] as const;

export function filterOf(flags: FilterFlags, now: number): Filter {
  const { since, until, kind: kinds } = flags;
  const given = PLAIN.filter((name) => flags[name] !== undefined).map((name) => [name, flags[name]]);
  return {
    ...(since === undefined ? {} : { since: micros(since.at(now)) }),
    ...(until === undefined ? {} : { until: micros(until.at(now)) }),
    ...(kinds === undefined ? {} : { kinds }),
    ...Object.fromEntries(given),
  };
}

/** The same whenever it is asked: how far back 90d goes is told by what was begun. */
export function typedFilter(flags: FilterFlags): string {
  const { since, until, kind: kinds = [] } = flags;
  const given = [
    ["since", since?.typed],
    ["until", until?.typed],
    ...PLAIN.map((name) => [name, flags[name]] as const),
    ...kinds.map((one) => ["kind", one] as const),
  ] as const;
  return given.flatMap(([name, value]) => (value === undefined ? [] : [` --${name} ${value}`])).join("");
}

/** What stands in the status of an AgentPolicy. */

export interface PolicyProblem {
  /** Such as `spec.rules[2].when`. */
  path: string;
  message: string;
  /** In the expression at that path, from 1. */
  line?: number;
  column?: number;
}

/** How a policy stands. */
export interface Standing {
  /** The names of its rules and of the catalogue's rules that it sets, in their order. */
  rules: readonly string[];
  catalogue: readonly string[];
  problems: readonly PolicyProblem[];
}

export interface Condition {
  type: string;
  status: "True" | "False" | "Unknown";
  observedGeneration?: number;
  lastTransitionTime: string;
  reason: string;
  message: string;
}

/** As the CustomResourceDefinition in deploy/ has it. */
export interface PolicyStatus {
  observedGeneration?: number;
  rules?: string;
  problems?: (PolicyProblem & { rule?: string })[] | null;
  conditions?: Condition[];
}

const MOST_PROBLEMS = 100;
const MOST_TOLD = 10;

/** What to write, `undefined` where it stands there already. */
export function statusOf(
  standing: Standing,
  observedGeneration: number,
  before: PolicyStatus | undefined,
  now: Date,
): PolicyStatus | undefined {
  const { problems } = standing;
  const known = before?.conditions?.find(({ type }) => type === "Ready");
  const status = problems.length === 0 ? "True" : "False";
  const ready: Condition = {
    ...{ type: "Ready", status, observedGeneration },
    reason: problems.length === 0 ? "InForce" : "Broken",
    message: problems.length === 0 ? inForce(standing) : told(problems),
    lastTransitionTime:
      known?.status === status ? known.lastTransitionTime : `${now.toISOString().slice(0, 19)}Z`,
  };
  const written = {
    observedGeneration,
    rules: countOf(standing),
    problems: problems.slice(0, MOST_PROBLEMS).map((problem) => withRule(standing, problem)),
  };
  const isSame =
    same(ready, known) &&
    before?.observedGeneration === observedGeneration &&
    before.rules === written.rules &&
    sameList(written.problems, before.problems ?? []);
  if (isSame) return undefined;
  const others = (before?.conditions ?? []).filter(({ type }) => type !== "Ready");
  // A merge patch: null takes away.
  return {
    ...written,
    problems: problems.length === 0 ? null : written.problems,
    conditions: [...others, ready],
  };
}

/** `spec.rules[2].when, line 1, column 7: undeclared reference to 'foo'`. */
function problemLine({ path, line, column, message }: PolicyProblem): string {
  const place = line === undefined ? path : `${path}, line ${line}, column ${column ?? 1}`;
  return `${place}: ${message}`;
}

function told(problems: readonly PolicyProblem[]): string {
  const lines = problems.slice(0, MOST_TOLD).map((problem) => problemLine(problem).slice(0, 1000));
  const more = problems.length - lines.length;
  return [...lines, ...(more > 0 ? [`and ${more} more`] : [])].join("; ");
}

function inForce({ rules, catalogue }: Standing): string {
  const counted = (count: number, one: string, many: string) =>
    count === 0 ? [] : [`${count} ${count === 1 ? one : many}`];
  const parts = [
    ...counted(rules.length, "rule", "rules"),
    ...counted(catalogue.length, "catalogue entry", "catalogue entries"),
  ];
  return `in force: ${parts.join(" and ")}`;
}

const PLACE = /^spec\.(rules|catalogue)\[(\d+)\]/;

/** `1/2`: what is wrong outside of all rules is wrong with each of them. */
function countOf({ rules, catalogue, problems }: Standing): string {
  const all = rules.length + catalogue.length;
  const places = problems.map(({ path }) => PLACE.exec(path)?.[0]);
  const wrong = places.includes(undefined) ? all : new Set(places).size;
  return wrong === 0 ? `${all}` : `${all - wrong}/${all}`;
}

function withRule({ rules, catalogue }: Standing, problem: PolicyProblem): PolicyProblem & { rule?: string } {
  const [, list, index = ""] = PLACE.exec(problem.path) ?? [];
  const rule = { rules, catalogue }[list ?? ""]?.[Number(index)];
  return { ...(rule === undefined ? {} : { rule }), ...problem };
}

function same(one: object, other: object | undefined): boolean {
  const sorted = (value: object) =>
    JSON.stringify(Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1)));
  return other !== undefined && sorted(one) === sorted(other);
}

function sameList(one: readonly object[], other: readonly object[]): boolean {
  return one.length === other.length && one.every((value, index) => same(value, other[index]));
}

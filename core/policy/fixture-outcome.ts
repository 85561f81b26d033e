/** Whether a verdict is what a fixture expects. */
import type { Expected } from "./fixtures.ts";
import type { Requirement, Verdict } from "./verdict.ts";

const WORDS: Readonly<Record<Verdict["kind"], string>> = {
  "not-applicable": "NotApplicable",
  allow: "Allow",
  hold: "Hold",
  deny: "Deny",
  "could-not-tell": "CouldNotTell",
};

export function verdictWord({ kind }: Verdict): string {
  return WORDS[kind];
}

/** The names of all rules that a verdict tells of, those that are only tried included. */
function firedNames(verdict: Verdict): string[] {
  const fired = "rules" in verdict ? verdict.rules : [];
  const observed = "observed" in verdict ? verdict.observed : [];
  return [...fired, ...observed].map(({ name }) => name);
}

/** In which ways a verdict is not what was expected, one line each; none where it is. */
export function differences(verdict: Verdict, expected: Expected): string[] {
  const rules = "rules" in verdict ? verdict.rules : [];
  const observed = "observed" in verdict ? verdict.observed : [];
  const tried = (mode: "Warn" | "Audit") => observed.filter((one) => one.mode === mode);
  const all = firedNames(verdict);
  const reason = saying(verdict);
  return [
    ...(verdictWord(verdict) === expected.verdict
      ? []
      : [`expected ${expected.verdict}, got ${verdictWord(verdict)}${reason === "" ? "" : `: ${reason}`}`]),
    ...missing("rule", expected.rules, rules),
    ...missing("warning of", expected.warnings, tried("Warn")),
    ...missing("audit of", expected.audited, tried("Audit")),
    ...(expected.notRules ?? [])
      .filter((name) => all.includes(name))
      .map((name) => `rule ${name} fired, and was not to`),
    ...(expected.message === undefined || reason.includes(expected.message)
      ? []
      : [`no message says ${JSON.stringify(expected.message)}: ${reason}`]),
    ...otherApprovers(verdict, expected),
  ];
}

function missing(what: string, names: readonly string[] = [], there: readonly { name: string }[]): string[] {
  const found = there.map(({ name }) => name);
  const told = found.length === 0 ? "none" : found.join(", ");
  return names.filter((name) => !found.includes(name)).map((name) => `no ${what} ${name}; there is: ${told}`);
}

/** All that a verdict says of its reasons. */
function saying(verdict: Verdict): string {
  if (verdict.kind === "could-not-tell") return verdict.why;
  const rules = "rules" in verdict ? verdict.rules : [];
  const observed = "observed" in verdict ? verdict.observed : [];
  return [...rules, ...observed].map(({ name, message }) => `${name}: ${message}`).join("; ");
}

function otherApprovers(verdict: Verdict, { approvers }: Expected): string[] {
  if (approvers === undefined) return [];
  const wanted = requirements(approvers.map(({ groups = [], count = 1 }) => ({ groups, count })));
  const there = verdict.kind === "hold" ? requirements(verdict.terms.approvers) : "nobody";
  return wanted === there ? [] : [`expected to be decided by ${wanted}, not by ${there}`];
}

/** `2 of security, sre; 1 of anybody`, in one order. */
function requirements(list: readonly Requirement[]): string {
  return list
    .map(({ groups, count }) => `${count} of ${[...groups].sort().join(", ") || "whoever may decide"}`)
    .sort()
    .join("; ");
}

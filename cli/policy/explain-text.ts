/** An explanation for people and for programs. */
import type { AdmissionRequest } from "#core/admission.ts";
import type { NamedTrace, RuleTrace } from "#core/policy/explain.ts";
import type { TermTrace } from "#core/policy/explain-term.ts";
import { verdictWord } from "#core/policy/fixture-outcome.ts";
import type { Verdict } from "#core/policy/verdict.ts";
import { printable } from "#core/printable.ts";
import type { Explained } from "./explain.ts";
import { counted } from "./report.ts";

/**
 * What fired and failed, and the rules of AgentPolicies, in full. Of the catalogue's rules that keep quiet, the part
 * that decided; of those about other requests, how many there are. With `all`, everything.
 */
export function explanationText({ request, explanation }: Explained, all: boolean): string {
  const { verdict, rules, annotations } = explanation;
  const about = rules.filter(({ outcome }) => all || outcome !== "not-matched");
  const others = rules.length - about.length;
  const lines = [
    requestLine(request),
    ...verdictLines(verdict),
    ...annotations.flatMap(({ name, trace }) => ["", `annotation ${name}`, ...termLines(trace, 1)]),
    ...about
      .toSorted((a, b) => rank(a) - rank(b))
      .flatMap((rule) => (all || isInFull(rule) ? ["", ...ruleLines(rule)] : [])),
    ...shortly(about.filter((rule) => !all && !isInFull(rule))),
    ...elsewhere(all ? [] : rules),
    ...(others === 0 ? [] : ["", `${counted(others, "rule")} about other requests (--all shows them).`]),
  ];
  return lines.map((line) => `${printable(line).trimEnd()}\n`).join("");
}

/** Whoever wrote a policy wants to know why it is not about this. */
function elsewhere(rules: readonly RuleTrace[]): string[] {
  const own = rules.filter(({ name, outcome }) => name.includes("/") && outcome === "not-matched");
  if (own.length === 0) return [];
  return [
    "",
    "Of AgentPolicies, about other requests:",
    ...own.map(({ name, detail }) => `  ${name}: ${detail}`),
  ];
}

const isInFull = ({ name, outcome }: RuleTrace): boolean =>
  name.includes("/") || (outcome !== "quiet" && outcome !== "not-matched");

function shortly(rules: readonly RuleTrace[]): string[] {
  if (rules.length === 0) return [];
  const lines = rules.map(({ name, when }) => `  ${name}${when === undefined ? "" : `: ${deciding(when)}`}`);
  return ["", "Of the catalogue, quiet:", ...lines];
}

/** The first part that decided and has no other in it; not what is negated, which without its `!` says the contrary. */
function deciding(term: TermTrace): string {
  const part = term.parts.find(({ decided }) => decided);
  return part === undefined || part.value !== term.value ? valueLine(term) : deciding(part);
}

const LONGEST = 100;

function valueLine({ text, value, failed }: TermTrace): string {
  const line = text.replace(/\s+/g, " ");
  const shown = line.length > LONGEST ? `${line.slice(0, LONGEST)}…` : line;
  // What is no expression, such as a list of approvers, comes to nothing.
  if (failed === undefined && value === "") return shown;
  return `${shown} = ${failed === undefined ? value : `(${failed})`}`;
}

function requestLine(request: AdmissionRequest): string {
  const { operation, resource, subresource, namespace, name, userInfo } = request;
  const kind = [resource.resource, resource.group].filter((part) => part !== "").join(".");
  const sub = subresource === "" ? "" : `/${subresource}`;
  const isInside = namespace !== "" && !(resource.group === "" && resource.resource === "namespaces");
  const place = [isInside ? namespace : "", name].filter((part) => part !== "").join("/");
  return `${operation} ${kind}${sub} ${place} as ${userInfo.username}`;
}

function verdictLines(verdict: Verdict): string[] {
  const rules = "rules" in verdict ? verdict.rules : [];
  const observed = "observed" in verdict ? verdict.observed : [];
  return [
    `=> ${verdictWord(verdict)}${verdict.kind === "could-not-tell" ? `: ${verdict.why}` : ""}`,
    ...rules.map(({ name, message }) => `   ${name}: ${message}`),
    ...(verdict.kind === "hold"
      ? verdict.terms.approvers.map(
          ({ groups, count }, i) =>
            `   ${i === 0 ? "to be decided by" : "and by"} ${count} of ${groups.join(", ") || "whoever may decide"}`,
        )
      : []),
    ...observed.map(
      ({ name, message, action, mode }) => `   would ${action.toLowerCase()} (${mode}): ${name}: ${message}`,
    ),
  ];
}

const ORDER: readonly RuleTrace["outcome"][] = ["failed", "fired", "off", "quiet", "not-matched"];
const rank = ({ outcome }: RuleTrace): number => ORDER.indexOf(outcome);

const WORDS: Readonly<Record<RuleTrace["outcome"], string>> = {
  failed: "FAILED",
  fired: "FIRED",
  off: "OFF",
  quiet: "quiet",
  "not-matched": "not about it",
};

function ruleLines({
  name,
  action,
  mode,
  severity,
  outcome,
  detail,
  conditions,
  variables,
  when,
}: RuleTrace): string[] {
  const what = [action, mode, severity].filter((part) => part !== undefined).join(", ");
  return [
    `${WORDS[outcome]}  ${name} (${what})${detail === "" ? "" : `: ${detail}`}`,
    ...named("matchCondition", conditions),
    ...(when === undefined ? always(outcome) : ["  when", ...termLines(when, 2)]),
    ...named("variable", variables),
  ];
}

function always(outcome: RuleTrace["outcome"]): string[] {
  return outcome === "not-matched" || outcome === "failed" ? [] : ["  fires on all that it is about"];
}

function named(what: string, traces: readonly NamedTrace[]): string[] {
  return traces.flatMap(({ name, trace }) => [`  ${what} ${name}`, ...termLines(trace, 2)]);
}

/** What decided is marked where nothing below it tells more. */
function termLines(term: TermTrace, depth: number): string[] {
  const isLast = term.decided && !term.parts.some(({ decided }) => decided);
  const mark = isLast ? "  <-" : "";
  return [
    `${"  ".repeat(depth)}${valueLine(term)}${mark}`,
    ...term.parts.flatMap((part) => termLines(part, depth + 1)),
  ];
}

/** The request without its objects, which may be secret. */
export function explanationJson({ request, explanation }: Explained): object {
  const { object: _, oldObject: __, options: ___, userInfo, ...rest } = request;
  const agent = { username: userInfo.username, groups: userInfo.groups };
  return { request: { ...rest, agent }, ...explanation };
}

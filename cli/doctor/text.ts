/** Doctor's report for people. */
import {
  atLeast,
  counted,
  type Finding,
  type Fix,
  type Opening,
  type Report,
  SEVERITIES,
} from "#core/doctor/finding.ts";
import type { PolicyRule } from "#core/doctor/rbac.ts";
import { phrase } from "#core/doctor/remedy.ts";
import { printable } from "#core/printable.ts";

const INDENT = " ".repeat(10);

export function textOf(report: Report): string {
  const lines = [
    ...report.findings.flatMap((finding) => [...linesOf(finding), ""]),
    ...notChecked(report),
    summary(report),
  ];
  return lines.map((line) => `${printable(line).trimEnd()}\n`).join("");
}

/** Below this a finding is told without its explanation and fixes. */
const IN_FULL = "medium";

function linesOf(finding: Finding): string[] {
  const { severity, id, agents, title, detail, openings, objects, fix } = finding;
  const who = agents.length === 0 ? "" : `${agents.join(", ")}: `;
  const isFull = atLeast(severity, IN_FULL);
  return [
    `${severity.toUpperCase().padEnd(INDENT.length)}${id}: ${who}${title}`,
    ...(isFull ? wrapped(detail) : []),
    ...objects.map((object) => `${INDENT}at ${object}`),
    ...openings.flatMap(openingLines),
    ...(isFull ? fix.flatMap(fixLines) : []),
  ];
}

function openingLines(opening: Opening): string[] {
  const { grant, reason, namespaces, names } = opening;
  const where = namespaces === undefined ? "" : ` in ${namespaces.join(", ")}`;
  const which = names === undefined ? "" : `, only ${names.join(", ")}`;
  const what = `${accessWords(opening)}${where}${which}`;
  if (grant === undefined)
    return [`${INDENT}open: ${what}`, `${INDENT}  by another authorizer than RBAC: ${reason}`];
  const { binding, role, ruleIndex, rule, from } = grant;
  const source =
    from.length === 0 ? "" : ` (from ${from.map(({ name }) => `ClusterRole ${name}`).join(", ")})`;
  return [
    `${INDENT}open: ${what}`,
    `${INDENT}  by ${phrase(binding)} → ${phrase(role)}${source} → rule ${ruleIndex}: ${ruleWords(rule)}`,
  ];
}

/** Resources with the same verbs together. */
export function accessWords({ access }: Opening): string {
  const groups = Map.groupBy(access, ({ verbs }) => verbs.join(", "));
  return [...groups]
    .map(([verbs, of]) => `${verbs} ${of.map(({ resource }) => resource).join(", ")}`)
    .join("; ");
}

/** As it stands in the role, in one line of YAML. */
function ruleWords({ apiGroups, resources, resourceNames, nonResourceURLs, verbs }: PolicyRule): string {
  const parts = Object.entries({ apiGroups, resources, resourceNames, nonResourceURLs, verbs });
  const given = parts.flatMap(([key, list]) =>
    list === undefined ? [] : [`${key}: ${JSON.stringify(list)}`],
  );
  return `{${given.join(", ")}}`;
}

function fixLines({ says, command, alternative }: Fix): string[] {
  return [
    `${INDENT}${alternative ? "or" : "fix"}: ${says}`,
    ...(command === undefined ? [] : [`${INDENT}  ${command}`]),
  ];
}

const WIDTH = 100;

function wrapped(text: string): string[] {
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const last = lines.at(-1);
    if (last === undefined || last.length + word.length + 1 > WIDTH) lines.push(`${INDENT}${word}`);
    else lines[lines.length - 1] = `${last} ${word}`;
  }
  return lines;
}

function notChecked({ notChecked: list }: Report): string[] {
  if (list.length === 0) return [];
  return ["NOT CHECKED", ...list.map(({ what, why }) => `${INDENT}${what}: ${why}`), ""];
}

function summary({ agents, findings, asked }: Report): string {
  const counts = counted(findings);
  const words = SEVERITIES.filter((severity) => counts[severity] > 0).map(
    (severity) => `${counts[severity]} ${severity}`,
  );
  const found = words.length === 0 ? "nothing found" : words.join(", ");
  return `${found}. Looked at ${agents.join(", ") || "nobody: no binding names an agent"}; ${asked} questions asked.`;
}

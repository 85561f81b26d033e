/** Doctor's report as SARIF 2.1.0, for what shows findings of scanners. */
import type { Finding, NotChecked, Opening, Report, Severity } from "#core/doctor/finding.ts";
import type { ObjectName } from "#core/doctor/rbac.ts";
import { phrase } from "#core/doctor/remedy.ts";
import { accessWords } from "./text.ts";

const LEVELS: Readonly<Record<Severity, "error" | "warning" | "note">> = {
  critical: "error",
  high: "error",
  medium: "warning",
  low: "note",
  info: "note",
};

/** As code scanning of forges ranks: 9 and more is critical, 7 high, 4 medium. */
const SCORES: Readonly<Record<Severity, string>> = {
  critical: "9.5",
  high: "8.0",
  medium: "5.5",
  low: "3.0",
  info: "0.0",
};

export function sarifOf({ findings, notChecked }: Report, version: string): object {
  const rules = [...new Map(findings.map((one) => [one.id, one])).values()];
  const indexOf = (id: string) => rules.findIndex((rule) => rule.id === id);
  return {
    $schema: "https://json.schemastore.org/sarif-2.1.0.json",
    version: "2.1.0",
    runs: [
      {
        tool: { driver: { name: "kubectl-hoop doctor", semanticVersion: version, rules: rules.map(ruleOf) } },
        invocations: [
          {
            executionSuccessful: notChecked.every(({ could }) => !could),
            toolExecutionNotifications: notChecked.map(notificationOf),
          },
        ],
        results: findings.map((finding) => resultOf(finding, indexOf(finding.id))),
      },
    ],
  };
}

function ruleOf({ id, title, detail, severity, ways, control }: Finding): object {
  return {
    id,
    name: id,
    shortDescription: { text: title },
    fullDescription: { text: detail },
    help: { text: "See docs/guides/doctor.md." },
    defaultConfiguration: { level: LEVELS[severity] },
    properties: { tags: ["security", `NIST-800-53-${control}`, ...ways.map((way) => `way-${way}`)] },
  };
}

function resultOf(
  { id, severity, title, agents, openings, objects, fix }: Finding,
  ruleIndex: number,
): object {
  const who = agents.length === 0 ? "" : `${agents.join(", ")}: `;
  const fixes = [
    ...new Set(fix.map(({ says, command }) => (command === undefined ? says : `${says}: ${command}`))),
  ];
  const text = [`${who}${title}.`, ...openings.map(openingWords), ...fixes.map((one) => `Fix: ${one}`)].join(
    "\n",
  );
  const named = openings.flatMap(({ grant }) => (grant === undefined ? [] : [grant.role, grant.binding]));
  const locations = [...new Set([...named.map(pathOf), ...objects])].map(locationOf);
  return {
    ruleId: id,
    ruleIndex,
    level: LEVELS[severity],
    message: { text },
    locations,
    partialFingerprints: { "hoopDoctor/v1": JSON.stringify([id, agents]) },
    properties: { severity, "security-severity": SCORES[severity], agents, openings, fix },
  };
}

function openingWords(opening: Opening): string {
  const { grant, namespaces, reason } = opening;
  const where = namespaces === undefined ? "" : ` in ${namespaces.join(", ")}`;
  const by =
    grant === undefined ? reason : `${phrase(grant.binding)}, ${phrase(grant.role)}, rule ${grant.ruleIndex}`;
  return `${accessWords(opening)}${where}, by ${by}.`;
}

function pathOf({ kind, namespace, name }: ObjectName): string {
  return [kind, namespace, name].filter((part) => part !== "").join("/");
}

/** Objects of a cluster have no file; what shows SARIF wants a path all the same. */
function locationOf(object: string): object {
  return {
    physicalLocation: {
      artifactLocation: { uri: object.split("/").map(encodeURIComponent).join("/") },
      region: { startLine: 1 },
    },
    logicalLocations: [{ fullyQualifiedName: object, kind: "object" }],
  };
}

function notificationOf({ what, why, could }: NotChecked): object {
  return { level: could ? "warning" : "note", message: { text: `not checked: ${what}: ${why}` } };
}

/**
 * docs/catalogue.md, made of the bundles in deploy/policies. Run as a program it writes the page anew:
 * `sh scripts/node.sh test/support/catalogue-page.ts`.
 */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import type { AgentPolicy, PolicyRule } from "#core/policy/spec.ts";

const ROOT = join(import.meta.dirname, "..", "..");
const BUNDLES = join(ROOT, "deploy", "policies");
export const PAGE = join(ROOT, "docs", "catalogue.md");

export interface Bundle {
  /** Of the file, without its ending. */
  name: string;
  /** What the comment at its top says. */
  about: string;
  isGuard: boolean;
  rules: readonly PolicyRule[];
}

/** The shipped ones: guards first, the others by name. */
export function bundles(): Bundle[] {
  const read = readdirSync(BUNDLES)
    .filter((file) => file.endsWith(".yaml"))
    .map((file): Bundle => {
      const text = readFileSync(join(BUNDLES, file), "utf8");
      const { metadata, spec } = parse(text) as AgentPolicy & {
        metadata: { labels?: Record<string, string> };
      };
      return {
        name: metadata.name,
        about: (/^(?:#.*\n)+/.exec(text)?.[0] ?? "").replaceAll(/^# ?|\n$/gm, "").replaceAll("\n", " "),
        isGuard: metadata.labels?.["hoop.dev/switchable"] === "false",
        rules: spec.rules ?? [],
      };
    });
  return read.sort((a, b) => Number(b.isGuard) - Number(a.isGuard) || a.name.localeCompare(b.name));
}

/** Each file as it is, parsed. */
export function shippedPolicies(): object[] {
  const files = readdirSync(BUNDLES).filter((file) => file.endsWith(".yaml"));
  return files.map((file) => parse(readFileSync(join(BUNDLES, file), "utf8")));
}

const does = ({ action, mode = "Enforce" }: PolicyRule): string =>
  mode === "Audit" ? "records" : action === "Hold" ? "holds" : "denies";

/** What narrows a rule, as its description says it: an entry of `spec.catalogue`. */
export function narrowing(rule: PolicyRule): string | undefined {
  return /\{rule: .*\}/.exec(rule.description ?? "")?.[0];
}

function described(rule: PolicyRule): string {
  const entry = narrowing(rule);
  const text = rule.description ?? "";
  return entry === undefined ? text : text.replace(entry, () => `\`${entry}\``);
}

const cell = (text: string) => text.replaceAll("|", "\\|");

function section({ name, about, rules }: Bundle): string[] {
  return [
    `## ${name}`,
    "",
    about,
    "",
    "| rule | | severity | what the agent is told | NIST SP 800-53 |",
    "|---|---|---|---|---|",
    ...rules.map(
      (rule) =>
        `| \`${rule.name}\` | ${does(rule)} | ${rule.severity} | ${cell(rule.message ?? "")} | ${(rule.controls ?? []).join(", ")} |`,
    ),
    "",
    ...rules.map((rule) => `- **${rule.name}**: ${described(rule)}`),
    "",
  ];
}

const INTRODUCTION = `# The risk catalogue

The rules that Hoop comes with, in force from the first minute. They are AgentPolicies like your own, in
[deploy/policies](../deploy/policies), with examples of what each rule is about, and of what it is not, in
[deploy/policies/tests](../deploy/policies/tests). This page is made of them.

What no rule names is allowed and recorded: deploying and rolling out apps, ConfigMaps, Services within the cluster, scaling
up. A rule **holds** (a person decides), **denies**, or **records** only, where what it is about is too common to wait for.
Of several the strictest wins, and the agent is told each.

To say otherwise for some requests, write an AgentPolicy with an entry in \`spec.catalogue\`: the mode \`Enforce\`, \`Warn\`,
\`Audit\` or \`"Off"\` (in quotation marks: YAML takes it for \`false\`) where \`when\` is true, or other terms of approval.

\`\`\`yaml
apiVersion: policy.hoop.dev/v1alpha1
kind: AgentPolicy
metadata:
  name: previews
spec:
  catalogue:
    - { rule: pod-delete, when: "request.namespace.startsWith('preview-')", mode: "Off" }
    - { rule: service-exposed, mode: Enforce }
    - { rule: rbac-escalation, approval: { groups: [security], count: 2 } }
\`\`\`

The rules of *guards* are always in force. Kinds of your own that carry pods are told to Hoop in its settings
(\`workloads\`), and are then looked at as Deployments are.
`;

/** The whole page. */
export function cataloguePage(): string {
  return [INTRODUCTION, ...bundles().flatMap(section)].join("\n").trimEnd().concat("\n");
}

if (import.meta.main) writeFileSync(PAGE, cataloguePage());

/** `kubectl hoop policy list`: the rules that agents are judged by. */

import { problemLine } from "#core/policy/documents.ts";
import type { Explainable } from "#core/policy/explain.ts";
import type { AgentPolicy, CatalogueEntry, PolicyRule } from "#core/policy/spec.ts";
import { clusterOf } from "../cluster.ts";
import type { Context } from "../context.ts";
import { CommandError } from "../failure.ts";
import { type ConnectionFlags, NO_CONNECTION } from "../flags.ts";
import { toJson } from "../json.ts";
import { clusterPolicies } from "../policy/cluster-policies.ts";
import { load } from "../policy/load.ts";
import { tableWriter } from "../table.ts";
import { approversColumn } from "../wording.ts";

export interface PolicyListFlags extends ConnectionFlags {
  readonly policies: readonly string[] | undefined;
  readonly catalogue: boolean;
  readonly switched: boolean;
  readonly output: "json" | "wide" | undefined;
}

interface Row {
  rule: string;
  action: PolicyRule["action"];
  mode: string;
  severity: string;
  /** `catalogue/BUNDLE`, or the AgentPolicy. */
  from: string;
  /** What policies say of a rule of the catalogue: `Audit by lenient where …`. */
  switched: string[];
  message: string;
  broken?: string;
  /** Why not all of its policy is in force. */
  notReady?: string;
}

export async function list(this: Context, flags: PolicyListFlags): Promise<void> {
  const { policies, notReady } = await policiesFor(this, flags);
  const rows = rowsOf(policies, notReady).filter(({ switched }) => !flags.switched || switched.length > 0);
  if (flags.output === "json") this.process.stdout.write(toJson(rows));
  else if (rows.length === 0)
    this.process.stderr.write(flags.switched ? "No policy switches a rule\n" : "There are no rules\n");
  else this.process.stdout.write(tableWriter(COLUMNS, flags.output === "wide")(rows));
}

const COLUMNS = [
  { header: "RULE", cell: ({ rule }: Row) => rule },
  { header: "ACTION", cell: ({ action }: Row) => action },
  { header: "MODE", cell: modeWords },
  { header: "SEVERITY", cell: ({ severity }: Row) => severity },
  { header: "FROM", cell: ({ from }: Row) => from },
  { header: "SWITCHED", cell: ({ switched }: Row) => switched.join("; ") },
  {
    header: "MESSAGE",
    cell: ({ message, broken, notReady }: Row) => broken ?? notReady ?? message,
    wide: true,
  },
];

function modeWords({ mode, broken, notReady }: Row): string {
  if (broken !== undefined) return `${mode} (broken)`;
  return notReady === undefined ? mode : `${mode} (policy not Ready)`;
}

interface Listed {
  policies: readonly Explainable[];
  notReady: ReadonlyMap<string, string>;
}

async function policiesFor(context: Context, flags: PolicyListFlags): Promise<Listed> {
  if (flags.policies === undefined) {
    const cluster = clusterOf(context.kubectl, { ...NO_CONNECTION, ...flags });
    return clusterPolicies(cluster, flags.catalogue);
  }
  const { policies, problems } = await load(flags.policies, flags.catalogue);
  const [problem] = problems;
  if (problem !== undefined) throw new CommandError(problemLine(problem));
  return { policies, notReady: new Map() };
}

function rowsOf(policies: readonly Explainable[], notReady: Listed["notReady"]): Row[] {
  const entries = policies.flatMap(({ policy }) =>
    (policy.spec.catalogue ?? []).map((entry) => ({ ...entry, by: policy })),
  );
  return policies.flatMap(({ policy, compiled }) =>
    compiled.rules.map(
      (rule, at): Row => ({
        rule: rule.name,
        action: rule.action,
        mode: rule.mode,
        severity: rule.severity ?? "",
        from: compiled.origin === undefined ? policy.metadata.name : `catalogue/${policy.metadata.name}`,
        switched:
          compiled.origin === undefined
            ? []
            : entries.filter((entry) => entry.rule === rule.name).map(switchWords),
        message: saying(policy, at, rule.message),
        ...(rule.broken === undefined ? {} : { broken: rule.broken }),
        ...(compiled.origin === undefined ? unready(notReady.get(policy.metadata.name)) : {}),
      }),
    ),
  );
}

/** Its text, or the expression that makes one. */
function saying({ spec }: AgentPolicy, at: number, otherwise: string): string {
  const { message = "", messageExpression } = spec.rules?.[at] ?? {};
  return message === "" && messageExpression !== undefined ? messageExpression : otherwise;
}

const unready = (why: string | undefined) => (why === undefined ? {} : { notReady: why });

/** `Off by sandboxes, for what it matches`; on other terms alone: `2 of security by strict`. */
function switchWords({ mode = "Enforce", approval, by, when }: CatalogueEntry & { by: AgentPolicy }): string {
  const { groups, count } = approval ?? {};
  const who =
    groups === undefined && count === undefined
      ? "other times"
      : approversColumn([{ groups: groups ?? [], count: count ?? 1 }]);
  const terms = approval === undefined ? [] : [who];
  const what = [...(mode === "Enforce" && approval !== undefined ? [] : [mode]), ...terms].join(", ");
  const { matchConstraints, matchConditions = [] } = by.spec;
  const isNarrowed = Object.keys(matchConstraints ?? {}).length > 0 || matchConditions.length > 0;
  const narrowed = isNarrowed ? ", for what it matches" : "";
  return `${what} by ${by.metadata.name}${narrowed}${when === undefined ? "" : ` where ${when}`}`;
}

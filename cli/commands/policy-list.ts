/** `kubectl hoop policy list`: the rules that agents are judged by. */

import { problemLine } from "#core/policy/documents.ts";
import type { Explainable } from "#core/policy/explain.ts";
import type { PolicyRule } from "#core/policy/spec.ts";
import { clusterOf } from "../cluster.ts";
import type { Context } from "../context.ts";
import { CommandError } from "../failure.ts";
import { type ConnectionFlags, NO_CONNECTION } from "../flags.ts";
import { toJson } from "../json.ts";
import { clusterPolicies } from "../policy/cluster-policies.ts";
import { load } from "../policy/load.ts";
import { tableWriter } from "../table.ts";

export interface PolicyListFlags extends ConnectionFlags {
  readonly policies: readonly string[] | undefined;
  readonly catalogue: boolean;
  readonly output: "json" | "wide" | undefined;
}

interface Row {
  rule: string;
  action: PolicyRule["action"];
  mode: string;
  severity: string;
  /** `catalogue`, or the AgentPolicy. */
  from: string;
  /** What policies say of a rule of the catalogue: `Audit by lenient where …`. */
  switched: string[];
  message: string;
  broken?: string;
}

export async function list(this: Context, flags: PolicyListFlags): Promise<void> {
  const rows = rowsOf(await policiesFor(this, flags));
  if (flags.output === "json") this.process.stdout.write(toJson(rows));
  else if (rows.length === 0) this.process.stderr.write("There are no rules\n");
  else this.process.stdout.write(tableWriter(COLUMNS, flags.output === "wide")(rows));
}

const COLUMNS = [
  { header: "RULE", cell: ({ rule }: Row) => rule },
  { header: "ACTION", cell: ({ action }: Row) => action },
  { header: "MODE", cell: ({ mode, broken }: Row) => (broken === undefined ? mode : `${mode} (broken)`) },
  { header: "SEVERITY", cell: ({ severity }: Row) => severity },
  { header: "FROM", cell: ({ from }: Row) => from },
  { header: "SWITCHED", cell: ({ switched }: Row) => switched.join("; ") },
  { header: "MESSAGE", cell: ({ message, broken }: Row) => broken ?? message, wide: true },
];

async function policiesFor(context: Context, flags: PolicyListFlags): Promise<readonly Explainable[]> {
  if (flags.policies === undefined) {
    const cluster = clusterOf(context.kubectl, { ...NO_CONNECTION, ...flags });
    return (await clusterPolicies(cluster, flags.catalogue)).policies;
  }
  const { policies, problems } = await load(flags.policies, flags.catalogue);
  const [problem] = problems;
  if (problem !== undefined) throw new CommandError(problemLine(problem));
  return policies;
}

function rowsOf(policies: readonly Explainable[]): Row[] {
  const entries = policies.flatMap(({ policy }) =>
    (policy.spec.catalogue ?? []).map((entry) => ({ ...entry, by: policy.metadata.name })),
  );
  return policies.flatMap(({ policy: { metadata }, compiled }) =>
    compiled.rules.map(
      (rule): Row => ({
        rule: rule.name,
        action: rule.action,
        mode: rule.mode,
        severity: rule.severity ?? "",
        from: compiled.origin === undefined ? metadata.name : "catalogue",
        switched:
          compiled.origin === undefined
            ? []
            : entries
                .filter((entry) => entry.rule === rule.name)
                .map(
                  ({ mode = "Enforce", by, when }) =>
                    `${mode} by ${by}${when === undefined ? "" : ` where ${when}`}`,
                ),
        message: rule.message,
        ...(rule.broken === undefined ? {} : { broken: rule.broken }),
      }),
    ),
  );
}

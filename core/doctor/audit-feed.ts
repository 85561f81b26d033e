/** Whether the API server's audit events come to Hoop, and no more of them than should. */
import type { Facts } from "./facts.ts";
import type { Finding } from "./finding.ts";

/** As `ledgers/hoop` tells it. */
export interface AuditFeed {
  silentSince?: string;
  bodiesOfSecrets?: string;
}

const POLICY = {
  says: "give the API server Hoop's own audit policy: --audit-policy-file=deploy/apiserver/audit-policy.yaml",
};

/** Nothing, where Hoop does not tell. */
export function auditFindings({ audit }: Facts): Finding[] {
  const common = { agents: [], openings: [], objects: ["Ledger/hoop"], ways: [29] };
  if (audit === undefined) return [];
  if (audit.feed === undefined)
    return [
      {
        ...common,
        id: "audit-feed",
        severity: "info",
        title: "no audit events come to Hoop",
        detail:
          "Reads of agents are not in the ledger, and what came of a request is told only where a look at the object can: " +
          "of what people approved.",
        control: "AU-12",
        fix: [
          {
            says:
              "where the API server's flags are yours: --audit-webhook-config-file and --audit-policy-file, " +
              "see docs/guides/operators.md",
          },
        ],
      },
    ];
  const { silentSince, bodiesOfSecrets } = audit.feed;
  return [
    ...(silentSince === undefined
      ? []
      : [
          {
            ...common,
            id: "audit-feed-silent",
            severity: "medium" as const,
            title: "audit events do not come any more",
            detail: `Of what was let through since ${silentSince} no event has come, nor any other.`,
            control: "AU-5",
            fix: [
              {
                says: "see in the API server's log why it cannot send them (audit webhook), and that its flags are still there",
              },
              { says: "name every agent in the audit policy: userGroups, users" },
            ],
          },
        ]),
    ...(bodiesOfSecrets === undefined
      ? []
      : [
          {
            ...common,
            id: "audit-policy",
            severity: "high" as const,
            title: "the audit policy logs what Secrets and tokens hold",
            detail: `Last seen ${bodiesOfSecrets}. Hoop does not keep it; the cluster's own audit log does.`,
            control: "AU-9",
            fix: [POLICY],
          },
        ]),
  ];
}

/** `approvals`: the queue of what waits for a human. Read here, decided through the subresource `approval` alone. */
import Type, { type Static } from "typebox";
import type { AgentMatcher } from "#core/agents.ts";
import { type Approval, ApprovalSpec, ApprovalStatus, Verdict } from "#core/approval.ts";
import { approversColumn } from "#core/approvers.ts";
import { type DecideOutcome, decide } from "#core/decide.ts";
import { APPROVALS, decodeApproval, findApproval } from "#core/hold/rows.ts";
import type { Cluster, Log } from "#core/ports.ts";
import { printable } from "#core/printable.ts";
import { type ReapprovePorts, reapprove } from "#core/reapprove.ts";
import { ownName } from "#core/session/extras.ts";
import { operationWords, targetWords } from "#core/wording.ts";
import { type Caller, defineResource, type KubeObject, type Subresource } from "#kit/resource.ts";
import { StatusError } from "#kit/status.ts";
import { storedReader } from "#kit/stored.ts";
import { GROUP, VERSION } from "./group.ts";

export interface ApprovalsPorts extends ReapprovePorts {
  log: Log;
  cluster: Cluster;
  /** Whether a namespace of this uid exists now. */
  namespaceExists: (uid: string) => boolean;
}

export function approvals(ports: ApprovalsPorts) {
  return defineResource<Approval & KubeObject>({
    group: GROUP,
    version: VERSION,
    kind: "Approval",
    plural: "approvals",
    singular: "approval",
    scope: "Namespaced",
    shortNames: ["appr"],
    categories: ["hoop"],
    description:
      "An Approval is one request of an agent that waits for a human, or waited. It is made by Hoop, decided through " +
      "its subresource approval, and lets exactly the request of its digest through, once.",
    schema: Type.Object({ spec: ApprovalSpec, status: ApprovalStatus }),
    columns: [
      {
        name: "Agent",
        type: "string",
        description: "Who asks.",
        cell: ({ spec }) => printable(spec.agent.username),
      },
      {
        name: "Operation",
        type: "string",
        description: "What it wants to do.",
        cell: ({ spec }) => operationWords(spec.operation, spec.target),
      },
      {
        name: "Target",
        type: "string",
        description: "To what.",
        cell: ({ spec }) => printable(targetWords(spec.target)),
      },
      {
        name: "Rule",
        type: "string",
        description: "Which rules hold it.",
        cell: ({ spec }) => printable(spec.rules.map(({ name }) => name).join(",")),
      },
      { name: "Phase", type: "string", description: "Where it stands.", cell: ({ status }) => status.phase },
      {
        name: "Age",
        type: "date",
        description: "Since when.",
        cell: ({ metadata }) => metadata.creationTimestamp,
      },
      {
        name: "Reason",
        type: "string",
        priority: 1,
        description: "What the agent gives as its reason.",
        cell: ({ spec }) => spec.reason ?? "",
      },
      {
        name: "Approvers",
        type: "string",
        priority: 1,
        description: "Who decides.",
        cell: ({ spec }) => printable(approversColumn(spec.approvers)),
      },
      {
        name: "Expires",
        type: "string",
        priority: 1,
        description: "When it runs out.",
        cell: ({ status }) => status.expiresAt,
      },
    ],
    fields: {
      "status.phase": ({ status }) => status.phase,
      "spec.agent.username": ({ spec }) => spec.agent.username,
    },
    visible: ownOnly(ports.agents),
    storage: storedReader<Approval & KubeObject>(ports.store, {
      prefix: APPROVALS,
      prefixOf: async (namespace) => {
        const lookup = await ports.cluster.namespaceUid(namespace);
        return lookup.known ? lookup.uid : undefined;
      },
      decode: (value) => decodeApproval(value).approval as Approval & KubeObject,
      accept: (key) => ports.namespaceExists(key.split("/")[1] ?? ""),
    }),
    subresources: { approval: approvalSubresource(ports) },
  });
}

/** To an agent, others' approvals do not exist. */
function ownOnly(agents: AgentMatcher) {
  return (caller: Caller) =>
    agents.identify(caller).kind === "agent"
      ? ({ spec }: Approval) => spec.agent.username === ownName(caller)
      : undefined;
}

const ApprovalDecision = Type.Object({
  decision: Type.Optional(
    Type.Object(
      {
        verdict: Type.Union([...Verdict.anyOf, Type.Literal("Reapprove")], {
          description:
            "Approve or Deny what is Pending. Reapprove what is Used or Expired: a new approval for the same request.",
        }),
        comment: Type.Optional(Type.String({ description: "Shown to the agent and kept in the records." })),
        digest: Type.Optional(
          Type.String({
            description: "The digest that was reviewed, or its beginning. Another one is not decided.",
          }),
        ),
      },
      { description: "What you decide. Empty when read." },
    ),
  ),
  reapproval: Type.Optional(
    Type.Object(
      { name: Type.String(), phase: Type.String() },
      { description: "In the answer to Reapprove: the new approval. Ignored when written." },
    ),
  ),
});
type ApprovalDecision = Static<typeof ApprovalDecision>;

function approvalSubresource(ports: ApprovalsPorts): Subresource {
  const found = async (caller: Caller, namespace: string, name: string) => {
    const lookup = await ports.cluster.namespaceUid(namespace);
    const stored = lookup.known ? await findApproval(ports.store, lookup.uid, name) : undefined;
    const isVisible = ownOnly(ports.agents)(caller);
    if (stored === undefined || isVisible?.(stored.approval) === false) throw notFound(name);
    return stored;
  };
  return {
    kind: "ApprovalDecision",
    schema: ApprovalDecision,
    verbs: ["get", "create", "update", "patch"],
    read: async (caller, namespace, name) => {
      const stored = await found(caller, namespace, name);
      return decisionObject(stored.approval, stored.revision);
    },
    write: async (caller, namespace, name, body, { dryRun, auditID }) => {
      const stored = await found(caller, namespace, name);
      const { decision } = body as unknown as ApprovalDecision;
      if (decision === undefined)
        throw new StatusError("Invalid", `approval "${name}" is invalid: decision: Required value`, {
          causes: [{ reason: "FieldValueRequired", message: "Required value", field: "decision" }],
        });
      const { resourceVersion } = body.metadata;
      const at = { namespaceUid: stored.namespaceUid, name };
      const { verdict, ...rest } = decision;
      const wish = { ...rest, ...(resourceVersion === undefined ? {} : { resourceVersion }) };
      const outcome =
        verdict === "Reapprove"
          ? await reapprove(ports, at, caller, wish, dryRun)
          : await decide(ports, at, caller, { ...wish, verdict }, dryRun);
      const said = { auditID, user: caller.username, approval: `${namespace}/${name}`, verdict, dryRun };
      ports.log.info({ ...said, outcome: outcome.kind }, "decision");
      if (verdict !== "Reapprove" || outcome.kind !== "decided") return answerTo(outcome, name);
      const { metadata, status } = outcome.approval;
      return {
        ...decisionObject(stored.approval, stored.revision),
        ...{ reapproval: { name: metadata.name, phase: status.phase } },
      };
    },
  };
}

function answerTo(outcome: DecideOutcome, name: string): KubeObject {
  switch (outcome.kind) {
    case "decided":
      return decisionObject(outcome.approval, outcome.revision);
    case "not-found":
      throw notFound(name);
    case "forbidden":
      throw new StatusError(
        "Forbidden",
        `approvals.hoop.dev "${name}" is forbidden: ${outcome.why}`,
        details(name),
      );
    case "conflict":
      throw new StatusError(
        "Conflict",
        `Operation cannot be fulfilled on approvals.hoop.dev "${name}": ${outcome.why}`,
        details(name),
      );
  }
}

function decisionObject({ metadata }: Approval, revision: number): KubeObject {
  return {
    apiVersion: `${GROUP}/${VERSION}`,
    kind: "ApprovalDecision",
    metadata: { ...metadata, resourceVersion: String(revision) },
  };
}

function notFound(name: string): StatusError {
  return new StatusError("NotFound", `approvals.hoop.dev "${name}" not found`, details(name));
}

function details(name: string) {
  return { name, group: GROUP, kind: "approvals" };
}

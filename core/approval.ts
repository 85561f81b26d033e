/**
 * The Approval: its schema (one value is the type, the OpenAPI document and the validation) and its legal
 * transitions. An approval is bound to the digest of one request and lets that request through once.
 */
import Type, { type Static } from "typebox";

const Time = Type.String({ format: "date-time", description: "RFC 3339, UTC." });

export const PHASES = ["Pending", "Approved", "Denied", "Used", "Expired", "Superseded", "Void"] as const;
export type Phase = (typeof PHASES)[number];

export const Target = Type.Object(
  {
    group: Type.String({ description: 'API group, "" for the core group.' }),
    version: Type.String(),
    resource: Type.String({ description: "Plural resource name, such as deployments." }),
    subresource: Type.Optional(Type.String()),
    kind: Type.String(),
    namespace: Type.Optional(Type.String()),
    name: Type.Optional(Type.String({ description: "Left out where the server generates the name." })),
    uid: Type.Optional(Type.String()),
  },
  { description: "The object the request is about." },
);
export type Target = Static<typeof Target>;

export const ApprovalSpec = Type.Object(
  {
    agent: Type.Object(
      {
        username: Type.String(),
        groups: Type.Array(Type.String()),
        owners: Type.Optional(
          Type.Object(
            { users: Type.Array(Type.String()), groups: Type.Array(Type.String()) },
            { description: "Whose agent it is, by its AgentProfiles. They do not decide what it asks for." },
          ),
        ),
        credentialID: Type.Optional(
          Type.String({
            description: "The credential that asked first (a token's JTI or a certificate's hash).",
          }),
        ),
        session: Type.Optional(
          Type.Object(
            {
              namespace: Type.String(),
              name: Type.String(),
              profile: Type.String(),
              actingAs: Type.String({ description: "The user that the request is of: a ServiceAccount." }),
            },
            { description: "The session that it asks in." },
          ),
        ),
      },
      { description: "Who asks, as the API server authenticated it." },
    ),
    operation: Type.Union([
      Type.Literal("CREATE"),
      Type.Literal("UPDATE"),
      Type.Literal("DELETE"),
      Type.Literal("CONNECT"),
    ]),
    target: Target,
    rules: Type.Array(
      Type.Object({
        name: Type.String(),
        message: Type.String({ description: "Why the rule holds this request." }),
      }),
      { description: "The rules that hold the request." },
    ),
    reason: Type.Optional(
      Type.String({
        description:
          "What the agent gave as its reason (annotation hoop.dev/reason). Not verified; escaped, and cut after 1,000 characters.",
      }),
    ),
    approvers: Type.Array(
      Type.Object({
        groups: Type.Array(Type.String(), {
          description: "They must be in one of these groups. Empty: whoever may write approvals/approval.",
        }),
        count: Type.Integer({ minimum: 1, description: "How many different people must approve." }),
      }),
      {
        description:
          "Who decides: so many people of each of these must approve. One person may count for several, and only " +
          "who counts for one may decide. One Deny ends it.",
      },
    ),
    digest: Type.String({
      description: "Keyed hash of what is asked. The approval holds for exactly this.",
    }),
    change: Type.Object(
      {
        diff: Type.String({
          description:
            "Unified diff of what the request changes, as YAML, secrets masked. Empty for CONNECT.",
        }),
        wants: Type.Optional(
          Type.String({
            description: "In words, what a CONNECT runs or reaches, and where; secrets masked.",
          }),
        ),
        object: Type.Optional(Type.Unknown({ description: "The object as it would be, secrets masked." })),
        options: Type.Optional(Type.Unknown({ description: "The options of a DELETE or CONNECT." })),
        refersTo: Type.Optional(
          Type.Array(
            Type.Object({
              kind: Type.String(),
              namespace: Type.Optional(Type.String()),
              name: Type.String(),
              exists: Type.Boolean({ description: "Whether it was there." }),
              version: Type.String({ description: "Keyed hash of what of it the approval is bound to." }),
              resourceVersion: Type.Optional(Type.String({ description: "Of a ConfigMap." })),
              rights: Type.Optional(
                Type.Array(Type.String(), {
                  description: "What the role, or RBAC to the ServiceAccount, allows.",
                }),
              ),
            }),
            {
              description:
                "Roles, ServiceAccounts, Secrets and ConfigMaps that the request refers to and the object did not " +
                "before, as they were when it was asked. When one changes before the use, the approval is void.",
            },
          ),
        ),
      },
      { description: "What would change." },
    ),
    supersedes: Type.Optional(
      Type.Object(
        {
          name: Type.String(),
          diff: Type.String({ description: "How this request differs from the one it takes the place of." }),
        },
        {
          description:
            "The pending approval of the same agent for the same target that this one took the place of.",
        },
      ),
    ),
    reapproves: Type.Optional(
      Type.String({
        description:
          "The approval of the very same request that was used or ran out before; this one gives it again.",
      }),
    ),
  },
  { description: "What is asked, and who may decide it. Never changes." },
);
export type ApprovalSpec = Static<typeof ApprovalSpec>;

export const Verdict = Type.Union([Type.Literal("Approve"), Type.Literal("Deny")]);

const Condition = Type.Object({
  type: Type.String(),
  status: Type.Union([Type.Literal("True"), Type.Literal("False"), Type.Literal("Unknown")]),
  reason: Type.String(),
  message: Type.String(),
  lastTransitionTime: Time,
});
export type Condition = Static<typeof Condition>;

export const ApprovalStatus = Type.Object(
  {
    phase: Type.Unsafe<Phase>({
      type: "string",
      enum: [...PHASES],
      description: `One of ${PHASES.join(", ")}.`,
    }),
    expiresAt: Time,
    decisions: Type.Array(
      Type.Object({
        user: Type.String(),
        verdict: Verdict,
        comment: Type.Optional(Type.String()),
        groups: Type.Array(Type.String(), {
          description:
            "Of this person's groups, at that moment, those that spec.approvers names: what the word counts for.",
        }),
        time: Time,
      }),
      { description: "What each person decided." },
    ),
    used: Type.Optional(
      Type.Object({
        time: Time,
        credentialID: Type.String(),
      }),
    ),
    conditions: Type.Array(Condition, { description: "Decided, Approved and Used." }),
  },
  { description: "Where it stands." },
);
export type ApprovalStatus = Static<typeof ApprovalStatus>;

const ObjectMeta = Type.Object({
  name: Type.String(),
  namespace: Type.String(),
  uid: Type.String(),
  creationTimestamp: Time,
  resourceVersion: Type.Optional(Type.String()),
});

export interface Approval {
  apiVersion: "hoop.dev/v1alpha1";
  kind: "Approval";
  metadata: Static<typeof ObjectMeta>;
  spec: ApprovalSpec;
  status: ApprovalStatus;
}

/**
 * What a ledger entry says. One schema a kind; canonical JSON; masked before it is made. An entry's index is its
 * place in the ledger and not part of it.
 */
import Type, { type Static } from "typebox";
import { Target, Verdict } from "../approval.ts";

const Time = Type.String({ description: "RFC 3339, UTC, microseconds." });

const Agent = Type.Object({
  username: Type.String(),
  groups: Type.Array(Type.String()),
  credentialID: Type.Optional(Type.String()),
});

const ApprovalUse = Type.Object({
  namespace: Type.String(),
  name: Type.String(),
  use: Type.Union(
    [Type.Literal("spent"), Type.Literal("re-entered"), Type.Literal("waiting"), Type.Literal("refused")],
    {
      description:
        "spent: this request used the approval up. re-entered: the same request again within moments of spending. " +
        "waiting: not decided yet. refused: a person said no, or a later request took its place.",
    },
  ),
});

const Observed = Type.Object(
  {
    name: Type.String(),
    message: Type.String(),
    action: Type.Union([Type.Literal("Hold"), Type.Literal("Deny")]),
    mode: Type.Union([Type.Literal("Warn"), Type.Literal("Audit")]),
  },
  { description: "A rule that fired and is only tried: what it would have done." },
);

export const AdmissionEntry = Type.Object(
  {
    schema: Type.Literal("hoop.dev/admission/v1"),
    kind: Type.Literal("admission"),
    time: Time,
    caller: Type.Union([Type.Literal("verified"), Type.Literal("unverified")], {
      description: "Whether the API server proved to be itself by its client certificate.",
    }),
    agent: Agent,
    operation: Type.String(),
    target: Target,
    through: Type.Optional(
      Type.Literal("secure-secrets", { description: "By which API of Hoop's it came, if by one." }),
    ),
    dryRun: Type.Boolean(),
    digest: Type.Optional(
      Type.String({ description: "Keyed hash (HMAC-SHA-256, hex) of what was asked, where it was held." }),
    ),
    verdict: Type.Union([
      Type.Literal("allow"),
      Type.Literal("hold"),
      Type.Literal("deny"),
      Type.Literal("could-not-tell"),
    ]),
    rules: Type.Array(Type.Object({ name: Type.String(), message: Type.String() })),
    observed: Type.Optional(Type.Array(Observed)),
    answer: Type.Union([Type.Literal("allowed"), Type.Literal("held"), Type.Literal("denied")]),
    message: Type.Optional(Type.String()),
    approval: Type.Optional(ApprovalUse),
    payload: Type.Optional(
      Type.Unknown({ description: "What the request carried, masked: object, changes or options." }),
    ),
  },
  { description: "One admission request of an agent, and what it was answered." },
);
export type AdmissionEntry = Static<typeof AdmissionEntry>;

export const ApprovalEntry = Type.Object(
  {
    schema: Type.Literal("hoop.dev/approval/v1"),
    kind: Type.Literal("approval"),
    time: Time,
    event: Type.Union([
      Type.Literal("created"),
      Type.Literal("decided"),
      Type.Literal("expired"),
      Type.Literal("superseded"),
      Type.Literal("void"),
    ]),
    approval: Type.Object({ namespace: Type.String(), name: Type.String() }),
    agent: Agent,
    operation: Type.String(),
    target: Target,
    digest: Type.String(),
    decision: Type.Optional(
      Type.Object({ user: Type.String(), verdict: Verdict, comment: Type.Optional(Type.String()) }),
    ),
    phase: Type.String({ description: "The approval's phase from here on." }),
    reapproves: Type.Optional(
      Type.String({
        description: "The earlier approval of the same request that is given again by this one.",
      }),
    ),
  },
  {
    description: "A step in the life of an approval. Its use is told by the admission entry of the request.",
  },
);
export type ApprovalEntry = Static<typeof ApprovalEntry>;

export type Entry = AdmissionEntry | ApprovalEntry;

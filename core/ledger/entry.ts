/**
 * What a ledger entry says. One schema a kind; canonical JSON of at most 64 KiB; masked before it is made. An entry's
 * index is its place in the ledger and not part of it. A schema that was released is never changed, only followed:
 * entries stay as they were written.
 */
import Type, { type Static } from "typebox";
import { Target, Verdict } from "../approval.ts";

const Time = Type.String({ description: "RFC 3339, UTC, microseconds." });

const PayloadDigest = Type.Object(
  {
    digest: Type.String({
      description: "SHA-256, hex, over the payload as it is kept: 32 random bytes, then its canonical JSON.",
    }),
    size: Type.Integer({ description: "Bytes of that JSON." }),
  },
  { description: "What lies beside the entry. It can be erased; that it was is told by an erasure entry." },
);

const Shortened = Type.Optional(
  Type.Boolean({
    description: "Groups and messages are cut to what an entry can hold; the payload has all of it.",
  }),
);

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
    schema: Type.Literal("hoop.dev/admission/v2"),
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
    payload: Type.Optional(PayloadDigest),
    shortened: Shortened,
  },
  { description: "One admission request of an agent, and what it was answered." },
);
export type AdmissionEntry = Static<typeof AdmissionEntry>;

/** As entries were before their payloads lay beside them. */
const FirstAdmissionEntry = Type.Object({
  ...AdmissionEntry.properties,
  schema: Type.Literal("hoop.dev/admission/v1"),
  payload: Type.Optional(
    Type.Unknown({ description: "What the request carried, masked: object, changes or options." }),
  ),
});

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
    shortened: Shortened,
  },
  {
    description: "A step in the life of an approval. Its use is told by the admission entry of the request.",
  },
);
export type ApprovalEntry = Static<typeof ApprovalEntry>;

export const ConfigurationEntry = Type.Object(
  {
    schema: Type.Literal("hoop.dev/configuration/v1"),
    kind: Type.Literal("configuration"),
    time: Time,
    version: Type.String({ description: "Of Hoop." }),
    keys: Type.Array(Type.String(), { description: "Whose signatures the ledger has from here on." }),
    agents: Type.String({ description: "The expression by which the API server knows agents." }),
    rules: Type.Array(Type.String(), { description: "The names of the rules in force." }),
    payload: Type.Optional(PayloadDigest),
  },
  {
    description:
      "What is in force from here on, where it is not what the entry before of this kind says. Its payload has the settings.",
  },
);
export type ConfigurationEntry = Static<typeof ConfigurationEntry>;

export const GapEntry = Type.Object(
  {
    schema: Type.Literal("hoop.dev/gap/v1"),
    kind: Type.Literal("gap"),
    time: Time,
    reason: Type.Union([Type.Literal("restored")], {
      description:
        "restored: from a backup. What was recorded after that backup was made is not in this ledger.",
    }),
    message: Type.String(),
  },
  { description: "Something that happened is not recorded, or not any more, and that is known." },
);
export type GapEntry = Static<typeof GapEntry>;

export const ErasureEntry = Type.Object(
  {
    schema: Type.Literal("hoop.dev/erasure/v1"),
    kind: Type.Literal("erasure"),
    time: Time,
    before: Type.String({ description: "RFC 3339: payloads of entries from before then were due." }),
    spans: Type.Array(Type.Object({ from: Type.Integer(), to: Type.Integer() }), {
      description:
        "Entries from one index up to, and without, the other, whose payloads were erased with this entry.",
    }),
  },
  { description: "Payloads were erased, in the very commit that wrote this." },
);
export type ErasureEntry = Static<typeof ErasureEntry>;

const SessionRef = Type.Object({ namespace: Type.String(), name: Type.String(), uid: Type.String() });

export const SessionEntry = Type.Object(
  {
    schema: Type.Literal("hoop.dev/session/v1"),
    kind: Type.Literal("session"),
    time: Time,
    event: Type.Union(
      [
        Type.Literal("begun"),
        Type.Literal("extended"),
        Type.Literal("ended"),
        Type.Literal("expired"),
        Type.Literal("revoked"),
      ],
      {
        description:
          "extended: it has another end. ended: by its agent, or because nobody used it. expired: its time was over. revoked: somebody else ended it, or its profile.",
      },
    ),
    session: SessionRef,
    profile: Type.String(),
    agent: Agent,
    serviceAccount: Type.Object({ namespace: Type.String(), name: Type.String() }),
    expiresAt: Type.String(),
    reason: Type.Optional(Type.String({ description: "What the agent said it is for. Not verified." })),
    by: Type.Optional(Type.String({ description: "Who did this, where somebody did." })),
    message: Type.Optional(Type.String()),
    shortened: Shortened,
  },
  { description: "A step in the life of a session." },
);
export type SessionEntry = Static<typeof SessionEntry>;

export const BrokeredEntry = Type.Object(
  {
    schema: Type.Literal("hoop.dev/brokered/v1"),
    kind: Type.Literal("brokered"),
    time: Time,
    event: Type.Union([Type.Literal("request"), Type.Literal("stream"), Type.Literal("response")], {
      description:
        "request: written before it was passed on. stream: a part of what went to and fro since. response: how it ended.",
    }),
    call: Type.String({ description: "The same in all entries of one request." }),
    session: SessionRef,
    profile: Type.String(),
    agent: Agent,
    method: Type.String(),
    uri: Type.String({ description: "Path and query below the session, masked." }),
    verb: Type.String(),
    target: Type.Optional(Type.Omit(Target, ["kind", "uid"])),
    command: Type.Optional(Type.String({ description: "What the client says was typed. Not verified." })),
    userAgent: Type.Optional(Type.String()),
    auditID: Type.Optional(Type.String()),
    code: Type.Optional(Type.Integer({ description: "HTTP status; 101: the connection was upgraded." })),
    milliseconds: Type.Optional(Type.Integer()),
    bytes: Type.Optional(Type.Integer({ description: "Of the body, as it was passed on." })),
    sha256: Type.Optional(Type.String({ description: "Over those bytes, hex." })),
    truncated: Type.Optional(Type.Boolean({ description: "The payload does not have all of them." })),
    message: Type.Optional(Type.String()),
    payload: Type.Optional(PayloadDigest),
    shortened: Shortened,
  },
  { description: "A request through a session's broker, or what came back." },
);
export type BrokeredEntry = Static<typeof BrokeredEntry>;

/** Of any kind and version that may lie in a ledger. */
export const Entry = Type.Union([
  AdmissionEntry,
  FirstAdmissionEntry,
  ApprovalEntry,
  ConfigurationEntry,
  GapEntry,
  ErasureEntry,
  SessionEntry,
  BrokeredEntry,
]);
export type Entry = Static<typeof Entry>;

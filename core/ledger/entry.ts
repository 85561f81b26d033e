/**
 * What a ledger entry says. One schema a kind; canonical JSON of at most 64 KiB; masked before it is made. An entry's
 * index is its place in the ledger and not part of it. A schema that was released is never changed, only followed:
 * entries stay as they were written.
 */
import Type, { type Static } from "typebox";
import { Target, Verdict } from "../approval.ts";
import { Agent, PayloadDigest, Shortened, Time } from "./entry-parts.ts";
import { BrokeredEntry, SessionEntry } from "./session-entry.ts";

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

const SessionName = Type.Optional(
  Type.String({
    description:
      "NAMESPACE/NAME of the session that it belongs to; of what is done directly a name, the same for all that is done with one credential.",
  }),
);
const ActingAs = Type.Optional(
  Type.String({ description: "In a session: the ServiceAccount that its agent acts as." }),
);

export const AdmissionEntry = Type.Object(
  {
    schema: Type.Literal("hoop.dev/admission/v3"),
    kind: Type.Literal("admission"),
    time: Time,
    request: Type.String({
      description: "The uid of the AdmissionReview: another one each time it is asked.",
    }),
    session: SessionName,
    actingAs: ActingAs,
    effect: Type.Union([Type.Literal("none"), Type.Literal("open")], {
      description:
        "none: nothing comes of it (denied, held, a dry run). open: it was let through, and whether it took effect is " +
        "told by the outcome entry that names this one.",
    }),
    object: Type.Optional(
      Type.Object(
        {
          name: Type.Optional(Type.String({ description: "Where the server has generated it." })),
          uid: Type.Optional(Type.String()),
          resourceVersion: Type.Optional(Type.String()),
        },
        {
          description:
            "By which the effect is known: the uid that what is created will have, and the version that is changed.",
        },
      ),
    ),
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

/** As entries were before they told whether anything may come of them. */
const SecondAdmissionEntry = Type.Object({
  ...Type.Omit(AdmissionEntry, ["request", "session", "actingAs", "effect", "object"]).properties,
  schema: Type.Literal("hoop.dev/admission/v2"),
});

/** As entries were before their payloads lay beside them. */
const FirstAdmissionEntry = Type.Object({
  ...SecondAdmissionEntry.properties,
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
    session: Type.Optional(
      Type.String({ description: "NAMESPACE/NAME of the session that it was asked in." }),
    ),
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
    schema: Type.Literal("hoop.dev/configuration/v2"),
    kind: Type.Literal("configuration"),
    time: Time,
    version: Type.String({ description: "Of Hoop." }),
    keys: Type.Array(Type.String(), { description: "Whose signatures the ledger has from here on." }),
    agents: Type.String({ description: "The expression by which the API server knows agents." }),
    rules: Type.Array(Type.String(), { description: "The names of the rules in force." }),
    policies: Type.Array(
      Type.Object({
        name: Type.String(),
        digest: Type.String({ description: "SHA-256, hex, over the canonical JSON of its spec, masked." }),
      }),
      { description: "The AgentPolicies in force." },
    ),
    profiles: Type.Optional(
      Type.Array(Type.Object({ name: Type.String(), digest: Type.String() }), {
        description: "The AgentProfiles, with digests as policies have. Earlier versions left them out.",
      }),
    ),
    payload: Type.Optional(PayloadDigest),
    shortened: Shortened,
  },
  {
    description:
      "What is in force from here on, where it is not what the entry before of this kind says. Its payload has the " +
      "settings, and the specs of those policies and profiles that no entry before has told as they are now.",
  },
);
export type ConfigurationEntry = Static<typeof ConfigurationEntry>;

/** As entries were before they told what policies say. */
const FirstConfigurationEntry = Type.Object({
  ...Type.Omit(ConfigurationEntry, ["policies", "profiles", "shortened"]).properties,
  schema: Type.Literal("hoop.dev/configuration/v1"),
});

export const OutcomeEntry = Type.Object(
  {
    schema: Type.Literal("hoop.dev/outcome/v1"),
    kind: Type.Literal("outcome"),
    time: Time,
    of: Type.Integer({ description: "The index of the admission entry that it completes." }),
    source: Type.Union([Type.Literal("audit"), Type.Literal("object")], {
      description: "audit: the API server's audit event. object: the object, as it was found afterwards.",
    }),
    result: Type.Union([Type.Literal("took-effect"), Type.Literal("refused"), Type.Literal("cannot-tell")]),
    code: Type.Optional(Type.Integer({ description: "HTTP status that the agent was answered." })),
    reason: Type.Optional(Type.String({ description: "Of the Status, such as AlreadyExists." })),
    message: Type.Optional(Type.String({ description: "Masked." })),
    auditID: Type.Optional(Type.String({ description: "Of the request, in the cluster's audit log." })),
    object: Type.Optional(
      Type.Object(
        { uid: Type.Optional(Type.String()), resourceVersion: Type.Optional(Type.String()) },
        { description: "As it was afterwards." },
      ),
    ),
    shortened: Shortened,
  },
  { description: "What came of a request that was let through." },
);
export type OutcomeEntry = Static<typeof OutcomeEntry>;

export const RequestEntry = Type.Object(
  {
    schema: Type.Literal("hoop.dev/request/v1"),
    kind: Type.Literal("request"),
    time: Time,
    session: SessionName,
    actingAs: ActingAs,
    agent: Agent,
    auditID: Type.String(),
    stage: Type.Union(
      [Type.Literal("ResponseStarted"), Type.Literal("ResponseComplete"), Type.Literal("Panic")],
      {
        description: "Of a watch, an exec and what else lasts, its beginning and its end are each an entry.",
      },
    ),
    verb: Type.String({ description: "Of the API: get, list, watch, create, …" }),
    uri: Type.String({ description: "Masked." }),
    target: Type.Optional(
      Type.Object({
        group: Type.String(),
        version: Type.String(),
        resource: Type.String(),
        subresource: Type.Optional(Type.String()),
        namespace: Type.Optional(Type.String()),
        name: Type.Optional(Type.String()),
        uid: Type.Optional(Type.String()),
      }),
    ),
    of: Type.Optional(
      Type.Integer({
        description: "The index of the admission entry of the same request, where it has one.",
      }),
    ),
    code: Type.Optional(Type.Integer({ description: "HTTP status of the answer." })),
    reason: Type.Optional(Type.String()),
    message: Type.Optional(Type.String({ description: "Masked." })),
    received: Type.String({ description: "RFC 3339: when the API server got it." }),
    completed: Type.String({ description: "RFC 3339: when it came to this stage." }),
    userAgent: Type.Optional(Type.String({ description: "Masked. What the client says that it is." })),
    sourceIPs: Type.Optional(Type.Array(Type.String())),
    truncated: Type.Optional(
      Type.Boolean({ description: "The API server has left the bodies out: the event was too large." }),
    ),
    payload: Type.Optional(PayloadDigest),
    shortened: Shortened,
  },
  {
    description:
      "A request of an agent that the API server's audit events tell of, and no admission entry: a read, or a write that " +
      "was refused before it was judged. Its payload has the bodies, masked, where the audit policy gives them.",
  },
);
export type RequestEntry = Static<typeof RequestEntry>;

export const GapEntry = Type.Object(
  {
    schema: Type.Literal("hoop.dev/gap/v2"),
    kind: Type.Literal("gap"),
    time: Time,
    reason: Type.Union(
      [
        Type.Literal("restored"),
        Type.Literal("audit-events"),
        Type.Literal("down"),
        Type.Literal("new-ledger"),
      ],
      {
        description:
          "restored: from a backup. What was recorded after that backup was made is not in this ledger. audit-events: the " +
          "API server's audit events did not come, so requests of agents may be missing. down: Hoop did not run, so audit " +
          "events of that time may be missing. new-ledger: what was before is in another ledger, whose last checkpoint the " +
          "message names.",
      },
    ),
    message: Type.String(),
    from: Type.Optional(Type.String({ description: "RFC 3339: since when." })),
    to: Type.Optional(Type.String({ description: "RFC 3339: until when. Left out: it goes on." })),
  },
  { description: "Something that happened is not recorded, or not any more, and that is known." },
);
export type GapEntry = Static<typeof GapEntry>;

/** As gaps were when there was but one reason. */
const FirstGapEntry = Type.Object({
  ...Type.Omit(GapEntry, ["from", "to"]).properties,
  schema: Type.Literal("hoop.dev/gap/v1"),
  reason: Type.Literal("restored"),
});
export type FirstGapEntry = Static<typeof FirstGapEntry>;

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

/** Of any kind and version that may lie in a ledger. */
export const Entry = Type.Union([
  AdmissionEntry,
  SecondAdmissionEntry,
  FirstAdmissionEntry,
  ApprovalEntry,
  OutcomeEntry,
  RequestEntry,
  ConfigurationEntry,
  FirstConfigurationEntry,
  GapEntry,
  FirstGapEntry,
  ErasureEntry,
  SessionEntry,
  BrokeredEntry,
]);
export type Entry = Static<typeof Entry>;

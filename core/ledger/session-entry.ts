/** What entries of sessions say. The rules of `entry.ts` hold. */
import Type, { type Static } from "typebox";
import { Target } from "../approval.ts";
import { Agent, PayloadDigest, Shortened, Time } from "./entry-parts.ts";

const SessionRef = Type.Object({ namespace: Type.String(), name: Type.String(), uid: Type.String() });

export const SessionEntry = Type.Object(
  {
    schema: Type.Literal("hoop.dev/session/v1"),
    kind: Type.Literal("session"),
    time: Time,
    event: Type.Union(
      [
        Type.Literal("asked"),
        Type.Literal("begun"),
        Type.Literal("denied"),
        Type.Literal("extended"),
        Type.Literal("ended"),
        Type.Literal("expired"),
        Type.Literal("revoked"),
      ],
      {
        description:
          "asked: it waits for people, and is denied or begins. extended: it has another end. ended: by its agent, or because nobody used it. expired: its time was over. revoked: somebody else ended it, or its profile.",
      },
    ),
    session: SessionRef,
    profile: Type.String(),
    agent: Agent,
    serviceAccount: Type.Object({ namespace: Type.String(), name: Type.String() }),
    expiresAt: Type.String(),
    approval: Type.Optional(
      Type.Object(
        { namespace: Type.String(), name: Type.String() },
        { description: "What it waits for, or has begun by." },
      ),
    ),
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
        "request: written before it was passed on or, where it only reads, before anything was shown. stream: a part of what went to and fro or was shown since. response: how it ended, with what is in no part yet.",
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
    knownValues: Type.Optional(
      Type.Integer({
        description: "How many values of Secrets were sent: whoever sends them knows them, or has guessed.",
      }),
    ),
    message: Type.Optional(Type.String()),
    payload: Type.Optional(PayloadDigest),
    shortened: Shortened,
  },
  { description: "A request through a session's broker, or what came back." },
);
export type BrokeredEntry = Static<typeof BrokeredEntry>;

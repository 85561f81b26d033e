/**
 * The Session: its schema (one value is the type, the OpenAPI document and the validation). A session lets one agent
 * act as the scoped ServiceAccount of its AgentProfile, through `sessions/NAME/proxy` alone, until it ends.
 */
import Type, { type Static } from "typebox";

const Time = Type.String({ format: "date-time", description: "RFC 3339, UTC." });

/** How the broker begins what it tells of a request that it does not pass on. */
export const REFUSED_IN_SESSION = "forbidden in a session: ";

/** `90s`, `10m`, `1h30m`. */
const DURATION = "^([0-9]+(\\.[0-9]+)?(s|m|h))+$";

export type SessionPhase = SessionStatus["phase"];

export const SessionSpec = Type.Object({
  profile: Type.String({
    minLength: 1,
    maxLength: 253,
    description: "The AgentProfile whose spec.session says what this session may be. It must name you.",
  }),
  reason: Type.Optional(
    Type.String({ maxLength: 1000, description: "What the session is for. Recorded; not verified." }),
  ),
  duration: Type.Optional(
    Type.String({
      pattern: DURATION,
      maxLength: 32,
      description: "How long it shall last, such as 90s, 10m, 1h. Left out: what the profile says.",
    }),
  ),
});
export type SessionSpec = Static<typeof SessionSpec>;

export const SessionStatus = Type.Object({
  phase: Type.Union(
    [
      Type.Literal("Pending"),
      Type.Literal("Active"),
      Type.Literal("Denied"),
      Type.Literal("Ended"),
      Type.Literal("Expired"),
      Type.Literal("Revoked"),
    ],
    {
      description:
        "Pending: people have to approve it first. Active: it may be used. Denied: they did not. Ended: it was not used for " +
        "too long. Expired: its time is over, or nobody decided in time. Revoked: it was taken back.",
    },
  ),
  subject: Type.Object(
    {
      username: Type.String(),
      uid: Type.Optional(Type.String()),
      groups: Type.Array(Type.String()),
      extra: Type.Record(Type.String(), Type.Array(Type.String())),
      credentialID: Type.Optional(
        Type.String({
          description: "The one credential that may use it (a token's JTI, a certificate's hash).",
        }),
      ),
    },
    { description: "Whose session it is: who made it. Nobody else may use it." },
  ),
  identity: Type.Optional(
    Type.Object(
      {
        issuer: Type.String(),
        claims: Type.Record(Type.String(), Type.Array(Type.String())),
        when: Type.Optional(Type.Array(Type.String(), { description: "Expressions of it that were true." })),
        job: Type.Optional(
          Type.Record(Type.String(), Type.Array(Type.String()), {
            description:
              "Which of the jobs with this subject it is. A newer token ends the sessions of its own job alone.",
          }),
        ),
        issuedAt: Type.Optional(Time),
      },
      {
        description:
          "What the token said that was exchanged for it: the claims that its AgentProfile asks for.",
      },
    ),
  ),
  doorway: Type.Optional(
    Type.Object(
      { username: Type.String(), credentialID: Type.String() },
      { description: "Who uses it in place of its subject, by the one token that was given out for it." },
    ),
  ),
  serviceAccount: Type.Object(
    { namespace: Type.String(), name: Type.String() },
    { description: "As whom it acts: what this ServiceAccount may do is all that the session may." },
  ),
  idleSeconds: Type.Optional(Type.Integer({ description: "It ends when it is not used for so long." })),
  approval: Type.Optional(
    Type.String({
      description:
        "The Approval, of the same namespace, that it waits for or has begun by: kubectl get approval NAME.",
    }),
  ),
  seconds: Type.Optional(
    Type.Integer({ description: "How long it lasts from when it is approved, unless its window closes." }),
  ),
  startedAt: Time,
  expiresAt: Time,
  endedAt: Type.Optional(Time),
  message: Type.Optional(Type.String({ description: "Why it is no longer Active." })),
  path: Type.String({
    description: "What follows the API server's address in the `server` of a kubeconfig.",
  }),
});
export type SessionStatus = Static<typeof SessionStatus>;

export interface Session {
  apiVersion: string;
  kind: string;
  metadata: { name: string; namespace: string; uid: string; creationTimestamp: string };
  spec: SessionSpec;
  status: SessionStatus;
}

/** Neither of these is over. */
export function isOpenPhase(phase: SessionPhase): boolean {
  return phase === "Active" || phase === "Pending";
}

/** Whole seconds, rounded up; `text` is as {@link DURATION}. */
export function durationSeconds(text: string): number {
  const units: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600 };
  const parts = [...text.matchAll(/([0-9.]+)([smh])/g)];
  return Math.ceil(
    parts.reduce((sum, [, number, unit]) => sum + Number(number) * (units[unit ?? ""] ?? 0), 0),
  );
}

/** Whole seconds as people write them, and {@link durationSeconds} reads them: `4h`, `1h30m`, `90s` as `1m30s`. */
export function durationWords(seconds: number): string {
  const parts: [number, string][] = [
    [Math.floor(seconds / 3600), "h"],
    [Math.floor(seconds / 60) % 60, "m"],
    [seconds % 60, "s"],
  ];
  return parts.map(([number, unit]) => (number === 0 ? "" : `${number}${unit}`)).join("") || "0s";
}

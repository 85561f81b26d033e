/** Token exchange (RFC 8693): a token that a verifier believes becomes a session and the one token that may use it. */
import type { UserInfo } from "../admission.ts";
import type { Log } from "../ports.ts";
import { type ApprovalPorts, askFor, type Beside } from "../session/approval.ts";
import { sessionLine } from "../session/entries.ts";
import type { FinishPorts } from "../session/finish.ts";
import { allows, type BeginPorts, CLOSED, lengthProblem, phaseAt, timesOf } from "../session/life.ts";
import type { SessionTerms } from "../session/profile.ts";
import { allSessions, sessionKey } from "../session/rows.ts";
import { durationSeconds, isOpenPhase, type Session } from "../session/session.ts";
import type { InTurn } from "../session/turns.ts";
import { isOpen } from "../session/windows.ts";
import { seconds } from "../times.ts";
import { type Doorway, door, keptDoorway, removedDoorway, type Ticket } from "./doorway.ts";
import type { Limit } from "./limit.ts";
import { kept } from "./match.ts";
import { endOutdated } from "./outdated.ts";
import type { Identity, Verifier } from "./verifier.ts";

export interface ExchangePorts extends BeginPorts, ApprovalPorts, FinishPorts {
  agents: ApprovalPorts["agents"];
  log: Log;
  verifier: Verifier;
  doorway: Doorway;
  /** Limits how often one subject may ask. */
  subjects: Limit;
  /** Exchanges for one subject and profile come one after the other. */
  inTurn: InTurn;
}

export interface Wish {
  token: string;
  profile: string;
  namespace: string;
  duration?: string;
  reason?: string;
}

/** `error`: as RFC 6749 and 8693 name it. */
export type Exchanged =
  | { kind: "session"; session: Session; token: string; expiresInSeconds: number }
  | { kind: "too-often"; retryAfterSeconds: number }
  | {
      kind: "refused";
      error: "invalid_request" | "invalid_target" | "temporarily_unavailable";
      why: string;
    };

export async function exchange(ports: ExchangePorts, wish: Wish): Promise<Exchanged> {
  const verification = await ports.verifier.verify(wish.token);
  if (verification.kind === "refused") return refused("invalid_request", `the token: ${verification.why}`);
  if (verification.kind === "unavailable") return refused("temporarily_unavailable", verification.why);
  const { identity } = verification;
  // Only now that the token is verified: an unsigned one may name anybody, and would use up what is left to him.
  const wait = ports.subjects.take(identity.username);
  if (wait !== undefined) return { kind: "too-often", ...wait };
  await endOutdated(ports, identity);
  const profile = ports.profile(wish.profile);
  const subject: UserInfo = { username: identity.username, uid: "", groups: [], extra: new Map() };
  const presented = kept(profile?.tokens ?? [], identity);
  const allowed = allows(ports, wish.profile, subject, presented);
  if ("refused" in allowed) return refused("invalid_target", allowed.refused);
  const { terms } = allowed;
  if (!isOpen(terms.windows, ports.clock.now())) return refused("invalid_target", CLOSED);
  const length = wish.duration === undefined ? terms.defaultSeconds : durationSeconds(wish.duration);
  const unfitting = lengthProblem(length, terms);
  if (unfitting !== undefined) return refused("invalid_request", `duration: ${unfitting}`);
  const namespace = await ports.cluster.namespaceUid(wish.namespace);
  if (!namespace.known) return namespace.absent === true ? NO_NAMESPACE : NOT_NOW;
  const { username } = identity;
  return ports.inTurn(`${username}\0${wish.profile}`, async () =>
    (await sessionsOf(ports, username, wish.profile)) >= terms.maxSessions
      ? refused("invalid_target", tooMany(terms))
      : begun(ports, wish, { identity, terms, length, namespaceUid: namespace.uid, presented }),
  );
}

const NO_NAMESPACE = refused(
  "invalid_target",
  "there is no such namespace: name the one to which the session shall belong",
);
const NOT_NOW = refused(
  "temporarily_unavailable",
  "the namespace cannot be looked up now: ask again in a moment",
);

function tooMany({ maxSessions }: SessionTerms): string {
  return `you have ${maxSessions} sessions, and may not have more at once: end one (kubectl hoop logout), or wait`;
}

interface Allowed {
  identity: Identity;
  terms: SessionTerms;
  length: number;
  namespaceUid: string;
  presented: NonNullable<Session["status"]["identity"]>;
}

/** The way in is opened before the session is written, and closed by itself where that does not come about. */
async function begun(ports: ExchangePorts, wish: Wish, allowed: Allowed): Promise<Exchanged> {
  const { store, clock, random } = ports;
  const name = `${wish.profile.slice(0, 200)}-${random.suffix(8)}`;
  const key = sessionKey(allowed.namespaceUid, name);
  const uid = random.uuid();
  const once = usedKey(allowed.identity);
  if ((await store.get(once)) !== undefined) return EXCHANGED_BEFORE;
  const opened = { session: key, openedAt: clock.now(), used: false };
  const written = await store.commit({ puts: [keptDoorway(uid, opened, 0)] });
  if (written.outcome !== "committed") return UNAVAILABLE;
  let ticket: Ticket;
  // Until it is approved it is good for nothing.
  const lasts = allowed.length + (allowed.terms.approval?.seconds ?? 0);
  try {
    ticket = await ports.doorway.open(uid, lasts);
  } catch (error) {
    ports.log.error({ err: error }, "no token could be made for a session");
    return UNAVAILABLE;
  }
  const made = sessionOf(wish, allowed, ticket, { name, uid, now: clock.now() });
  const asked = await askedFor(ports, made, allowed);
  if ("refused" in asked) {
    await removedDoorway(ports, uid);
    return refused("invalid_target", asked.refused);
  }
  const { session, beside } = asked;
  const event = session.status.phase === "Pending" ? "asked" : "begun";
  const result = await store.commit({
    puts: [
      { key, value: JSON.stringify(session), expect: 0 },
      ...beside.puts,
      keptDoorway(uid, { ...opened, used: true, credentialID: ticket.credentialID }, written.revision),
      door(ticket.credentialID, key),
      { key: once, value: JSON.stringify({ expires: allowed.identity.expires }), expect: 0 },
    ],
    deletes: beside.deletes,
    lines: [...beside.lines, sessionLine(session, event, clock.now(), allowed.identity.username)],
  });
  if (result.outcome === "committed")
    return { kind: "session", session, token: ticket.token, expiresInSeconds: lasts };
  await removedDoorway(ports, uid);
  return result.key === once ? EXCHANGED_BEFORE : UNAVAILABLE;
}

/** Where people are to approve it, with the question to them. */
async function askedFor(
  ports: ExchangePorts,
  session: Session,
  { terms, namespaceUid }: Allowed,
): Promise<{ session: Session; beside: Beside } | { refused: string }> {
  if (terms.approval === undefined) return { session, beside: { puts: [], deletes: [], lines: [] } };
  const question = await askFor(ports, session, namespaceUid, terms.approval);
  if ("refused" in question) return question;
  const status = { ...session.status, approval: question.name };
  return { session: { ...session, status }, beside: question.beside };
}

const EXCHANGED_BEFORE = refused(
  "invalid_request",
  "the token: it was exchanged before; each is good for one session: bring a new one",
);
const UNAVAILABLE = refused(
  "temporarily_unavailable",
  "no token can be made for a session now: ask again in a moment",
);

const USED = "exchanged/";

/** There as long as the token could be brought again. */
function usedKey({ fingerprint }: Identity): string {
  return `${USED}${fingerprint}`;
}

const FORGETTING_MILLISECONDS = 60_000;

/** Tokens that nobody would believe any more need not be remembered. Until the signal aborts. */
export async function keepForgetting(
  ports: Pick<ExchangePorts, "store" | "clock" | "log">,
  skewSeconds: number,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    await forgetUsed(ports, skewSeconds).catch((error: unknown) =>
      ports.log.error({ err: error }, "could not forget tokens that have expired"),
    );
    await ports.clock.sleep(FORGETTING_MILLISECONDS, signal);
  }
}

/** Clocks may be set back, and what was forgotten must not be believed then. */
const REMEMBERED_SECONDS = 3600;

/** `skewSeconds`: for so long after their end they are believed. */
export async function forgetUsed(
  { store, clock }: Pick<ExchangePorts, "store" | "clock">,
  skewSeconds: number,
): Promise<void> {
  const { rows } = await store.list(USED);
  const before = clock.now() - (skewSeconds + REMEMBERED_SECONDS) * 1000;
  const over = rows.filter(({ value }) => (JSON.parse(value) as { expires: number }).expires < before);
  for (const { key, revision } of over) await store.commit({ deletes: [{ key, expect: revision }] });
}

function sessionOf(
  { profile, namespace, duration, reason }: Wish,
  { identity, terms, length, presented }: Allowed,
  { username, credentialID }: Ticket,
  { name, uid, now }: { name: string; uid: string; now: number },
): Session {
  return {
    ...{ apiVersion: "hoop.dev/v1alpha1", kind: "Session" },
    metadata: { name, namespace, uid, creationTimestamp: seconds(now) },
    spec: {
      profile,
      ...(reason === undefined ? {} : { reason }),
      ...(duration === undefined ? {} : { duration }),
    },
    status: {
      ...timesOf(terms, length, now),
      subject: { username: identity.username, groups: [], extra: {} },
      identity: { ...presented, ...jobOf(identity), issuedAt: seconds(identity.issued) },
      doorway: { username, credentialID },
      serviceAccount: { ...terms.serviceAccount },
      ...(terms.idleSeconds === 0 ? {} : { idleSeconds: terms.idleSeconds }),
      path: `/apis/hoop.dev/v1alpha1/namespaces/${namespace}/sessions/${name}/proxy`,
    },
  };
}

function jobOf({ job }: Identity): { job?: Record<string, string[]> } {
  const said = Object.entries(job).map(([name, values]): [string, string[]] => [name, [...values]]);
  return said.length === 0 ? {} : { job: Object.fromEntries(said) };
}

async function sessionsOf(
  { store, clock }: ExchangePorts,
  username: string,
  profile: string,
): Promise<number> {
  const now = clock.now();
  return (await allSessions(store)).filter(
    ({ session }) =>
      session.status.subject.username === username &&
      session.spec.profile === profile &&
      isOpenPhase(phaseAt(session, now)),
  ).length;
}

function refused(error: Extract<Exchanged, { kind: "refused" }>["error"], why: string): Exchanged {
  return { kind: "refused", error, why };
}

/** Token exchange (RFC 8693): a token that a verifier believes becomes a session and the one token that may use it. */
import type { UserInfo } from "../admission.ts";
import type { Clock, Cluster, Log, Random, Store } from "../ports.ts";
import { sessionLine } from "../session/entries.ts";
import { allows, type BeginPorts, phaseAt } from "../session/life.ts";
import { allSessions, sessionKey } from "../session/rows.ts";
import { durationSeconds, type Session, type SessionTerms } from "../session/session.ts";
import { seconds } from "../times.ts";
import { type Doorway, keptDoorway, removedDoorway, type Ticket } from "./doorway.ts";
import { kept } from "./match.ts";
import type { Identity, Verifier } from "./verifier.ts";

export interface ExchangePorts extends BeginPorts {
  store: Store;
  clock: Clock;
  random: Random;
  cluster: Cluster;
  log: Log;
  verifier: Verifier;
  doorway: Doorway;
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
  const profile = ports.profile(wish.profile);
  const subject: UserInfo = { username: identity.username, uid: "", groups: [], extra: new Map() };
  const allowed = allows(ports, profile, subject, identity);
  if ("refused" in allowed) return refused("invalid_target", allowed.refused);
  const { terms } = allowed;
  const length = wish.duration === undefined ? terms.defaultSeconds : durationSeconds(wish.duration);
  if (length < 1 || length > terms.maxSeconds)
    return refused("invalid_request", `the profile allows a duration of 1s to ${terms.maxSeconds}s`);
  const namespace = await ports.cluster.namespaceUid(wish.namespace);
  if (!namespace.known) return refused("invalid_target", "there is no such namespace");
  if ((await sessionsOf(ports, identity.username, wish.profile)) >= terms.maxSessions)
    return refused("invalid_target", `you have ${terms.maxSessions} sessions, and may not have more at once`);
  const tokens = profile?.tokens ?? [];
  return begun(ports, wish, {
    identity,
    terms,
    length,
    namespaceUid: namespace.uid,
    kept: kept(tokens, identity),
  });
}

interface Allowed {
  identity: Identity;
  terms: SessionTerms;
  length: number;
  namespaceUid: string;
  kept: Session["status"]["identity"];
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
  try {
    ticket = await ports.doorway.open(uid, allowed.length);
  } catch (error) {
    ports.log.error({ err: error }, "no token could be made for a session");
    return UNAVAILABLE;
  }
  const session = sessionOf(wish, allowed, ticket, { name, uid, now: clock.now() });
  const result = await store.commit({
    puts: [
      { key, value: JSON.stringify(session), expect: 0 },
      keptDoorway(uid, { ...opened, used: true }, written.revision),
      { key: once, value: JSON.stringify({ expires: allowed.identity.expires }), expect: 0 },
    ],
    lines: [sessionLine(session, "begun", clock.now(), allowed.identity.username)],
  });
  if (result.outcome === "committed")
    return { kind: "session", session, token: ticket.token, expiresInSeconds: allowed.length };
  await removedDoorway(ports, uid);
  return EXCHANGED_BEFORE;
}

const EXCHANGED_BEFORE = refused(
  "invalid_request",
  "the token: it was exchanged before; each is good for one session",
);
const UNAVAILABLE = refused("temporarily_unavailable", "no token can be made for a session now");

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

/** `skewSeconds`: for so long after their end they are believed. */
export async function forgetUsed(
  { store, clock }: Pick<ExchangePorts, "store" | "clock">,
  skewSeconds: number,
): Promise<void> {
  const { rows } = await store.list(USED);
  const before = clock.now() - (skewSeconds + 60) * 1000;
  const over = rows.filter(({ value }) => (JSON.parse(value) as { expires: number }).expires < before);
  for (const { key, revision } of over) await store.commit({ deletes: [{ key, expect: revision }] });
}

function sessionOf(
  { profile, namespace, duration, reason }: Wish,
  { identity, terms, length, kept: presented }: Allowed,
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
      phase: "Active",
      subject: { username: identity.username, groups: [], extra: {} },
      ...(presented === undefined ? {} : { identity: presented }),
      doorway: { username, credentialID },
      serviceAccount: { ...terms.serviceAccount },
      ...(terms.idleSeconds === 0 ? {} : { idleSeconds: terms.idleSeconds }),
      startedAt: seconds(now),
      expiresAt: seconds(now + length * 1000),
      path: `/apis/hoop.dev/v1alpha1/namespaces/${namespace}/sessions/${name}/proxy`,
    },
  };
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
      phaseAt(session, now) === "Active",
  ).length;
}

function refused(error: Extract<Exchanged, { kind: "refused" }>["error"], why: string): Exchanged {
  return { kind: "refused", error, why };
}

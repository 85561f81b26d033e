/**
 * Somebody comes with a newer token. Those of his sessions end that would not be given for what it says now: he has left a
 * group, for example.
 */
import { type FinishPorts, finish } from "../session/finish.ts";
import type { BeginPorts } from "../session/life.ts";
import { allSessions, type FoundSession, findSession, namespaceUidOf } from "../session/rows.ts";
import { isOpenPhase, type Session } from "../session/session.ts";
import { kept, matches } from "./match.ts";
import type { Identity } from "./verifier.ts";

const END = {
  phase: "Revoked",
  message: "a newer token of its subject no longer says what its AgentProfile asks for",
} as const;

type Ports = FinishPorts & Pick<BeginPorts, "profile">;

/** Rejects where a session could not be ended. */
export async function endOutdated(ports: Ports, identity: Identity): Promise<void> {
  const stays = (now: FoundSession | undefined) =>
    now === undefined || !isOutdated(ports, now.session, identity);
  for (const found of await allSessions(ports.store)) if (!stays(found)) await end(ports, found, stays);
}

const ATTEMPTS = 10;

/** Tries again where the session was changed meanwhile: nobody can keep it by having it extended at the same moment. */
async function end(
  ports: Ports,
  { key, session }: FoundSession,
  stays: (now: FoundSession | undefined) => boolean,
): Promise<void> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const now = await findSession(ports.store, namespaceUidOf(key), session.metadata.name);
    if (now === undefined || stays(now) || (await finish(ports, now, END))) return;
  }
  throw new Error("the session changes all the time");
}

function isOutdated(ports: Ports, session: Session, identity: Identity): boolean {
  if (!isOpenAndOlder(session, identity) || !isOfSameJob(session, identity)) return false;
  const tokens = ports.profile(session.spec.profile)?.tokens ?? [];
  return !matches(tokens, kept(tokens, identity));
}

/** Whether the session goes on, is of the same subject, and was given for a token no newer than this one. */
function isOpenAndOlder({ status }: Session, { username, issuer, issued }: Identity): boolean {
  const { identity, subject, phase } = status;
  return (
    isOpenPhase(phase) &&
    subject.username === username &&
    identity?.issuer === issuer &&
    Date.parse(identity.issuedAt ?? "") <= issued
  );
}

/** False only where both tokens say which job they are of, and it is not the same. */
function isOfSameJob({ status }: Session, { job }: Identity): boolean {
  const before = status.identity?.job ?? {};
  return Object.entries(before).every(
    ([name, values]) => !Object.hasOwn(job, name) || isSame(values, job[name] ?? []),
  );
}

function isSame(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && one.every((value, index) => value === other[index]);
}

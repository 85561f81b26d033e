/** Somebody brings a newer token: sessions of his that it would no longer be exchanged for end. */
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

/** Rejects where one of them could not be ended. */
export async function withdrawn(ports: Ports, identity: Identity): Promise<void> {
  for (const found of await allSessions(ports.store)) {
    const isOver = (now: FoundSession | undefined) => now === undefined || fits(ports, now.session, identity);
    if (!isOver(found)) await withdraw(ports, found, isOver);
  }
}

const ATTEMPTS = 10;

/** Whoever changes it at the same moment, to have it longer, does not keep it by that. */
async function withdraw(
  ports: Ports,
  { key, session }: FoundSession,
  isOver: (now: FoundSession | undefined) => boolean,
): Promise<void> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const now = await findSession(ports.store, namespaceUidOf(key), session.metadata.name);
    if (now === undefined || isOver(now) || (await finish(ports, now, END))) return;
  }
  throw new Error("the session changes all the time");
}

/** Whether that token leaves it as it is. */
function fits(ports: Ports, session: Session, identity: Identity): boolean {
  if (!isOlder(session, identity) || !isOfSameJob(session, identity)) return true;
  const tokens = ports.profile(session.spec.profile)?.tokens ?? [];
  return matches(tokens, kept(tokens, identity));
}

/** What an older token says is no news. */
function isOlder({ status }: Session, { username, issuer, issued }: Identity): boolean {
  const { identity, subject, phase } = status;
  return (
    isOpenPhase(phase) &&
    subject.username === username &&
    identity?.issuer === issuer &&
    Date.parse(identity.issuedAt ?? "") <= issued
  );
}

/** Where both tokens say which job they are of. One that does not say it speaks of its subject. */
function isOfSameJob({ status }: Session, { job }: Identity): boolean {
  const before = status.identity?.job ?? {};
  return Object.entries(before).every(
    ([name, values]) => !Object.hasOwn(job, name) || isSame(values, job[name] ?? []),
  );
}

function isSame(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && one.every((value, index) => value === other[index]);
}

/** Somebody brings a newer token: sessions of his that it would no longer be exchanged for end. */
import { type FinishPorts, finish } from "../session/finish.ts";
import type { BeginPorts } from "../session/life.ts";
import { allSessions } from "../session/rows.ts";
import { isOpenPhase, type Session } from "../session/session.ts";
import { kept, matches } from "./match.ts";
import type { Identity } from "./verifier.ts";

const END = {
  phase: "Revoked",
  message: "a newer token of its subject no longer says what its AgentProfile asks for",
} as const;

/** What is changed by somebody else meanwhile is looked at again, by the next token or by who changed it. */
export async function withdrawn(
  ports: FinishPorts & Pick<BeginPorts, "profile">,
  identity: Identity,
): Promise<void> {
  for (const found of await allSessions(ports.store)) {
    const { session } = found;
    if (!isOlder(session, identity)) continue;
    const tokens = ports.profile(session.spec.profile)?.tokens ?? [];
    if (!matches(tokens, kept(tokens, identity))) await finish(ports, found, END);
  }
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

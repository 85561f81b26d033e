/**
 * Whether a caller may use a session: it must be the session's own subject with its own credential, while the session lasts
 * and its profile allows it. Checked for each request.
 */
import { credentialOf } from "#core/admission.ts";
import { behindDoor } from "#core/exchange/doorway.ts";
import { allows, misuse, phaseAt, subjectOf } from "#core/session/life.ts";
import type { SessionTerms } from "#core/session/profile.ts";
import { findSession, sessionKey } from "#core/session/rows.ts";
import type { Session } from "#core/session/session.ts";
import type { Caller } from "#kit/resource.ts";
import { forbiddenObject, notFound, StatusError, statusOf } from "#kit/status.ts";
import type { BrokerPorts } from "./ports.ts";

const RESOURCE = { group: "hoop.dev", plural: "sessions" };

/** @throws {StatusError} NotFound, Forbidden, ServiceUnavailable. */
export async function usable(
  ports: BrokerPorts,
  namespace: string,
  name: string,
  caller: Caller,
): Promise<{ session: Session; terms: SessionTerms }> {
  const lookup = await ports.cluster.namespaceUid(namespace);
  if (!lookup.known && lookup.absent === true) throw gone(name);
  if (!lookup.known) throw new StatusError("ServiceUnavailable", lookup.why, { retryAfterSeconds: 1 });
  const session =
    name === CURRENT
      ? await current(ports, lookup.uid, caller)
      : (await findSession(ports.store, lookup.uid, name))?.session;
  const wrong = session && misuse(session, caller);
  if (session === undefined || wrong === "not-found") throw gone(name);
  if (wrong === "another-credential")
    throw forbiddenObject(
      RESOURCE,
      name,
      "it was begun with another credential: use that, or begin another session with this one (kubectl hoop login)",
    );
  const phase = phaseAt(session, ports.clock.now());
  if (phase === "Pending") throw forbiddenObject(RESOURCE, name, `it is Pending${waitOf(session)}`);
  if (phase !== "Active")
    throw forbiddenObject(
      RESOURCE,
      name,
      `it is ${phase}${reasonOf(session)}: begin another one (kubectl hoop login)`,
    );
  const allowed = allows(ports, session.spec.profile, subjectOf(session), session.status.identity);
  if ("refused" in allowed)
    throw forbiddenObject(RESOURCE, name, `its AgentProfile ${session.spec.profile}: ${allowed.refused}`);
  return { session, terms: allowed.terms };
}

/** The same for whoever may not know that it is there. */
function gone(name: string): StatusError {
  const { message, details } = statusOf(notFound(RESOURCE, name));
  const more = "it was killed or deleted, or never was: begin another one (kubectl hoop login)";
  return new StatusError("NotFound", `${message}: ${more}`, details);
}

/** In place of a name: whichever session the caller's token is for. A kubeconfig with this name works for one session after the other. */
const CURRENT = "current";

async function current({ store }: BrokerPorts, namespaceUid: string, caller: Caller): Promise<Session> {
  const found = await behindDoor(store, credentialOf(caller));
  if (found === undefined || found.key !== sessionKey(namespaceUid, found.session.metadata.name))
    throw forbiddenObject(
      RESOURCE,
      CURRENT,
      "the session of this token is over, or it is no token of a session of this namespace: begin another one " +
        "(kubectl hoop login)",
    );
  return found.session;
}

function waitOf({ metadata: { namespace }, status: { approval = "" } }: Session): string {
  return ` (people have to approve it): kubectl wait approval/${approval} -n ${namespace} --for=condition=Decided`;
}

/** Why it is over. A session whose time has just run out has no message yet. */
function reasonOf({ status: { phase, message } }: Session): string {
  const untold = phase === "Pending" ? "nobody approved it in time" : "its time is over";
  return ` (${message ?? untold})`;
}

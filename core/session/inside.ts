/**
 * Whether a request comes out of the session that it names. The name is in its user data (`hoop.dev/*` extras), and whoever may
 * impersonate can put anything there: only what Hoop itself has stored about the session counts.
 */
import type { InSession, UserInfo } from "../admission.ts";
import { serviceAccountUser } from "../agents.ts";
import type { Clock, Cluster, Store } from "../ports.ts";
import { extrasOf, inSession, sessionNameOf } from "./extras.ts";
import { phaseAt } from "./life.ts";
import { findSession } from "./rows.ts";
import type { Session } from "./session.ts";

export interface InsidePorts {
  store: Store;
  clock: Clock;
  cluster: Pick<Cluster, "namespaceUid">;
}

/** `forged`: it names a session, but does not come out of it. */
export type Inside =
  | { kind: "direct" }
  | { kind: "session"; session: InSession }
  | { kind: "forged"; why: string };

/** Rejects where nobody could tell. */
export async function insideOf(ports: InsidePorts, user: UserInfo): Promise<Inside> {
  if (!inSession(user)) return { kind: "direct" };
  const session = await named(ports, user);
  if (session === undefined) return FORGED;
  const { namespace, name } = session.metadata;
  if (phaseAt(session, ports.clock.now()) !== "Active")
    return { kind: "forged", why: `the session ${namespace}/${name} is over` };
  return { kind: "session", session: told(session) };
}

/** The session that a request came out of, even if that is over by now. Undefined: it came out of none. */
export async function saidSession(
  ports: Omit<InsidePorts, "clock">,
  user: UserInfo,
): Promise<InSession | undefined> {
  const session = inSession(user) ? await named(ports, user) : undefined;
  return session === undefined ? undefined : told(session);
}

/** The session that it names, if that acts as this user. */
async function named(ports: Omit<InsidePorts, "clock">, user: UserInfo): Promise<Session | undefined> {
  const [namespace = "", name = ""] = sessionNameOf(user)?.split("/") ?? [];
  if (namespace === "" || name === "") return undefined;
  const lookup = await ports.cluster.namespaceUid(namespace);
  if (!lookup.known) return undefined;
  const session = (await findSession(ports.store, lookup.uid, name))?.session;
  return session !== undefined && isAs(session, user) ? session : undefined;
}

const FORGED: Inside = {
  kind: "forged",
  why: "it says that it comes out of a session (hoop.dev/* in its userInfo.extra), and there is no such session of this user",
};

/** Of that ServiceAccount, and with all that Hoop says of it and nothing else. */
function isAs(session: Session, { username, extra }: UserInfo): boolean {
  const { namespace, name } = session.status.serviceAccount;
  const expected = extrasOf(session);
  const said = [...extra].filter(([key]) => key.startsWith("hoop.dev/"));
  return (
    username === serviceAccountUser(`${namespace}/${name}`) &&
    said.length === Object.keys(expected).length &&
    said.every(([key, values]) => values.length === 1 && values[0] === expected[key])
  );
}

function told({ metadata, spec, status }: Session): InSession {
  const { subject, doorway } = status;
  const credentialID = doorway?.credentialID ?? subject.credentialID;
  return {
    ...{ namespace: metadata.namespace, name: metadata.name, uid: metadata.uid, profile: spec.profile },
    agent: {
      ...{ username: subject.username, groups: subject.groups },
      ...(credentialID === undefined ? {} : { credentialID }),
    },
  };
}

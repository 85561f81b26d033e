/**
 * How sessions lie in the store: `sessions/NSUID/NAME`, by the uid of the namespace. So a namespace that is created again has
 * none of the sessions of the old one.
 */
import type { Revision, Store } from "#kit/storage.ts";
import type { Session } from "./session.ts";

export const SESSIONS = "sessions/";

export interface FoundSession {
  key: string;
  session: Session;
  revision: Revision;
}

export function sessionKey(namespaceUid: string, name: string): string {
  return `${SESSIONS}${namespaceUid}/${name}`;
}

/** The uid of the namespace that the session of this key lies in. */
export function namespaceUidOf(key: string): string {
  return key.slice(SESSIONS.length).split("/")[0] ?? "";
}

export async function findSession(
  store: Store,
  namespaceUid: string,
  name: string,
): Promise<FoundSession | undefined> {
  const row = await store.get(sessionKey(namespaceUid, name));
  return row && { key: row.key, session: JSON.parse(row.value) as Session, revision: row.revision };
}

export async function allSessions(store: Store): Promise<FoundSession[]> {
  const { rows } = await store.list(SESSIONS);
  return rows.map(({ key, value, revision }) => ({ key, revision, session: JSON.parse(value) as Session }));
}

/** What the API server is told of a session beside the ServiceAccount: `userInfo.extra`, for policies and audit logs. */
import { createHash } from "node:crypto";
import { SESSION_UID, type UserInfo } from "../admission.ts";

const PREFIX = "hoop.dev/";
/** Hoop alone has the right to impersonate with these keys: NAMESPACE/NAME of the session, its uid, whose it is, by which profile. */
export function extrasOf(session: {
  metadata: { namespace: string; name: string; uid: string };
  spec: { profile: string };
  status: { subject: { username: string } };
}): Readonly<Record<string, string>> {
  const { metadata, spec, status } = session;
  return {
    [`${PREFIX}session`]: `${metadata.namespace}/${metadata.name}`,
    [SESSION_UID]: metadata.uid,
    [`${PREFIX}agent`]: status.subject.username,
    [`${PREFIX}profile`]: spec.profile,
  };
}

/** Whether a request comes out of a session. */
export function inSession({ extra }: Pick<UserInfo, "extra">): boolean {
  return [...extra.keys()].some((key) => key.startsWith(PREFIX));
}

/** NAMESPACE/NAME of the session that a request comes out of. */
export function sessionNameOf({ extra }: Pick<UserInfo, "extra">): string | undefined {
  return extra.get(`${PREFIX}session`)?.[0];
}

/** By which name an agent's own things are known: in a session its agent's. Of a caller that was proven to be in it. */
export function ownName({ username, extra }: Pick<UserInfo, "username" | "extra">): string {
  return extra.get(`${PREFIX}agent`)?.[0] ?? username;
}

/** What is done with one credential, and in no session, is shown as one: under this name. It does not tell which it is. */
export function implicitSession(credentialID: string): string {
  return `direct-${createHash("sha256").update(credentialID).digest("hex").slice(0, 12)}`;
}

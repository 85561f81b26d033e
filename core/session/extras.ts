/** What the API server is told of a session beside the ServiceAccount: `userInfo.extra`, for policies and audit logs. */
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

/** The uid of the session that a request comes out of. */
export function sessionUidOf({ extra }: Pick<UserInfo, "extra">): string | undefined {
  return extra.get(SESSION_UID)?.[0];
}

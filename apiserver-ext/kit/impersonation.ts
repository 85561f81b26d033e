/**
 * Acting as somebody else (`Impersonate-*` headers), for callers who reach this server directly. The API server's front
 * proxy carries impersonation out itself and takes the headers away, so that with its word they are never honest.
 */
import type { Authenticated } from "./authn.ts";
import { type Authorize, forbidden } from "./authz.ts";
import { type ApiRequest, headerLines } from "./request.ts";
import { parseRequestInfo, type RequestInfo } from "./request-info.ts";
import type { Caller } from "./resource.ts";
import { StatusError } from "./status.ts";

const USER = "impersonate-user";
const UID = "impersonate-uid";
const GROUP = "impersonate-group";
const EXTRA = "impersonate-extra-";
const ANONYMOUS = "system:anonymous";
const AUTHENTICATED = "system:authenticated";
const UNAUTHENTICATED = "system:unauthenticated";
/** Names that no ServiceAccount can have are users. */
const SERVICE_ACCOUNT =
  /^system:serviceaccount:([a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?):([a-z0-9](?:[-.a-z0-9]{0,251}[a-z0-9])?)$/;

interface Wanted {
  username: string;
  uid: string;
  groups: readonly string[];
  extra: ReadonlyMap<string, readonly string[]>;
}

/**
 * Who the request is to be carried out as; the caller as is where it asks for nothing else.
 * @throws {StatusError} Forbidden for each thing that the caller may not be; BadRequest for a part without a user.
 */
export async function impersonated(
  who: Authenticated,
  request: ApiRequest,
  authorize: Authorize,
): Promise<Authenticated> {
  const lines = headerLines(request).filter(([name]) => name.startsWith("impersonate-"));
  if (lines.length === 0) return who;
  if (who.frontProxied)
    throw new StatusError("Forbidden", "impersonation does not come through a front proxy");
  const wanted = wantedBy(lines);
  if (wanted.username === "") {
    throw new StatusError("BadRequest", "requested impersonation without impersonating a user");
  }
  for (const attributes of partsOf(wanted)) {
    const decision = await authorize(who, attributes);
    if (!decision.allowed) throw forbidden(who, attributes, decision.reason);
  }
  return {
    outcome: "authenticated",
    caller: callerOf(wanted),
    frontProxied: false,
    impersonator: who.caller,
  };
}

function wantedBy(lines: readonly (readonly [name: string, value: string])[]): Wanted {
  const first = (wanted: string) => lines.find(([name]) => name === wanted)?.[1] ?? "";
  const extra = new Map<string, string[]>();
  for (const [name, value] of lines) {
    if (!name.startsWith(EXTRA)) {
      if (![USER, UID, GROUP].includes(name)) throw unknownHeader(name);
      continue;
    }
    const key = unescaped(name.slice(EXTRA.length));
    extra.set(key, [...(extra.get(key) ?? []), value]);
  }
  const groups = lines.filter(([name]) => name === GROUP).map(([, value]) => value);
  return { username: first(USER), uid: first(UID), groups, extra };
}

/** One that nobody here understands may narrow what is asked for; it is not for us to pass over it. */
function unknownHeader(name: string): StatusError {
  return new StatusError("Forbidden", `the header ${name} is not known`);
}

function unescaped(key: string): string {
  try {
    return decodeURIComponent(key);
  } catch {
    return key;
  }
}

/** One question to the authorizer for each thing that the caller wants to be. */
function partsOf({ username, uid, groups, extra }: Wanted): RequestInfo[] {
  const [, namespace, name] = SERVICE_ACCOUNT.exec(username) ?? [];
  const user =
    namespace !== undefined && name !== undefined
      ? part({ resource: "serviceaccounts", namespace, name })
      : part({ resource: "users", name: username });
  const authentication = { group: "authentication.k8s.io", version: "v1" };
  return [
    user,
    ...groups.map((group) => part({ resource: "groups", name: group })),
    ...[...extra].flatMap(([key, values]) =>
      values.map((value) =>
        part({ ...authentication, resource: "userextras", subresource: key, name: value }),
      ),
    ),
    ...(uid === "" ? [] : [part({ ...authentication, resource: "uids", name: uid })]),
  ];
}

const NOTHING = parseRequestInfo("GET", "/");

function part(attributes: Partial<RequestInfo>): RequestInfo {
  return { ...NOTHING, isResource: true, path: "", verb: "impersonate", ...attributes };
}

function callerOf({ username, uid, groups, extra }: Wanted): Caller {
  return { username, uid, groups: groupsOf(username, groups), extra };
}

/** Given groups are the whole truth but for the one that says that somebody is known, or is not. */
function groupsOf(username: string, given: readonly string[]): readonly string[] {
  const [, namespace] = SERVICE_ACCOUNT.exec(username) ?? [];
  const groups =
    given.length === 0 && namespace !== undefined
      ? ["system:serviceaccounts", `system:serviceaccounts:${namespace}`]
      : given;
  if (groups.includes(UNAUTHENTICATED)) return groups;
  if (username === ANONYMOUS) return [...groups, UNAUTHENTICATED];
  return groups.includes(AUTHENTICATED) ? groups : [...groups, AUTHENTICATED];
}

/**
 * An admission request as Hoop uses it: the part of AdmissionReview v1 (admission.k8s.io/v1) that a decision
 * may depend on, parsed once by `webhook/decode.ts`. Inside the core nothing is read from the wire.
 */

/** A JSON value. Integers beyond ±2^53 are {@link ExactNumber}, so that two different writes never look alike. */
export type Json = null | boolean | number | string | ExactNumber | Json[] | JsonObject;
export type JsonObject = { [key: string]: Json };

/** A number whose exact text a double cannot hold. */
export class ExactNumber {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
  /** Written back with the digits it was read with. */
  toJSON(): unknown {
    return (JSON as unknown as { rawJSON(text: string): unknown }).rawJSON(this.text);
  }
}

export type Operation = "CREATE" | "UPDATE" | "DELETE" | "CONNECT";

export interface GroupVersionResource {
  group: string;
  version: string;
  resource: string;
}

/** Authentication's result, as kube-apiserver passes it on (authentication.k8s.io/v1 UserInfo). */
export interface UserInfo {
  username: string;
  uid: string;
  groups: readonly string[];
  extra: ReadonlyMap<string, readonly string[]>;
}

export interface AdmissionRequest {
  /** A new one for each call of the webhook: no identity of the request. */
  uid: string;
  kind: { group: string; version: string; kind: string };
  resource: GroupVersionResource;
  /** "" for the resource itself. */
  subresource: string;
  /**
   * "" in each item of a deletecollection, and in the mutating phase where the server generates the name. In the
   * validating phase a generated name stands here as if it had been given.
   */
  name: string;
  /** "" for cluster-scoped resources. For a Namespace object kube-apiserver puts its own name here. */
  namespace: string;
  operation: Operation;
  userInfo: UserInfo;
  object: JsonObject | null;
  oldObject: JsonObject | null;
  options: JsonObject | null;
  dryRun: boolean;
  /** By which API of ours it came, where the API server has not admitted it itself. Values in it are sealed. */
  through?: "secure-secrets";
  /** Where it comes out of a session, which has been proven. */
  session?: InSession;
}

/** A session that a request comes out of. */
export interface InSession {
  namespace: string;
  name: string;
  uid: string;
  profile: string;
  /** Whose it is. */
  agent: Asker;
}

/** Who asks, as records and people are told. */
export interface Asker {
  username: string;
  groups: readonly string[];
  credentialID?: string;
}

/** Who asks: in a session its agent, and not the ServiceAccount that it acts as. */
export function askerOf({ session, userInfo }: Pick<AdmissionRequest, "session" | "userInfo">): Asker {
  if (session !== undefined) return session.agent;
  const credentialID = credentialOf(userInfo);
  const { username, groups } = userInfo;
  return { username, groups, ...(credentialID === "" ? {} : { credentialID }) };
}

/** `userInfo.extra` key that identifies the very credential: a token's JTI or a certificate's hash. */
const CREDENTIAL_ID = "authentication.kubernetes.io/credential-id";

/** The key that says out of which session a request comes: it has no credential of its own. */
export const SESSION_UID = "hoop.dev/session-uid";

/** The credential of the caller, "" where the cluster does not tell. */
export function credentialOf(user: UserInfo): string {
  const session = user.extra.get(SESSION_UID)?.[0];
  return session === undefined ? (user.extra.get(CREDENTIAL_ID)?.[0] ?? "") : `session:${session}`;
}

/** The namespace the target lies in, "" for cluster-scoped ones; a Namespace object is cluster-scoped. */
export function targetNamespace(request: AdmissionRequest): string {
  const isNamespace = request.resource.group === "" && request.resource.resource === "namespaces";
  return isNamespace ? "" : request.namespace;
}

/** The target's name; in the items of a deletecollection only the object tells it. "" where nothing does. */
export function targetName({ name, object, oldObject }: AdmissionRequest): string {
  return name || text(member(object ?? oldObject ?? {}, "metadata"), "name");
}

/**
 * The name of what a request for a subresource goes to: `proxy` takes NAME, NAME:PORT or SCHEME:NAME:PORT, which the API
 * server passes on unparsed.
 */
export function connectedName({ name, subresource }: AdmissionRequest): string {
  if (subresource !== "proxy") return name;
  const parts = name.split(":");
  return (parts.length === 3 ? parts[1] : parts[0]) ?? "";
}

/** The member of an object as an object, `{}` where it is absent or of another type. */
export function member(value: Json | undefined, key: string): JsonObject {
  const found = isObject(value) ? value[key] : undefined;
  return isObject(found) ? found : {};
}

/** The member of an object as a string, "" where it is absent or of another type. */
export function text(value: Json | undefined, key: string): string {
  const found = isObject(value) ? value[key] : undefined;
  return typeof found === "string" ? found : "";
}

/** The member of an object as a list, `[]` where it is absent or of another type. */
export function list(value: Json | undefined, key: string): Json[] {
  const found = isObject(value) ? value[key] : undefined;
  return Array.isArray(found) ? found : [];
}

export function isObject(value: Json | undefined): value is JsonObject {
  return (
    typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof ExactNumber)
  );
}

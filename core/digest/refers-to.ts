/**
 * What a request newly refers to outside of itself, and how that was when it was asked: whoever approves a binding
 * relies on the rights of its role, whoever approves a pod on what is in its ConfigMaps. Pure; `Cluster` looks it up.
 */
import { createHmac } from "node:crypto";
import {
  type AdmissionRequest,
  isObject,
  type Json,
  type JsonObject,
  list,
  member,
  text,
} from "../admission.ts";
import { canonical } from "../canonical.ts";
import {
  KNOWN_POD_SPEC_PATHS,
  type PodSpecPaths,
  serviceAccountOf,
  workloadOf,
} from "../policy/facts/workload.ts";
import { printable } from "../printable.ts";
import { secretsNamedIn } from "../secret-names.ts";

export interface Reference {
  /** Of a ServiceAccount it is the rights that RBAC gives to it. */
  kind: "Role" | "ClusterRole" | "ServiceAccount" | "Secret" | "ConfigMap";
  /** "" for a ClusterRole. */
  namespace: string;
  name: string;
  /** Of a ServiceAccount: what it is given in all namespaces, and not in its own alone. */
  everywhere?: true;
}

/** As in rbac.authorization.k8s.io/v1. */
export type RbacRule = JsonObject;

export interface Granted {
  /** Such as `ClusterRole view`. */
  role: string;
  /** "" where it is granted in every namespace. */
  namespace: string;
  rules: readonly RbacRule[];
}

/** What an approval is bound to of something that is referred to. */
export type State =
  | { kind: "absent" }
  | { kind: "version"; uid: string; resourceVersion: string }
  | { kind: "rules"; uid: string; rules: readonly RbacRule[] }
  | { kind: "granted"; granted: readonly Granted[] };

export interface Referred {
  reference: Reference;
  state: State;
}

/** One referent as an approver is shown it. */
export interface ReferredWords {
  kind: string;
  namespace?: string;
  name: string;
  exists: boolean;
  /** Another one for each state: a keyed hash, since the uid of a Secret is not for agents. */
  version: string;
  /** Of a ConfigMap, which anybody may look up. */
  resourceVersion?: string;
  rights?: string[];
}

/** What no object of the cluster can be called, nothing needs to be asked about. */
const NAME = /^[a-z0-9](?:[-a-z0-9.]{0,251}[a-z0-9])?$/;
/** A controller keeps it as it is in every namespace, and every pod with a token has it. */
const ROOT_CA = "kube-root-ca.crt";

/**
 * What the request refers to and the object did not before; in a fixed order, each once. `paths`: where kinds have
 * their pod specs.
 */
export function referencesOf(request: AdmissionRequest, paths = KNOWN_POD_SPEC_PATHS): Reference[] {
  const { object, oldObject, operation, resource, subresource, namespace } = request;
  if (object === null || subresource === "status" || (operation !== "CREATE" && operation !== "UPDATE"))
    return [];
  if (resource.group === "rbac.authorization.k8s.io") return roleOf(object, namespace);
  if (namespace === "" || (resource.group === "" && HOLDS_TEXT.has(resource.resource))) return [];
  const named = (kind: Reference["kind"], find: (value: Json) => string[]) => {
    const before = new Set(oldObject === null ? [] : find(oldObject));
    return find(object)
      .filter((name) => !before.has(name) && NAME.test(name))
      .map((name): Reference => ({ kind, namespace, name }));
  };
  return [
    ...gainedAccount(request, paths),
    ...named("Secret", secretsNamedIn),
    ...named("ConfigMap", configMapsIn),
  ];
}

/** Their data may look like references and is none. */
const HOLDS_TEXT: ReadonlySet<string> = new Set(["secrets", "configmaps"]);

function roleOf(object: JsonObject, namespace: string): Reference[] {
  const roleRef = member(object, "roleRef");
  const [kind, name] = [text(roleRef, "kind"), text(roleRef, "name")];
  if (name === "" || (kind !== "Role" && kind !== "ClusterRole")) return [];
  return [{ kind, name, namespace: kind === "Role" ? namespace : "" }];
}

/** The ServiceAccount that its pods run as from now on. */
function gainedAccount(request: AdmissionRequest, paths: PodSpecPaths): Reference[] {
  const workload = workloadOf(request, paths);
  if (workload === undefined) return [];
  const name = serviceAccountOf(workload.now);
  const before = workload.before === null ? undefined : serviceAccountOf(workload.before);
  const isNew = name !== undefined && name !== before && NAME.test(name);
  return isNew ? [{ kind: "ServiceAccount", namespace: request.namespace, name }] : [];
}

/** `configMap: {name: x}`, `configMapRef: {name: x}`, `configMapKeyRef: {name: x}`, wherever they stand. */
function configMapsIn(value: Json): string[] {
  const found = new Set<string>();
  const walk = (at: Json) => {
    if (Array.isArray(at)) for (const item of at) walk(item);
    if (!isObject(at)) return;
    for (const [field, child] of Object.entries(at)) {
      if (/^configMap(?:(?:Key)?Ref)?$/.test(field)) found.add(text(child, "name"));
      walk(child);
    }
  };
  walk(value);
  return [...found].filter((name) => name !== ROOT_CA).sort();
}

/** For the digest. */
export function bound(referred: readonly Referred[]): Json {
  return referred.map(({ reference, state }) => [{ ...reference }, stateOf(state)]);
}

function stateOf(state: State): Json {
  switch (state.kind) {
    case "absent":
      return null;
    case "version":
      return { uid: state.uid, resourceVersion: state.resourceVersion };
    case "rules":
      return { uid: state.uid, rules: [...state.rules] };
    case "granted":
      // The order of bindings means nothing, and the API server's is none to rely on.
      return state.granted
        .map(({ role, namespace, rules }) => canonical({ role, namespace, rules: [...rules] }))
        .sort();
  }
}

/** As it is shown, with nothing invisible in it. `key`: the installation's. */
export function referredWords(referred: Referred, key: string): ReferredWords {
  const { reference, state } = referred;
  const { kind, namespace, name } = reference;
  const version = createHmac("sha256", key)
    .update(canonical(bound([referred])))
    .digest("hex")
    .slice(0, 12);
  return {
    kind,
    ...(namespace === "" ? {} : { namespace }),
    name,
    exists: state.kind !== "absent",
    version,
    ...(state.kind === "version" && kind === "ConfigMap" ? { resourceVersion: state.resourceVersion } : {}),
    ...(state.kind === "rules" ? { rights: some(state.rules.map(ruleWords)) } : {}),
    ...(state.kind === "granted" ? { rights: some(state.granted.flatMap(grantedWords).sort()) } : {}),
  };
}

/** Nobody reads more, and it stands in every answer that shows the approval. */
const MOST_RIGHTS = 200;
const LONGEST_RIGHT = 500;

function some(rights: readonly string[]): string[] {
  const more = rights.length - MOST_RIGHTS;
  return more <= 0 ? [...rights] : [...rights.slice(0, MOST_RIGHTS), `and ${more} more, which are not shown`];
}

function grantedWords({ role, namespace, rules }: Granted): string[] {
  const where = namespace === "" ? "everywhere" : `in namespace ${namespace}`;
  return rules.map((rule) => `${ruleWords(rule)} ${where} (${printable(role)})`);
}

/** Such as `get,list pods`, `get pods,deployments of "",apps`, `* * of *`, `get secrets (db)`, `get /healthz`. */
export function ruleWords(rule: RbacRule): string {
  const words = (field: string) => list(rule, field).filter((item) => typeof item === "string");
  const groups = words("apiGroups");
  const inCore = groups.every((group) => group === "");
  const of = inCore ? "" : ` of ${groups.map((group) => group || '""').join(",")}`;
  const resources = words("resources").join(",");
  const to = [...(resources === "" ? [] : [`${resources}${of}`]), ...words("nonResourceURLs")].join(",");
  const names = words("resourceNames").join(",");
  const text = printable(
    `${words("verbs").join(",")} ${to || "nothing"}${names === "" ? "" : ` (${names})`}`,
  );
  const more = text.length - LONGEST_RIGHT;
  return more <= 0 ? text : `${text.slice(0, LONGEST_RIGHT)}… (${more} more characters)`;
}

/** Which of what was referred to is not as it was shown; "" where all of it is. */
export function changedReferents(before: readonly ReferredWords[], now: readonly ReferredWords[]): string {
  const named = ({ kind, namespace, name }: ReferredWords) =>
    `${kind} ${namespace === undefined ? "" : `${namespace}/`}${name}`;
  const old = new Map(before.map((one) => [named(one), one.version]));
  return now
    .filter((one) => old.has(named(one)) && old.get(named(one)) !== one.version)
    .map(named)
    .join(", ");
}

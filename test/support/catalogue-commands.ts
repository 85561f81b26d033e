/** The catalogue's examples as an agent would type them: a kubectl command, and what is there before. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { AdmissionRequest, JsonObject } from "#core/admission.ts";
import { list, member, text } from "#core/admission.ts";
import { requestOf } from "#core/policy/fixture-request.ts";
import { type Fixture, fixturesIn } from "#core/policy/fixtures.ts";
import { resourceOfKind } from "#core/policy/resources.ts";
import { clusterScoped, type Manifest, namespaced } from "./objects.ts";

const TESTS = join(import.meta.dirname, "..", "..", "deploy", "policies", "tests");

/** All that can be read; that nothing is wrong with them, the unit test says. */
export function catalogueFixtures(): Fixture[] {
  return readdirSync(TESTS).flatMap(
    (name) => fixturesIn(readFileSync(join(TESTS, name), "utf8"), name).fixtures,
  );
}

export interface Command {
  args: string[];
  input?: JsonObject;
  /** The input is a merge patch of what is there. */
  isPatch?: boolean;
}

export interface Example {
  fixture: Fixture;
  /** Where nothing else is. */
  request: AdmissionRequest;
  command: Command;
  /** What people have made before, in order. */
  given: Manifest[];
}

/** Namespaces that a rule is about; the other examples are in one of their own where anything is, or will be, there. */
const NAMED = new Set(["kube-system", "kube-public", "kube-node-lease", "hoop-system", "kube-systems"]);

/** What is cluster-scoped is called otherwise in each example, but for these, whose names say what they are. */
const SPEAKING = new Set(["apiservices", "customresourcedefinitions"]);

/** `index` tells the example from the others. */
export function exampleOf(fixture: Fixture, index: number): Example {
  const made = requestOf(fixture);
  if ("why" in made) throw new Error(`${fixture.name}: ${made.why}`);
  const leavesNothing = targetOf(made.request).length === 0 && fixture.expect.verdict !== "Allow";
  const request = apart(made.request, index, leavesNothing ? "shared" : `c-${index}`);
  const given = [...givenFor(request, fixture.around.target), ...scaledFor(fixture, request)];
  return { fixture, request, command: commandFor(fixture, request, index), given };
}

function apart(request: AdmissionRequest, index: number, own: string): AdmissionRequest {
  const { resource, namespace, name } = request;
  const isOwn = resource.group === "" && resource.resource === "namespaces";
  const isShared = namespace === "" || isOwn;
  const renames = isShared && !SPEAKING.has(resource.resource) && name !== "" && !/^hoop(-|$)/.test(name);
  const place = {
    name: renames ? `${name}-${index}` : name,
    // An Event about something cluster-scoped is in `default`.
    namespace: namespace === "" || NAMED.has(namespace) || resource.resource === "events" ? namespace : own,
  };
  const moved = (object: JsonObject | null): JsonObject | null => {
    if (object === null) return null;
    const metadata = member(object, "metadata");
    const there = {
      ...(renames ? { name: place.name } : {}),
      ...(isShared ? {} : { namespace: place.namespace }),
    };
    return { ...object, metadata: { ...metadata, ...there } };
  };
  const at = isOwn ? { name: place.name, namespace: place.name } : place;
  if (request.operation === "CONNECT") return { ...request, ...at, oldObject: moved(request.oldObject) };
  return { ...request, ...at, object: moved(request.object), oldObject: moved(request.oldObject) };
}

/** What the agent's request is about, and what its pods need. */
function givenFor(request: AdmissionRequest, scales: JsonObject | undefined): Manifest[] {
  const { resource, namespace, object } = request;
  const target = targetOf(request, scales);
  const isNamespace = resource.group === "" && resource.resource === "namespaces";
  if (namespace === "" || isNamespace) return target;
  if (namespace === "hoop-system") return [];
  const isPod = [object as Manifest | null, ...target].some((one) => one?.kind === "Pod");
  const accounts = isPod ? ["default", "robot"] : [];
  return [
    clusterScoped("v1", "Namespace", namespace),
    ...accounts.map((account) => placed("v1", "ServiceAccount", account, namespace)),
    ...target,
  ];
}

/** What an autoscaler scales, where the example says how that is. */
function scaledFor(
  { around: { target } }: Fixture,
  { namespace, subresource }: AdmissionRequest,
): Manifest[] {
  if (target === undefined || subresource !== "") return [];
  const metadata = { ...member(target, "metadata"), namespace };
  return [{ ...target, metadata, spec: scaled(null, POD) } as unknown as Manifest];
}

const POD = { automountServiceAccountToken: false, containers: [{ name: "main", image: "app:1" }] };

function targetOf(
  { resource, subresource, name, namespace, oldObject }: AdmissionRequest,
  scales: JsonObject = { kind: "Deployment" },
): Manifest[] {
  if (subresource === "scale") {
    const spec = { ...member(scales, "spec"), ...scaled(oldObject, POD) };
    return [placed("apps/v1", text(scales, "kind"), name, namespace, { spec })];
  }
  // Hoop's own are there.
  if (/^(hoop|hoop-.*|.*\.hoop\.dev)$/.test(text(member(oldObject, "metadata"), "name"))) return [];
  if (oldObject !== null) return [oldObject as Manifest];
  if (subresource === "") return [];
  if (resource.resource === "pods") return [placed("v1", "Pod", name, namespace, { spec: POD })];
  if (resource.resource === "services")
    return [placed("v1", "Service", name, namespace, { spec: { ports: [{ port: 80 }] } })];
  return [];
}

function placed(apiVersion: string, kind: string, name: string, namespace: string, rest = {}): Manifest {
  return { ...namespaced(apiVersion, kind, name, rest), metadata: { name, namespace } };
}

function scaled(scale: JsonObject | null, spec: JsonObject): JsonObject {
  const labels = { app: "web" };
  return {
    replicas: member(scale, "spec")["replicas"] ?? 1,
    selector: { matchLabels: labels },
    template: { metadata: { labels }, spec },
  };
}

/** The path that raw commands go to. */
function pathOf({ resource, subresource, name, namespace }: AdmissionRequest): string {
  const { group, version } = resource;
  const isNamespace = group === "" && resource.resource === "namespaces";
  return [
    group === "" ? `/api/${version}` : `/apis/${group}/${version}`,
    ...(namespace === "" || isNamespace ? [] : ["namespaces", namespace]),
    resource.resource,
    ...(name === "" ? [] : [name]),
    ...(subresource === "" ? [] : [subresource]),
  ].join("/");
}

/** A PUT of these needs all that the server has filled in. */
const ONLY_PATCHED = new Set(["jobs", "persistentvolumeclaims", "persistentvolumes", "pods"]);
/** The others are applied as well; of a Secret that is a read. */
const ONLY_CREATED = new Set(["bindings", "events", "secrets", "selfsubjectaccessreviews"]);

function commandFor(fixture: Fixture, request: AdmissionRequest, index: number): Command {
  const patch = fixture.request.patch as JsonObject | undefined;
  if (request.through === "secure-secrets") return securely(request, patch);
  switch (request.operation) {
    case "CREATE":
      return creating(request, index);
    case "DELETE":
      return deleting(request, text(fixture.request.options as JsonObject, "propagationPolicy"));
    case "UPDATE":
      return updating(request, patch, index);
    case "CONNECT":
      return connecting(request);
  }
}

/** `TYPE NAME -n NAMESPACE`. */
function named({ resource: { group, resource }, name, namespace }: AdmissionRequest): string[] {
  const type = group === "" ? resource : `${resource}.${group}`;
  return [type, name, ...(namespace === "" || type === "namespaces" ? [] : ["-n", namespace])];
}

function creating(request: AdmissionRequest, index: number): Command {
  const { resource, subresource, object } = request;
  const input = object ?? {};
  if (subresource !== "") return { args: ["create", "--raw", pathOf(request), "-f", "-"], input };
  return index % 2 === 0 || ONLY_CREATED.has(resource.resource)
    ? { args: ["create", "-f", "-"], input }
    : { args: ["apply", "--server-side", "-f", "-"], input };
}

function deleting(request: AdmissionRequest, policy: string): Command {
  if (request.name === "") return { args: ["delete", "--raw", pathOf(request)] };
  const how = policy === "" ? [] : [`--cascade=${policy.toLowerCase()}`];
  return { args: ["delete", ...named(request), "--wait=false", ...how] };
}

function updating(request: AdmissionRequest, patch: JsonObject | undefined, index: number): Command {
  const { resource, subresource, object } = request;
  const input = object ?? {};
  if (subresource === "scale")
    return { args: ["scale", ...named(request), `--replicas=${member(object, "spec")["replicas"] ?? 0}`] };
  if (subresource !== "" && subresource !== "status")
    return {
      args: ["replace", "--raw", pathOf(request), "-f", "-"],
      input: patch ?? input,
      isPatch: patch !== undefined,
    };
  const replaces = subresource === "" && index % 2 === 0 && !ONLY_PATCHED.has(resource.resource);
  if (patch === undefined || replaces) return { args: ["replace", "-f", "-"], input };
  const sub = subresource === "" ? [] : [`--subresource=${subresource}`];
  return { args: ["patch", ...named(request), ...sub, "--type=merge", "-p", JSON.stringify(patch)] };
}

function connecting(request: AdmissionRequest): Command {
  const { object, name, namespace, subresource } = request;
  if (subresource !== "exec")
    return { args: ["get", "--raw", `${pathOf(request)}${subresource === "proxy" ? "/" : ""}`] };
  const words = list(object, "command").map(String);
  const input = object?.["stdin"] === true ? ["-i"] : [];
  return { args: ["exec", ...input, name, "-n", namespace, "--", ...words] };
}

/** By the API whose answers tell no values. */
function securely(
  { operation, name, namespace, object }: AdmissionRequest,
  patch: JsonObject | undefined,
): Command {
  if (operation === "UPDATE")
    return {
      args: ["patch", "secure-secrets", name, "-n", namespace, "--type=merge", "-p", JSON.stringify(patch)],
    };
  return {
    args: [
      "create",
      "--raw",
      `/apis/hoop.dev/v1alpha1/namespaces/${namespace}/secure-secrets/${name}/reveal`,
      "-f",
      "-",
    ],
    input: { ...object, apiVersion: "hoop.dev/v1alpha1", kind: "SecretReveal" },
  };
}

/** The definitions of the kinds among these that no API server has by itself. */
export function definitions(examples: readonly Example[]): Manifest[] {
  const found = new Map<string, Manifest>();
  for (const { request } of examples) {
    const { kind, resource, namespace } = request;
    const isOurs = resource.group.endsWith("hoop.dev");
    const version = resource.group === "" ? kind.version : `${resource.group}/${resource.version}`;
    if (isOurs || !resource.group.includes(".") || resourceOfKind(version, kind.kind) !== undefined) continue;
    if (BUILT_IN.test(resource.group)) continue;
    const name = `${resource.resource}.${resource.group}`;
    const hasStatus = examples.some(
      ({ request: other }) => other.resource.resource === resource.resource && other.subresource === "status",
    );
    found.set(name, definition(name, request, namespace === "" ? "Cluster" : "Namespaced", hasStatus));
  }
  return [...found.values()];
}

const BUILT_IN =
  /^(admissionregistration|apiextensions|apiregistration|authorization|certificates|coordination|discovery|flowcontrol\.apiserver|networking|node|rbac\.authorization|scheduling|storage)\.k8s\.io$/;

function definition(
  name: string,
  { resource, kind }: AdmissionRequest,
  scope: string,
  hasStatus: boolean,
): Manifest {
  const schema = { type: "object", "x-kubernetes-preserve-unknown-fields": true };
  const made = clusterScoped("apiextensions.k8s.io/v1", "CustomResourceDefinition", name, {
    spec: {
      group: resource.group,
      scope,
      names: {
        plural: resource.resource,
        singular: kind.kind.toLowerCase(),
        kind: kind.kind,
        listKind: `${kind.kind}List`,
      },
      versions: [
        {
          ...{ name: resource.version, served: true, storage: true, schema: { openAPIV3Schema: schema } },
          ...(hasStatus ? { subresources: { status: {} } } : {}),
        },
      ],
    },
  });
  // Groups of Kubernetes' own community ask for it.
  const annotations = { "api-approved.kubernetes.io": "unapproved, for tests" };
  return { ...made, metadata: { ...made.metadata, ...{ annotations } } };
}

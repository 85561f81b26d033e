/** The values of an expression's variables for one request, made when they are first asked for. */
import { type AdmissionRequest, type JsonObject, member } from "../admission.ts";
import { Fields, type Json, viewed } from "../cel/input.ts";
import type { AccessCheck } from "../cel/library/authorizer.ts";
import { Inputs } from "../cel/scope.ts";
import type { Value } from "../cel/values/value.ts";
import { stampsFor } from "../stamp.ts";
import { type Dependent, dependentFacts } from "./dependents.ts";
import { changedOwners, gainedSecrets, gainedServiceAccount } from "./facts/gains.ts";
import { writtenAnnotations } from "./facts/own-annotations.ts";
import { gainedRights, gainedRules, gainedSubjects } from "./facts/rights.ts";
import {
  containersOf,
  KNOWN_POD_SPEC_PATHS,
  type PodSpecPaths,
  type Workload,
  workloadOf,
} from "./facts/workload.ts";
import type { Known, PolicyPorts } from "./ports.ts";

export interface Surroundings {
  /** The target's, null for cluster-scoped targets. */
  namespace: JsonObject | null;
  installationNamespace: string;
  /** Where pod specs lie; left out, in the kinds that are known without settings. */
  workloads?: PodSpecPaths;
  /** Left out: none. */
  policies?: Pick<PolicyPorts, "current">;
  /** What goes with what the request deletes; that it is not known, whoever judges says. Left out: nothing. */
  dependents?: Known<readonly Dependent[]>;
}

/** All but `params`, `variables` and `authorizer`; shared by everything that judges the request. */
export function factsOf(request: AdmissionRequest, around: Surroundings): Inputs {
  const workload = once(() => workloadOf(request, around.workloads ?? KNOWN_POD_SPEC_PATHS));
  return new Inputs(
    new Map<string, () => Value>([
      ["object", () => viewed(request.object)],
      ["oldObject", () => viewed(request.oldObject)],
      ["request", () => viewed(requestOf(request))],
      ["namespaceObject", () => viewed(around.namespace === null ? null : namespaceOf(around.namespace))],
      ["agent", () => viewed(agentOf(request))],
      ["workload", () => workloadFields(workload)],
      ["gains", () => gainsFields(request, workload, around)],
      [
        "hoop",
        () => viewed({ namespace: around.installationNamespace, through: request.through ?? "admission" }),
      ],
    ]),
  );
}

/** What `authorizer.requestResource` asks about. */
export function requestedOf({
  resource,
  subresource,
  namespace,
  name,
}: AdmissionRequest): Omit<AccessCheck, "verb"> {
  return {
    group: resource.group,
    resource: resource.resource,
    ...(subresource === "" ? {} : { subresource }),
    ...(namespace === "" ? {} : { namespace }),
    ...(name === "" ? {} : { name }),
  };
}

function once<T>(make: () => T): () => T {
  let made: { value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}

/** As Kubernetes has it: what is empty is not there. */
function requestOf(request: AdmissionRequest): Json {
  const { kind, resource, subresource, name, namespace, operation, userInfo, dryRun, options } = request;
  const { username, uid, groups, extra } = userInfo;
  return {
    kind: { ...kind },
    resource: { ...resource },
    requestKind: { ...kind },
    requestResource: { ...resource },
    ...filled({ subResource: subresource, requestSubResource: subresource, name, namespace }),
    operation,
    userInfo: {
      ...filled({ username, uid }),
      ...(groups.length === 0 ? {} : { groups }),
      ...(extra.size === 0 ? {} : { extra: Object.fromEntries(extra) }),
    },
    dryRun,
    ...(options === null ? {} : { options }),
  };
}

function filled(texts: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(texts).filter(([, value]) => value !== ""));
}

/** Without managedFields, as in Kubernetes. */
function namespaceOf(namespace: JsonObject): Json {
  const { managedFields: _, ownerReferences: __, ...metadata } = member(namespace, "metadata");
  return { metadata, spec: member(namespace, "spec"), status: member(namespace, "status") };
}

/** In a session its agent; `request.userInfo` is who it acts as. */
function agentOf({ userInfo: { username, uid, groups, extra }, session }: AdmissionRequest): Json {
  if (session === undefined)
    return { username, uid, groups, extra: Object.fromEntries(extra), session: "", profile: "" };
  return {
    ...{ username: session.agent.username, uid: "", groups: [...session.agent.groups], extra: {} },
    ...{ session: `${session.namespace}/${session.name}`, profile: session.profile },
  };
}

function workloadFields(workload: () => Workload | undefined): Value {
  return new Fields({
    changed: () => workload() !== undefined,
    spec: () => workload()?.now ?? null,
    oldSpec: () => workload()?.before ?? null,
    metadata: () => workload()?.metadata ?? null,
    containers: () => containersOf(workload()?.now ?? {}),
  });
}

function gainsFields(
  request: AdmissionRequest,
  workload: () => Workload | undefined,
  { policies, dependents }: Surroundings,
): Value {
  return new Fields({
    serviceAccount: () => gainedServiceAccount(workload()),
    secrets: () => gainedSecrets(request, workload()),
    annotations: () => writtenAnnotations(request, stampsFor(request.userInfo)),
    owners: () => changedOwners(request),
    rights: () => gainedRights(request),
    rules: () => gainedRules(request),
    subjects: () => gainedSubjects(request),
    policies: () => policies?.current().loosened(request) ?? [],
    deletes: () => (dependents?.known === true ? dependents.object.map(dependentFacts) : []),
  });
}

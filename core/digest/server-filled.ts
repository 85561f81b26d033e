/**
 * What kube-apiserver puts into an object before validating admission sees it, differently at every attempt of
 * the same request. One table; each row says where Kubernetes does it. What it fills in the same way each time
 * (defaults, status.phase, qosClass, priority) stays: dropping `status` as a whole would drop what a client
 * may itself set in custom resources without a status subresource.
 */
import { type AdmissionRequest, isObject, type JsonObject, list, member, text } from "../admission.ts";
import { at, podTemplatePath } from "../policy/facts/workload.ts";
import { AGENT } from "../stamp.ts";
import { isOwned, tracksOwners } from "./owned.ts";
import { parsePattern, replaced, without } from "./paths.ts";
import { withPlainTokenVolume } from "./token-volume.ts";

type Removal = (object: JsonObject, request: AdmissionRequest) => JsonObject;
/** `GROUP/RESOURCE` or `*`, `CREATE` or `UPDATE` or `*`, what to do. */
type Row = readonly [of: string, on: "CREATE" | "UPDATE" | "*", remove: Removal];

/** In this order: the rows above the last ones read the metadata that those remove. */
const ROWS: readonly Row[] = [
  // plugin/pkg/admission/serviceaccount
  ["/pods", "CREATE", withPlainTokenVolume],
  // registry/core/pod/strategy.go applySchedulingGatedCondition
  ["/pods", "CREATE", drop("status.conditions.*.lastTransitionTime")],
  // registry/batch/job/strategy.go generateSelector
  ["batch/jobs", "CREATE", withoutJobSelector],
  // registry/core/service/storage/alloc.go
  ["/services", "*", withoutAllocated],
  // registry/core/namespace/strategy.go Canonicalize
  ["/namespaces", "CREATE", dropCopies("name", "metadata.labels.kubernetes\\.io/metadata\\.name")],
  // registry/certificates/certificates/strategy.go: the caller, credential-id included
  [
    "certificates.k8s.io/certificatesigningrequests",
    "CREATE",
    drop("spec.username", "spec.uid", "spec.groups", "spec.extra"),
  ],
  // registry/core/persistentvolume/strategy.go
  ["/persistentvolumes", "CREATE", drop("status.lastPhaseTransitionTime")],
  // kube-aggregator apiservice/strategy.go, for API services without a Service
  ["apiregistration.k8s.io/apiservices", "CREATE", drop("status.conditions.*.lastTransitionTime")],
  // apis/resource/*/defaults.go SetDefaults_DeviceTaint
  ["resource.k8s.io/devicetaintrules", "CREATE", dropTimeOfCreation("spec.taint.timeAdded")],
  ["resource.k8s.io/resourceslices", "CREATE", dropTimeOfCreation("spec.devices.*.taints.*.timeAdded")],
  // apis/apps/v1/conversion.go: spec.templateGeneration, which the server alone counts up
  ["apps/daemonsets", "UPDATE", drop("metadata.annotations.deprecated\\.daemonset\\.template\\.generation")],
  // registry/generic/registry/store.go, limitrange/strategy.go
  [
    "*",
    "CREATE",
    (object, request) => (isNameGenerated(request) ? without(object, ["metadata", "name"]) : object),
  ],
  // Our own: whose request it is stands in the digest anyway, and a policy that stamps takes effect at its own time.
  ["*", "*", withoutStamps],
  // rest.FillObjectMetaSystemFields, BeforeUpdate, the strategies' Generation, the field manager
  [
    "*",
    "*",
    drop(
      "metadata.uid",
      "metadata.resourceVersion",
      "metadata.generation",
      "metadata.creationTimestamp",
      "metadata.selfLink",
      "metadata.managedFields",
    ),
  ],
];

/** The object (new or old) of the request as the client would say it. The object itself is left as it is. */
export function withoutServerFilled(object: JsonObject, request: AdmissionRequest): JsonObject {
  const target = request.subresource === "" ? `${request.resource.group}/${request.resource.resource}` : "";
  return ROWS.filter(
    ([of, on]) => (of === "*" || of === target) && (on === "*" || on === request.operation),
  ).reduce((rest, [, , remove]) => remove(rest, request), object);
}

/** `names.SimpleNameGenerator`: five of these characters behind at most 58 of generateName. */
const GENERATED = /^[bcdfghjklmnpqrstvwxz2456789]{5}$/;
const LONGEST_BASE = 58;
const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/**
 * Did the server choose the name? The review does not say: kube-apiserver puts a generated name into
 * request.name, too (rest.AdmissionToValidateObjectFunc). A client that sets both generateName and a name that
 * could have come from it gets the same answer, so its approval holds for any such name.
 */
export function isNameGenerated(request: AdmissionRequest): boolean {
  if (request.operation !== "CREATE") return false;
  const metadata = member(request.object ?? {}, "metadata");
  const [name, generateName] = [text(metadata, "name"), text(metadata, "generateName")];
  if (name === "") return generateName !== "";
  if (generateName === "") return request.resource.resource === "limitranges" && UUID.test(name);
  const base = generateName.slice(0, LONGEST_BASE);
  return name.startsWith(base) && GENERATED.test(name.slice(base.length));
}

function withoutStamps(object: JsonObject, { resource }: AdmissionRequest): JsonObject {
  const template = podTemplatePath(resource.group, resource.resource);
  return [[], ...(template === undefined ? [] : [template])].reduce<JsonObject>((rest, path) => {
    const annotations = [...path, "metadata", "annotations"];
    if (!Object.hasOwn(at(rest, annotations), AGENT)) return rest;
    const bare = without(rest, [...annotations, AGENT]);
    return Object.keys(at(bare, annotations)).length === 0 ? without(bare, annotations) : bare;
  }, object);
}

function drop(...dotted: string[]): Removal {
  const paths = dotted.map(parsePattern);
  return (object) => paths.reduce(without, object);
}

/** Removes what is a copy of the object's own name or uid. */
function dropCopies(of: "name" | "uid", ...dotted: string[]): Removal {
  const paths = dotted.map(parsePattern);
  return (object) => {
    const own = text(member(object, "metadata"), of);
    return paths.reduce(
      (rest, path) => replaced(rest, path, (value) => (value === own ? undefined : value)),
      object,
    );
  };
}

/** The default is the time of the request; a time that a client set itself is any other. */
function dropTimeOfCreation(dotted: string): Removal {
  const path = parsePattern(dotted);
  const soon = 60_000;
  return (object) => {
    const created = Date.parse(text(member(object, "metadata"), "creationTimestamp"));
    return replaced(object, path, (value) =>
      typeof value === "string" && Math.abs(Date.parse(value) - created) < soon ? undefined : value,
    );
  };
}

function withoutJobSelector(object: JsonObject, request: AdmissionRequest): JsonObject {
  if (member(object, "spec")["manualSelector"] === true) return object;
  const labels = "spec.template.metadata.labels";
  const unnamed = dropCopies("name", `${labels}.job-name`, `${labels}.batch\\.kubernetes\\.io/job-name`);
  const unmarked = dropCopies(
    "uid",
    `${labels}.controller-uid`,
    `${labels}.batch\\.kubernetes\\.io/controller-uid`,
    "spec.selector.matchLabels.controller-uid",
    "spec.selector.matchLabels.batch\\.kubernetes\\.io/controller-uid",
  );
  return unmarked(unnamed(object, request), request);
}

/** Addresses and ports that nobody asked for by number. Where owners are not tracked, all of them stay. */
function withoutAllocated(object: JsonObject): JsonObject {
  if (!tracksOwners(object)) return object;
  const allocated = ["clusterIP", "clusterIPs", "healthCheckNodePort"]
    .map((field) => ["spec", field])
    .filter((path) => !isOwned(object, path));
  const ports = list(member(object, "spec"), "ports").flatMap((port, index) =>
    isObject(port) && !isOwned(object, ["spec", "ports", port, "nodePort"])
      ? [["spec", "ports", String(index), "nodePort"]]
      : [],
  );
  return [...allocated, ...ports].reduce(without, object);
}

/** The paths of the OpenAPI documents: one operation for each verb that a resource offers. */
import type { Body, Dialect, Json, Parameter } from "./openapi-dialect.ts";
import { patchTypes } from "./patch.ts";
import { type AnyResource, applierOf, type Verb } from "./resource.ts";
import type { ServedResource, ServedSubresource } from "./served.ts";

/** `dev.hoop.v1alpha1.Approval` for the kind Approval of hoop.dev/v1alpha1. */
export function definitionName({ group, version }: AnyResource, kind: string): string {
  return [...group.split(".").toReversed(), version, kind].join(".");
}

export function groupVersionKind({ group, version }: AnyResource, kind: string): Json {
  return { group, kind, version };
}

type Parameters = Readonly<Record<string, readonly [type: Parameter["type"], description: string]>>;

const PRETTY: Parameters = { pretty: ["string", "Whether the answer is indented."] };
const GET: Parameters = {
  resourceVersion: ["string", "The version that the answer must not be older than."],
};
const LIST: Parameters = {
  continue: ["string", "The token of the page before."],
  fieldSelector: ["string", "Selects objects by their fields."],
  labelSelector: ["string", "Selects objects by their labels."],
  limit: ["integer", "How many objects a page holds at most."],
  resourceVersion: [
    "string",
    "The version that the answer must not be older than, or that a watch goes on from.",
  ],
  resourceVersionMatch: ["string", "How resourceVersion is applied to a list."],
  timeoutSeconds: ["integer", "How long a watch lasts."],
};
const WATCH: Parameters = {
  allowWatchBookmarks: ["boolean", "Whether a watch has BOOKMARK events."],
  sendInitialEvents: ["boolean", "Whether a watch begins with the present state."],
  watch: ["boolean", "Watch for changes instead of listing."],
};
/** kubectl looks for dryRun and fieldValidation before it relies on them. */
const WRITE: Parameters = {
  dryRun: ["string", "All: nothing is persisted."],
  fieldManager: ["string", "Who makes the change."],
  fieldValidation: ["string", "What unknown fields lead to: Ignore, Warn or Strict."],
};
const DELETE: Parameters = {
  dryRun: ["string", "All: nothing is persisted."],
  gracePeriodSeconds: ["integer", "How long the object may take to end."],
  orphanDependents: ["boolean", "Older form of propagationPolicy."],
  propagationPolicy: ["string", "What happens to dependents: Orphan, Background or Foreground."],
};

const BODY_TYPES = ["application/json", "application/yaml"];

interface Shape {
  method: "get" | "post" | "put" | "patch" | "delete";
  /** `x-kubernetes-action`. */
  action: string;
  /** Begins the operation's id. */
  word: string;
  parameters: Parameters;
  codes: readonly number[];
  /** What goes in and comes out; "object" is the kind itself. */
  accepts?: { schema: "object" | "Patch" | "DeleteOptions"; types: readonly string[]; required: boolean };
  response: "object" | "list" | "Status";
  on: "collection" | "object";
}

const WHOLE = { schema: "object", types: BODY_TYPES, required: true } as const;
const OPTIONS = { schema: "DeleteOptions", types: BODY_TYPES, required: false } as const;

const ON_OBJECT = { response: "object", on: "object" } as const;

/** A watch is a list with a parameter, and so no operation of its own. */
const SHAPES: Readonly<Record<Exclude<Verb, "watch">, Shape>> = {
  get: { method: "get", action: "get", word: "read", parameters: GET, codes: [200], ...ON_OBJECT },
  list: {
    ...{ method: "get", action: "list", word: "list", parameters: LIST, codes: [200] },
    ...{ response: "list", on: "collection" },
  },
  create: {
    ...{ method: "post", action: "post", word: "create", parameters: WRITE, codes: [200, 201] },
    ...{ accepts: WHOLE, response: "object", on: "collection" },
  },
  update: {
    ...{ method: "put", action: "put", word: "replace", parameters: WRITE, codes: [200] },
    ...{ accepts: WHOLE, ...ON_OBJECT },
  },
  patch: {
    ...{ method: "patch", action: "patch", word: "patch", parameters: WRITE, codes: [200] },
    ...{ accepts: { schema: "Patch", types: patchTypes(false), required: true }, ...ON_OBJECT },
  },
  delete: {
    ...{ method: "delete", action: "delete", word: "delete", parameters: DELETE, codes: [200] },
    ...{ accepts: OPTIONS, response: "Status", on: "object" },
  },
  deletecollection: {
    ...{ method: "delete", action: "deletecollection", word: "delete", codes: [200] },
    ...{ parameters: { ...LIST, ...DELETE }, accepts: OPTIONS, response: "Status", on: "collection" },
  },
};

/** A patch where server-side apply is taken as well: it can make a new object. */
const APPLICABLE: Shape = {
  ...SHAPES.patch,
  parameters: { ...WRITE, force: ["boolean", "Of an apply: takes fields from their managers."] },
  codes: [200, 201],
  accepts: { schema: "Patch", types: patchTypes(true), required: true },
};

export function pathsOf(dialect: Dialect, served: ServedResource): Json {
  const { definition, verbs, subresources } = served;
  const { group, version, plural, kind, scope } = definition;
  const root = `/apis/${group}/${version}`;
  const namespaced = scope === "Namespaced";
  const base = namespaced ? `${root}/namespaces/{namespace}/${plural}` : `${root}/${plural}`;
  const inside = namespaced
    ? [path("namespace", "object name and auth scope, such as for teams and projects")]
    : [];
  const named = [path("name", `name of the ${kind}`), ...inside];
  const shapes = [...verbs].flatMap((verb) => (verb === "watch" ? [] : [shapeOf(verb, served)]));
  const at = (on: Shape["on"], suffix = "") =>
    Object.fromEntries(
      shapes
        .filter((shape) => shape.on === on)
        .map((shape) => [shape.method, operation(dialect, definition, { shape, kind, suffix })]),
    );
  const { get: list } = at("collection", "ForAllNamespaces");
  const paths: Json = {
    ...(namespaced && list ? { [`${root}/${plural}`]: { get: list } } : {}),
    [base]: withParameters(dialect, at("collection"), inside),
    [`${base}/{name}`]: withParameters(dialect, at("object"), named),
  };
  for (const [name, subresource] of subresources) {
    const operations = subresourceOperations(dialect, definition, name, subresource);
    paths[`${base}/{name}/${name}`] = withParameters(dialect, operations, named);
    if (subresource.type !== "connect") continue;
    const below = subresourceOperations(dialect, definition, name, subresource, "WithPath");
    const parameters = [...named, path("path", "path to the resource")];
    paths[`${base}/{name}/${name}/{path}`] = withParameters(dialect, below, parameters);
  }
  return paths;
}

function shapeOf(verb: Exclude<Verb, "watch">, { verbs, definition }: ServedResource): Shape {
  const shape = SHAPES[verb];
  if (verb === "patch" && applierOf(definition)) return APPLICABLE;
  if (verb !== "list" || !verbs.has("watch")) return shape;
  return { ...shape, parameters: { ...shape.parameters, ...WATCH } };
}

function path(name: string, description: string): Parameter {
  return { name, in: "path", description, type: "string" };
}

function withParameters(dialect: Dialect, operations: Json, parameters: readonly Parameter[]): Json {
  return parameters.length === 0
    ? operations
    : { ...operations, parameters: parameters.map(dialect.parameter) };
}

interface Described {
  shape: Shape;
  kind: string;
  /** Of a subresource, as it stands in the operation's id. */
  subresource?: string;
  suffix?: string;
}

function operation(dialect: Dialect, definition: AnyResource, described: Described): Json {
  const { shape, kind } = described;
  const name = (what: string) => definitionName(definition, what);
  const named = { object: kind, list: `${kind}List`, Status: "Status" };
  const { accepts } = shape;
  const body: Body = {
    response: name(named[shape.response]),
    codes: shape.codes,
    accepts: accepts && { ...accepts, schema: name(accepts.schema === "object" ? kind : accepts.schema) },
  };
  return {
    ...labels(definition, shape.action, kind, operationId(definition, shape.word, described)),
    ...dialect.operation(parametersOf({ ...PRETTY, ...shape.parameters }), body),
  };
}

function parametersOf(parameters: Parameters): Parameter[] {
  return Object.entries(parameters).map(([name, [type, description]]) => ({
    name,
    in: "query",
    description,
    type,
  }));
}

function subresourceOperations(
  dialect: Dialect,
  definition: AnyResource,
  name: string,
  served: ServedSubresource,
  suffix = "",
): Json {
  const { kind } = served;
  const described = { kind, subresource: name, suffix };
  if (served.type === "connect") {
    const body: Body = { response: undefined, codes: [200] };
    return Object.fromEntries(
      served.subresource.methods.map((method) => {
        const id = operationId(definition, `connect${capitalized(method.toLowerCase())}`, described);
        const labelled = labels(definition, "connect", kind, id);
        return [method.toLowerCase(), { ...labelled, ...dialect.operation([], body) }];
      }),
    );
  }
  const shapes = [...served.verbs].map((verb) => SHAPES[verb as "get" | "create" | "update" | "patch"]);
  return Object.fromEntries(
    shapes.map((shape) => [shape.method, operation(dialect, definition, { ...described, shape })]),
  );
}

function labels(definition: AnyResource, action: string, kind: string, operationId: string): Json {
  return {
    tags: [`${definition.group}_${definition.version}`],
    operationId,
    "x-kubernetes-action": action,
    "x-kubernetes-group-version-kind": groupVersionKind(definition, kind),
  };
}

/** Unique in a document, and named as Kubernetes does: client generators make method names of it. */
function operationId(
  { group, version, kind, scope }: AnyResource,
  word: string,
  { shape, subresource = "", suffix = "" }: Partial<Described>,
): string {
  const collection = shape?.action === "deletecollection" ? "collection" : "";
  const everywhere = suffix === "ForAllNamespaces" || scope === "Cluster";
  const words = [
    ...group.split("."),
    version,
    collection,
    everywhere ? "" : "namespaced",
    kind,
    ...subresource.split("-"),
  ];
  return word + words.map(capitalized).join("") + suffix;
}

function capitalized(word: string): string {
  return word.charAt(0).toUpperCase() + word.slice(1);
}

/**
 * OpenAPI documents of the declared resources. The API server merges the second version of them into its own
 * `/openapi/v2`, where one clash of definitions breaks the document of the whole cluster: so every definition,
 * metadata too, is named under the group's own prefix.
 */
import { API_VERSION, KIND, ListMeta, ObjectMeta } from "./meta.ts";
import { PATCH_TYPES } from "./patch.ts";
import type { AnyResource } from "./resource.ts";
import { openApiSchema, schemaNode } from "./schema.ts";
import type { ServedResource } from "./served.ts";

type Json = Record<string, unknown>;

/** What differs between the two versions. */
interface Dialect {
  ref(name: string, description?: string): Json;
  parameter(name: string, place: "path" | "query", description: string): Json;
  /** The parts of an operation that tell what goes in and out. */
  body(response: string, code: number, accepts?: { schema: string; types: readonly string[] }): Json;
}

interface Info {
  title: string;
  version: string;
}

/** Schemas and paths of these resources. */
interface Contents {
  schemas: Json;
  paths: Json;
}

export function openApiV3(info: Info, resources: readonly ServedResource[]): Json {
  const { schemas, paths } = contents(V3, resources);
  return { openapi: "3.0.0", info, paths, components: { schemas } };
}

export function openApiV2(info: Info, resources: readonly ServedResource[]): Json {
  const { schemas, paths } = contents(V2, resources);
  return { swagger: "2.0", info, paths, definitions: schemas };
}

const V3: Dialect = {
  ref(name, description) {
    const ref = { $ref: `#/components/schemas/${name}` };
    return description === undefined ? ref : { allOf: [ref], description };
  },
  parameter: (name, place, description) => ({
    name,
    in: place,
    description,
    ...(place === "path" ? { required: true } : {}),
    schema: { type: "string", uniqueItems: true },
  }),
  body: (response, code, accepts) => ({
    ...(accepts
      ? { requestBody: { required: true, content: contentV3(accepts.types, V3.ref(accepts.schema)) } }
      : {}),
    responses: { [code]: { description: "OK", content: contentV3(["application/json"], V3.ref(response)) } },
  }),
};

function contentV3(types: readonly string[], schema: Json): Json {
  return Object.fromEntries(types.map((type) => [type, { schema }]));
}

const V2: Dialect = {
  ref: (name, description) => ({
    $ref: `#/definitions/${name}`,
    ...(description === undefined ? {} : { description }),
  }),
  parameter: (name, place, description) => ({
    name,
    in: place,
    description,
    ...(place === "path" ? { required: true } : {}),
    type: "string",
    uniqueItems: true,
  }),
  body: (response, code, accepts) => ({
    consumes: accepts?.types ?? ["*/*"],
    produces: ["application/json"],
    ...(accepts
      ? { parameters: [{ name: "body", in: "body", required: true, schema: V2.ref(accepts.schema) }] }
      : {}),
    responses: { [code]: { description: "OK", schema: V2.ref(response) } },
  }),
};

function contents(dialect: Dialect, resources: readonly ServedResource[]): Contents {
  const schemas = resources.map((resource) => schemasOf(dialect, resource));
  const paths = resources.map((resource) => pathsOf(dialect, resource));
  return { schemas: Object.assign({}, ...schemas), paths: Object.assign({}, ...paths) };
}

/** `dev.hoop.v1alpha1.Approval` for the kind Approval of hoop.dev/v1alpha1. */
function definitionName({ group, version }: AnyResource, kind: string): string {
  return [...group.split(".").toReversed(), version, kind].join(".");
}

function schemasOf(dialect: Dialect, { definition, subresources }: ServedResource): Json {
  const name = (kind: string) => definitionName(definition, kind);
  const kinds = new Map([
    ...[...subresources.values()].map(({ subresource }) => [subresource.kind, subresource.schema] as const),
    [definition.kind, definition.schema] as const,
  ]);
  const objects = [...kinds].map(([kind, schema]) => {
    const shown = openApiSchema(schemaNode(schema));
    const description = kind === definition.kind ? definition.description : shown["description"];
    const metadata = dialect.ref(name("ObjectMeta"), "Standard object's metadata.");
    return [
      name(kind),
      {
        ...shown,
        ...(description === undefined ? {} : { description }),
        type: "object",
        properties: { ...typeMeta(), metadata, ...(shown["properties"] as Json | undefined) },
        "x-kubernetes-group-version-kind": [groupVersionKind(definition, kind)],
      },
    ];
  });
  const list = `${definition.kind}List`;
  return {
    ...Object.fromEntries(objects),
    [name(list)]: {
      description: `${list} is a list of ${definition.kind}.`,
      type: "object",
      required: ["items"],
      properties: {
        ...typeMeta(),
        metadata: dialect.ref(name("ListMeta"), "Standard list metadata."),
        items: { type: "array", description: "The objects.", items: dialect.ref(name(definition.kind)) },
      },
      "x-kubernetes-group-version-kind": [groupVersionKind(definition, list)],
    },
    [name("ObjectMeta")]: openApiSchema(schemaNode(ObjectMeta)),
    [name("ListMeta")]: openApiSchema(schemaNode(ListMeta)),
    [name("Patch")]: { description: "A patch of the object.", type: "object" },
  };
}

function typeMeta(): Json {
  return { apiVersion: openApiSchema(schemaNode(API_VERSION)), kind: openApiSchema(schemaNode(KIND)) };
}

function groupVersionKind({ group, version }: AnyResource, kind: string): Json {
  return { group, kind, version };
}

const BODY_TYPES = ["application/json", "application/yaml"];

const METHODS = {
  get: { method: "get", action: "get", code: 200, operation: "read" },
  create: { method: "post", action: "post", code: 201, operation: "create" },
  update: { method: "put", action: "put", code: 200, operation: "replace" },
  patch: { method: "patch", action: "patch", code: 200, operation: "patch" },
} as const;

const LIST_PARAMETERS = {
  allowWatchBookmarks: "Whether a watch has BOOKMARK events.",
  fieldSelector: "Selects objects by their fields.",
  labelSelector: "Selects objects by their labels.",
  limit: "Has no effect: lists are answered whole.",
  resourceVersion: "The version that the answer must not be older than, or that a watch goes on from.",
  resourceVersionMatch: "How resourceVersion is applied.",
  sendInitialEvents: "Whether a watch begins with the present state.",
  timeoutSeconds: "How long a watch lasts.",
  watch: "Watch for changes instead of listing.",
};
/** kubectl looks for the first two before it relies on them. */
const WRITE_PARAMETERS = {
  dryRun: "All: nothing is persisted.",
  fieldValidation: "What unknown fields lead to: Ignore, Warn or Strict.",
  fieldManager: "Who makes the change.",
};

function pathsOf(dialect: Dialect, { definition, subresources }: ServedResource): Json {
  const { group, version, plural, kind, scope } = definition;
  const root = `/apis/${group}/${version}`;
  const base = scope === "Namespaced" ? `${root}/namespaces/{namespace}/${plural}` : `${root}/${plural}`;
  const namespace = scope === "Namespaced" ? [dialect.parameter("namespace", "path", "The namespace.")] : [];
  const named = [dialect.parameter("name", "path", `The name of the ${kind}.`), ...namespace];
  const list = {
    get: {
      ...operation(definition, "list", "list", kind, plural),
      ...dialect.body(definitionName(definition, `${kind}List`), 200),
      parameters: query(dialect, LIST_PARAMETERS),
    },
  };
  const get = {
    ...operation(definition, "read", "get", kind, plural),
    ...dialect.body(definitionName(definition, kind), 200),
  };
  const all = scope === "Namespaced" ? { [`${root}/${plural}`]: withId(list, "ForAllNamespaces") } : {};
  return {
    ...all,
    [base]: { ...list, ...(namespace.length > 0 ? { parameters: namespace } : {}) },
    [`${base}/{name}`]: { get, parameters: named },
    ...Object.fromEntries(
      [...subresources].map(([name, { subresource }]) => [
        `${base}/{name}/${name}`,
        {
          ...Object.fromEntries(
            subresource.verbs.map((verb) => [
              METHODS[verb].method,
              subresourceOperation(dialect, definition, name, subresource.kind, verb),
            ]),
          ),
          parameters: named,
        },
      ]),
    ),
  };
}

function subresourceOperation(
  dialect: Dialect,
  definition: AnyResource,
  name: string,
  kind: string,
  verb: keyof typeof METHODS,
): Json {
  const { action, code, operation: word } = METHODS[verb];
  const schema = definitionName(definition, verb === "patch" ? "Patch" : kind);
  const types = verb === "patch" ? PATCH_TYPES : BODY_TYPES;
  const { parameters = [], ...body } = dialect.body(
    definitionName(definition, kind),
    code,
    verb === "get" ? undefined : { schema, types },
  );
  return {
    ...operation(definition, word, action, kind, `${definition.plural}/${name}`),
    ...body,
    parameters: [...(parameters as Json[]), ...(verb === "get" ? [] : query(dialect, WRITE_PARAMETERS))],
  };
}

function query(dialect: Dialect, parameters: Readonly<Record<string, string>>): Json[] {
  return Object.entries(parameters).map(([name, description]) =>
    dialect.parameter(name, "query", description),
  );
}

function operation(definition: AnyResource, word: string, action: string, kind: string, path: string): Json {
  const words = [...definition.group.split("."), definition.version, ...path.split(/[/-]/)];
  return {
    tags: [`${definition.group}_${definition.version}`],
    operationId: word + words.map((each) => each.charAt(0).toUpperCase() + each.slice(1)).join(""),
    "x-kubernetes-action": action,
    "x-kubernetes-group-version-kind": groupVersionKind(definition, kind),
  };
}

/** Ids of operations are unique in a document. */
function withId(path: { get: Json }, suffix: string): Json {
  return { get: { ...path.get, operationId: `${String(path.get["operationId"])}${suffix}` } };
}

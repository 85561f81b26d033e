/**
 * OpenAPI documents of the declared resources. The API server merges the second version of them into its own
 * `/openapi/v2`, where one clash of definitions breaks the document of the whole cluster: so every definition,
 * metadata too, is named under the group's own prefix.
 */
import { API_VERSION, KIND, ListMeta, ObjectMeta } from "./meta.ts";
import { type Dialect, type Json, V2, V3 } from "./openapi-dialect.ts";
import { definitionName, groupVersionKind, pathsOf } from "./openapi-paths.ts";
import { openApiSchema, schemaNode } from "./schema.ts";
import type { ServedResource } from "./served.ts";

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

function contents(dialect: Dialect, resources: readonly ServedResource[]): Contents {
  const schemas = resources.map((resource) => schemasOf(dialect, resource));
  const paths = resources.map((resource) => pathsOf(dialect, resource));
  return { schemas: Object.assign({}, ...schemas), paths: Object.assign({}, ...paths) };
}

function schemasOf(dialect: Dialect, { definition, subresources }: ServedResource): Json {
  const name = (kind: string) => definitionName(definition, kind);
  const customs = [...subresources.values()].flatMap((each) =>
    each.type === "custom" ? [[each.kind, each.subresource.schema] as const] : [],
  );
  const kinds = new Map([...customs, [definition.kind, definition.schema] as const]);
  const objects = [...kinds].map(([kind, schema]) => {
    const shown = openApiSchema(schemaNode(schema));
    const isItself = kind === definition.kind;
    const description = isItself ? definition.description : shown["description"];
    const metadata = dialect.ref(name("ObjectMeta"), "Standard object's metadata.");
    const selectable = isItself ? Object.keys(definition.fields).map((fieldPath) => ({ fieldPath })) : [];
    return [
      name(kind),
      {
        ...shown,
        ...(description === undefined ? {} : { description }),
        type: "object",
        properties: { ...typeMeta(), metadata, ...(shown["properties"] as Json | undefined) },
        "x-kubernetes-group-version-kind": [groupVersionKind(definition, kind)],
        ...(selectable.length === 0 ? {} : { "x-kubernetes-selectable-fields": selectable }),
      },
    ];
  });
  const list = `${definition.kind}List`;
  return {
    ...Object.fromEntries(objects),
    [name(list)]: {
      description: `${list} is a list of ${definition.kind}`,
      type: "object",
      required: ["items"],
      properties: {
        ...typeMeta(),
        metadata: dialect.ref(name("ListMeta"), "Standard list metadata."),
        items: {
          type: "array",
          description: `List of ${definition.plural}.`,
          items: dialect.ref(name(definition.kind)),
        },
      },
      "x-kubernetes-group-version-kind": [groupVersionKind(definition, list)],
    },
    [name("ObjectMeta")]: openApiSchema(schemaNode(ObjectMeta)),
    [name("ListMeta")]: openApiSchema(schemaNode(ListMeta)),
    [name("Patch")]: { description: "A patch of the object.", type: "object" },
    [name("Status")]: STATUS,
    [name("DeleteOptions")]: {
      ...DELETE_OPTIONS,
      properties: { ...typeMeta(), ...DELETE_OPTIONS.properties },
      "x-kubernetes-group-version-kind": [groupVersionKind(definition, "DeleteOptions")],
    },
  };
}

function typeMeta(): Json {
  return { apiVersion: openApiSchema(schemaNode(API_VERSION)), kind: openApiSchema(schemaNode(KIND)) };
}

const text = (description: string) => ({ type: "string", description });

/** Without its group, version and kind: those name the API server's own definition in the merged document. */
const STATUS = {
  type: "object",
  description: "Status is the answer of calls that do not answer with an object.",
  properties: {
    apiVersion: text("The versioned schema of this representation of an object."),
    code: { type: "integer", format: "int32", description: "The HTTP status." },
    details: {
      type: "object",
      description: "What it is about: name, group, kind, uid, causes and retryAfterSeconds.",
      "x-kubernetes-preserve-unknown-fields": true,
    },
    kind: text("The kind of object that this is."),
    message: text("For people."),
    metadata: { type: "object", description: "Standard list metadata." },
    reason: text("For machines."),
    status: text("Success or Failure."),
  },
};

const DELETE_OPTIONS = {
  type: "object",
  description: "DeleteOptions may be given when objects are deleted.",
  properties: {
    dryRun: { type: "array", items: { type: "string" }, description: "All: nothing is persisted." },
    gracePeriodSeconds: {
      ...{ type: "integer", format: "int64", description: "How long the object may take to end." },
    },
    orphanDependents: { type: "boolean", description: "Older form of propagationPolicy." },
    preconditions: {
      type: "object",
      description: "What the object must be, else it is not deleted (409).",
      properties: {
        resourceVersion: text("The version that it must have."),
        uid: text("The uid that it must have."),
      },
    },
    propagationPolicy: text("What happens to dependents: Orphan, Background or Foreground."),
  },
};

/** The declared resources, each with what is derived from it once. */
import { type ObjectRules, objectRules } from "./object-rules.ts";
import {
  type AnyResource,
  type ConnectSubresource,
  type Subresource,
  type Verb,
  verbsOf,
  writerOf,
} from "./resource.ts";

export interface ServedResource {
  definition: AnyResource;
  /** What is offered; everything else is answered 405. */
  verbs: ReadonlySet<Verb>;
  /** For decoding and checking its objects. */
  rules: ObjectRules;
  subresources: ReadonlyMap<string, ServedSubresource>;
}

/** `kind` is what discovery and OpenAPI name it; `verbs` are what is offered. */
export type ServedSubresource = { kind: string; verbs: ReadonlySet<string> } & (
  | { type: "status" }
  | { type: "custom"; subresource: Subresource; rules: ObjectRules }
  | { type: "connect"; subresource: ConnectSubresource }
);

export type ServedCustom = Extract<ServedSubresource, { type: "custom" }>;
export type ServedConnect = Extract<ServedSubresource, { type: "connect" }>;

const STATUS_VERBS: ReadonlySet<string> = new Set(["get", "update", "patch"]);

/** The verb of each method of a connect subresource: what discovery shows, and what is asked of the authorizer. */
const CONNECT_VERBS: Readonly<Record<ConnectSubresource["methods"][number], string>> = {
  GET: "get",
  POST: "create",
  PUT: "update",
  PATCH: "patch",
  DELETE: "delete",
};

export function serveResource(definition: AnyResource): ServedResource {
  const { group, version, secretValues = false, subresources = {} } = definition;
  const declared = Object.entries(subresources).map(
    ([name, subresource]) => [name, served({ group, version, secretValues }, subresource)] as const,
  );
  const status = definition.status && writerOf(definition) ? [["status", statusOf(definition)] as const] : [];
  return {
    definition,
    verbs: new Set(verbsOf(definition)),
    rules: objectRules(definition),
    subresources: new Map([...status, ...declared]),
  };
}

function statusOf({ kind }: AnyResource): ServedSubresource {
  return { type: "status", kind, verbs: STATUS_VERBS };
}

function served(
  of: { group: string; version: string; secretValues: boolean },
  subresource: Subresource | ConnectSubresource,
): ServedSubresource {
  const { kind } = subresource;
  if ("connect" in subresource) {
    const verbs = new Set(subresource.methods.map((method) => CONNECT_VERBS[method]));
    return { type: "connect", kind, verbs, subresource };
  }
  const rules = objectRules({ ...of, kind, schema: subresource.schema });
  return { type: "custom", kind, verbs: new Set(subresource.verbs), subresource, rules };
}

/**
 * A resource is one declaration. Discovery, OpenAPI, Table, selectors and authorization attributes are derived
 * from it; a verb that is not declared is not offered.
 */
import type { TSchema } from "typebox";
import type { Revision } from "./storage.ts";

/** Who asks, as the authenticator found out. */
export interface Caller {
  username: string;
  uid: string;
  groups: readonly string[];
  extra: ReadonlyMap<string, readonly string[]>;
}

/** Any object of the API: what the kit itself reads of it. */
export interface KubeObject {
  apiVersion: string;
  kind: string;
  metadata: {
    name: string;
    namespace?: string;
    uid: string;
    creationTimestamp: string;
    resourceVersion?: string;
    labels?: Record<string, string>;
    annotations?: Record<string, string>;
    [key: string]: unknown;
  };
}

export interface Column<T> {
  name: string;
  /** "date" cells hold an RFC 3339 time; the kit prints its age. */
  type: "string" | "integer" | "date" | "boolean";
  description: string;
  /** 0 (default): always shown. 1: only with `-o wide`. */
  priority?: number;
  cell: (object: T) => string | number | boolean | null;
}

/** One change of a resource; `previous` is the object before, where there was one. */
export type ResourceChange<T> =
  | { type: "put"; object: T; previous: T | null; revision: Revision }
  | { type: "delete"; previous: T; revision: Revision };

/** Where the objects are. `namespace` "" means all namespaces. Objects come without `resourceVersion` set wrong. */
export interface ReadStorage<T> {
  get(namespace: string, name: string): Promise<T | undefined>;
  list(namespace: string): Promise<{ items: T[]; revision: Revision }>;
  /** Changes after `since`, in order; `revision` is how far it looked. */
  changes(
    namespace: string,
    since: Revision,
  ): Promise<{ outcome: "ok"; changes: ResourceChange<T>[]; revision: Revision } | { outcome: "expired" }>;
  /** Calls back when there may be new changes. Returns the way to stop. */
  onChange(listener: () => void): () => void;
  revision(): Promise<Revision>;
}

export type SubresourceVerb = "get" | "create" | "update" | "patch";

/**
 * A custom subresource such as `approvals/approval`. `read` answers GET; `write` takes the complete object after
 * create, update or patch (patches are applied to what `read` gave) and answers with what GET would show then.
 */
export interface Subresource {
  kind: string;
  schema: TSchema;
  verbs: readonly SubresourceVerb[];
  read(caller: Caller, namespace: string, name: string): Promise<KubeObject>;
  write(
    caller: Caller,
    namespace: string,
    name: string,
    body: KubeObject,
    /** `auditID`: by which the API server's audit log knows the request, "" where it did not say. */
    options: { dryRun: boolean; verb: SubresourceVerb; auditID: string },
  ): Promise<KubeObject>;
}

export interface ResourceDefinition<T extends KubeObject> {
  group: string;
  version: string;
  kind: string;
  plural: string;
  singular: string;
  scope: "Namespaced" | "Cluster";
  shortNames: readonly string[];
  categories: readonly string[];
  /** Shown by `kubectl explain`. */
  description: string;
  /** The schema without apiVersion, kind and metadata, which the kit adds. */
  schema: TSchema;
  columns: readonly Column<T>[];
  /** Selectable fields beside metadata.name and metadata.namespace. */
  fields: Readonly<Record<string, (object: T) => string>>;
  /** What a caller may see of this resource at all; others are NotFound. Default: everything. */
  visible?: (caller: Caller) => (object: T) => boolean;
  storage: ReadStorage<T>;
  subresources: Readonly<Record<string, Subresource>>;
}

/** A resource of any object type. Its hooks only ever get what its own storage gave. */
export type AnyResource = ResourceDefinition<KubeObject>;

/** Keeps the object type for the hooks while lists hold resources of any type. */
export function defineResource<T extends KubeObject>(definition: ResourceDefinition<T>): AnyResource {
  return definition as unknown as AnyResource;
}

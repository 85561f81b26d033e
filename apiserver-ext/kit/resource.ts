/**
 * A resource is one declaration. Discovery, OpenAPI, Table, selectors, defaulting, pruning and authorization
 * attributes are derived from it; a verb that its storage cannot carry out, or that it does not name, is not offered.
 */
import type { Duplex } from "node:stream";
import type { TSchema } from "typebox";
import type { FieldRequirement } from "./field-selectors.ts";
import type { ApiRequest, ApiResponse } from "./request.ts";
import type { RequestInfo } from "./request-info.ts";
import type { Cause } from "./status.ts";

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
  metadata: ObjectMetadata;
}

/** ObjectMeta of meta/v1, as an object that is stored has it. */
export interface ObjectMetadata {
  name: string;
  generateName?: string;
  namespace?: string;
  uid: string;
  creationTimestamp: string;
  deletionTimestamp?: string;
  deletionGracePeriodSeconds?: number;
  generation?: number;
  resourceVersion?: string;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
  finalizers?: string[];
  ownerReferences?: OwnerReference[];
  managedFields?: unknown[];
  [key: string]: unknown;
}

export interface OwnerReference {
  apiVersion: string;
  kind: string;
  name: string;
  uid: string;
  controller?: boolean;
  blockOwnerDeletion?: boolean;
}

export interface Column<T> {
  name: string;
  /** "date" cells hold an RFC 3339 time; the kit prints its age. */
  type: "string" | "integer" | "number" | "date" | "boolean";
  description: string;
  /** 0 (default): always shown. 1: only with `-o wide`. */
  priority?: number;
  cell: (object: T) => string | number | boolean | null;
}

/** How recent an answer must be: `resourceVersion` and `resourceVersionMatch` of a request. */
export type VersionMatch =
  /** Nothing was asked: the newest there is. */
  | { kind: "latest" }
  /** "0": whatever is at hand. */
  | { kind: "any" }
  | { kind: "notOlderThan"; version: string }
  | { kind: "exact"; version: string };

/** What a read is limited to. `namespace` "" means all namespaces. */
export interface Selection<T> {
  namespace: string;
  caller: Caller;
  /** What the caller selects and may see. */
  accepts: (object: T) => boolean;
  /** Whether `accepts` takes more than the namespace into account; then nobody can tell how many remain. */
  narrowed: boolean;
  /** Whether there may be objects that the caller may not see; then nothing tells him that there are more. */
  guarded: boolean;
  /** The selectors as given, "" where absent, for storages that pass them on. */
  labelSelector: string;
  fieldSelector: string;
}

export interface PageRequest<T> extends Selection<T> {
  version: VersionMatch;
  /** At most this many objects; undefined: all. */
  limit: number | undefined;
  /** The token of the page before. */
  continue: string | undefined;
}

export interface ListRequest<T> extends PageRequest<T> {
  /** How much of each object is shown: "summary" is what the columns show, and the metadata but for annotations. */
  detail: Detail;
  /** Aborts when the answer is over: nobody reads the rest of the list then. */
  signal: AbortSignal;
}

export type Detail = "whole" | "summary";

export interface ListPage<T> {
  /** By namespace and name. */
  items: readonly T[];
  resourceVersion: string;
  /** The token of the next page; none: this is the last. */
  continue?: string;
  remainingItemCount?: number;
}

/** A list whose items come from elsewhere, in parts: they are read once, as fast as the client takes them. */
export interface StreamedPage<T> extends Omit<ListPage<T>, "items"> {
  items: AsyncIterable<readonly T[]>;
}

export interface WatchRequest<T> extends Selection<T> {
  /** Events strictly after this version; "any" and "latest" begin with the present state. */
  version: VersionMatch;
  /** First the present state as ADDED events; with `bookmarks`, then a bookmark that says so. */
  sendInitialEvents: boolean;
  bookmarks: boolean;
  /** Milliseconds after which the watch ends by itself. */
  timeout: number;
}

export type WatchEvent<T> =
  /** An object that leaves the selection is DELETED, in its last state inside and with the version of the change. */
  | { type: "ADDED" | "MODIFIED" | "DELETED"; object: T }
  | { type: "BOOKMARK"; resourceVersion: string; initialEventsEnd: boolean };

/**
 * Where objects are read. Every object comes with its `metadata.resourceVersion`; it may be shared between callers, so
 * nobody changes it. Throws StatusError: Expired (410) for a version or token that is gone, Timeout with the cause
 * ResourceVersionTooLarge for one that is not there yet; anything else means that the storage failed.
 */
export interface Reader<T> {
  get(namespace: string, name: string, version: VersionMatch): Promise<T | undefined>;
  list(request: ListRequest<T>): Promise<ListPage<T> | StreamedPage<T>>;
  /** Batches of events, in order, none left out and none twice, until the time is over or the signal aborts. */
  watch(request: WatchRequest<T>, signal: AbortSignal): AsyncIterable<readonly WatchEvent<T>[]>;
}

/** One that has its objects at hand. */
export interface WholeReader<T> extends Reader<T> {
  list(request: PageRequest<T>): Promise<ListPage<T>>;
}

/** Who writes, and how. */
export interface WriteContext {
  caller: Caller;
  /** Nothing may change, and nobody may be told. */
  dryRun: boolean;
  /** For `metadata.managedFields`. */
  fieldManager: string;
  /** Aborts when the time for the request is over or the client has gone. */
  signal: AbortSignal;
  /** When that time is over, milliseconds since the epoch. */
  deadline: number;
  /** Told to the client beside the answer, whatever that is; the same text once. */
  warn(texts: readonly string[]): void;
  /** By which the API server's audit log knows the request, "" where it did not say. */
  auditID: string;
}

export type Stored<T> = { outcome: "stored"; object: T };

/**
 * Where objects are written: whole objects, each by compare-and-swap. The kit has validated them, and calls again on
 * a conflict. The object that comes back has its new `metadata.resourceVersion`; in a dry run it has the old one.
 */
export interface Writer<T> {
  create(object: T, context: WriteContext): Promise<Stored<T> | { outcome: "exists" }>;
  /** `expected`: the resourceVersion that the object must have. */
  replace(
    object: T,
    expected: string,
    context: WriteContext,
  ): Promise<Stored<T> | { outcome: "conflict" | "gone" }>;
  remove(
    object: T,
    expected: string,
    context: WriteContext,
  ): Promise<Stored<T> | { outcome: "conflict" | "gone" }>;
}

/** A storage whose backend carries out server-side apply (application/apply-patch+yaml). */
export interface Applier<T> {
  /**
   * @param patch the part of an object that the caller applies, with its name and namespace.
   * @param context.force takes fields from their managers.
   * @param context.mayCreate rejects where the caller may not make a new object.
   */
  apply(
    patch: T,
    context: WriteContext & { force: boolean; mayCreate: () => Promise<void> },
  ): Promise<{ outcome: "created" | "changed"; object: T }>;
}

/** The verbs of a resource itself. */
export type Verb = "get" | "list" | "watch" | "create" | "update" | "patch" | "delete" | "deletecollection";

/** What differs from resource to resource when its objects are written. Each is pure; the kit has decoded and defaulted. */
export interface Strategy<T> {
  /** Sets what callers may not, on a new object. Its metadata is complete, its status (if that is a subresource) empty. */
  prepareForCreate?(object: T, caller: Caller): T;
  /** The same for a change. Not called for writes to the status. */
  prepareForUpdate?(object: T, old: T, caller: Caller): T;
  /** What the schema cannot say; causes name their field by path (`spec.duration`). */
  validate?(object: T): readonly Required<Cause>[];
  validateUpdate?(object: T, old: T): readonly Required<Cause>[];
  /** Shown by kubectl. */
  warnings?(object: T, old: T | undefined): readonly string[];
}

export type SubresourceVerb = "get" | "create" | "update" | "patch";

/**
 * A custom subresource such as `approvals/approval`. `read` answers GET; `write` takes the complete object after
 * create, update or patch (patches are applied to what `read` gave) and answers with what GET would show then.
 */
export interface Subresource<T extends KubeObject = KubeObject> {
  kind: string;
  schema: TSchema;
  verbs: readonly SubresourceVerb[];
  read(caller: Caller, namespace: string, name: string): Promise<KubeObject>;
  write(
    caller: Caller,
    namespace: string,
    name: string,
    body: T,
    options: Omit<WriteContext, "caller"> & { verb: SubresourceVerb },
  ): Promise<KubeObject>;
}

/** One request for a connect subresource, authorized. The handler owns the response. */
export interface Connection {
  request: ApiRequest;
  response: ApiResponse;
  /** Of a request to upgrade: answer 101 on the socket and own it from there, or refuse by the response. */
  upgrade: { socket: Duplex; head: Buffer } | undefined;
  info: RequestInfo;
  /** What follows the subresource: "" or a path that every reader reads alike, escaped anew from `info.rest`. */
  path: string;
  /** The header lines that may be passed on: without credentials, identity and what is of this hop. */
  headers: readonly (readonly [name: string, value: string])[];
  caller: Caller;
  /** Aborts when the server ends or the client goes. */
  closing: AbortSignal;
}

/** A subresource that takes the request over, such as `sessions/proxy`. */
export interface ConnectSubresource {
  /** What discovery names as its kind. */
  kind: string;
  methods: readonly ("GET" | "POST" | "PUT" | "PATCH" | "DELETE")[];
  /**
   * Resolves when the connection is over; what is left of it is closed then. A StatusError that it throws before
   * anything was answered is the answer.
   */
  connect(connection: Connection): Promise<void>;
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
  /** An update that names no version overwrites whichever is there, as those of Kubernetes' own kinds do. */
  unconditionalUpdate?: true;
  /** Shown by `kubectl explain`. */
  description: string;
  /** The schema without apiVersion, kind and metadata, which the kit adds. Its `default`s are filled in. */
  schema: TSchema;
  /** Messages about fields that are wrong do not repeat what was sent. */
  secretValues?: boolean;
  /** Beside the name. */
  columns: readonly Column<T>[];
  /** Selectable fields beside metadata.name and metadata.namespace. */
  fields: Readonly<Record<string, (object: T) => string>>;
  /**
   * Selectable fields that the storage itself selects by, from `fieldSelector`: the kit only has each requirement
   * looked at. They throw StatusError BadRequest for what the storage cannot select by.
   */
  conditions?: Readonly<Record<string, (requirement: FieldRequirement) => void>>;
  /** What a caller may see of this resource at all; others are NotFound. Default, and undefined: everything. */
  visible?: (caller: Caller) => ((object: T) => boolean) | undefined;
  /** What a caller sees of an object: masks go here. Every byte of an object that leaves went through it. */
  present?: (caller: Caller) => (object: T) => T;
  /** Without a Writer the resource is read-only. */
  storage: Reader<T> | (Reader<T> & Writer<T> & Partial<Applier<T>>);
  /** Fewer verbs than the storage allows. `create`, `update` and so on are refused with 405 then. */
  verbs?: readonly Verb[];
  strategy?: Strategy<T>;
  /** `status` is a subresource: only written there, and nothing else is written there. */
  status?: boolean;
  subresources?: Readonly<Record<string, Subresource | ConnectSubresource>>;
}

/** A resource of any object type. Its hooks only ever get what its own storage gave. */
export type AnyResource = ResourceDefinition<KubeObject>;

type Defaulted = "singular" | "shortNames" | "categories" | "description" | "columns" | "fields";

/** A declaration as it is written down: what is left out is none, or what follows from the kind. */
export type Declaration<T extends KubeObject> = Omit<ResourceDefinition<T>, Defaulted> &
  Partial<Pick<ResourceDefinition<T>, Defaulted>>;

const AGE: Column<KubeObject> = {
  name: "Age",
  type: "date",
  description: "Since when it is there.",
  cell: ({ metadata }) => metadata.creationTimestamp,
};

/** Keeps the object type for the hooks while lists hold resources of any type. Without columns there is the age. */
export function defineResource<T extends KubeObject>(declaration: Declaration<T>): AnyResource {
  const { kind } = declaration;
  const definition: ResourceDefinition<T> = {
    ...{ singular: kind.toLowerCase(), shortNames: [], categories: [], description: `A ${kind}.` },
    ...{ columns: [AGE], fields: {} },
    ...declaration,
  };
  return definition as unknown as AnyResource;
}

/** Keeps the object type for the body that is written. */
export function defineSubresource<T extends KubeObject>(subresource: Subresource<T>): Subresource {
  return subresource as unknown as Subresource;
}

const READS: readonly Verb[] = ["get", "list", "watch"];
const WRITES: readonly Verb[] = ["create", "update", "patch", "delete", "deletecollection"];

/** The storage as a Writer too, where it is one. */
export function writerOf<T extends KubeObject>({ storage }: ResourceDefinition<T>): Writer<T> | undefined {
  return "create" in storage ? storage : undefined;
}

/** The storage as an Applier, where it is one. */
export function applierOf<T extends KubeObject>({ storage }: ResourceDefinition<T>): Applier<T> | undefined {
  return "apply" in storage && storage.apply ? { apply: storage.apply } : undefined;
}

/** What the resource offers, in the order of the table above. Discovery, OpenAPI and the router all ask here. */
export function verbsOf<T extends KubeObject>(definition: ResourceDefinition<T>): readonly Verb[] {
  const able = writerOf(definition) ? [...READS, ...WRITES] : READS;
  const { verbs } = definition;
  return verbs ? able.filter((verb) => verbs.includes(verb)) : able;
}

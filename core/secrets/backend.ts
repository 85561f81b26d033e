/** The Secrets of the cluster, as its API server keeps them. Values are in here and go no further than the core. */
import type { JsonObject } from "../admission.ts";

/** A core/v1 Secret. `data` is base64; `stringData` is only ever written. */
export type CoreSecret = JsonObject;

/** Query parameters of a list or watch, passed on as they are: limit, continue, resourceVersion, labelSelector, … */
export type BackendQuery = Readonly<Record<string, string>>;

/**
 * How much of each Secret is needed. `summary`: metadata, `type`, and the number of keys; the values do not even leave
 * the API server.
 */
export type Detail = "whole" | "summary";

/** What is known of a Secret in a list: of a summary, `data` is left out and `keys` says how many there are. */
export interface Listed {
  secret: CoreSecret;
  keys: number;
}

export interface BackendList {
  resourceVersion: string;
  continue?: string;
  remainingItemCount?: number;
  /** In order, in parts, as they come in: a list is never in memory as a whole. To be read once, and to the end or left. */
  items: AsyncIterable<readonly Listed[]>;
}

export type BackendEvent =
  | { type: "ADDED" | "MODIFIED" | "DELETED"; secret: CoreSecret }
  | { type: "BOOKMARK"; resourceVersion: string; initialEventsEnd: boolean };

export interface BackendWrite {
  dryRun: boolean;
  fieldManager: string;
  signal: AbortSignal;
}

/** `namespace` "" means all namespaces. Every call rejects with {@link BackendRefusal} where the API server says no. */
export interface SecretsBackend {
  /** `resourceVersion` "" is the newest, "0" any. */
  get(
    namespace: string,
    name: string,
    resourceVersion: string,
    signal: AbortSignal,
  ): Promise<CoreSecret | undefined>;
  list(namespace: string, query: BackendQuery, detail: Detail, signal: AbortSignal): Promise<BackendList>;
  /** Batches of what came in at once, in order; ends with the API server's stream, or when the signal aborts. */
  watch(namespace: string, query: BackendQuery, signal: AbortSignal): AsyncIterable<readonly BackendEvent[]>;
  create(secret: CoreSecret, write: BackendWrite): Promise<CoreSecret>;
  /** By its metadata.resourceVersion. */
  replace(secret: CoreSecret, write: BackendWrite): Promise<CoreSecret>;
  /** Server-side apply of a partial Secret; with metadata.resourceVersion only to that version. */
  apply(secret: CoreSecret, write: BackendWrite & { force: boolean }): Promise<CoreSecret>;
}

/** The API server's Status, or that it did not answer (code 0, reason "Timeout" or "Unreachable"). May hold values. */
export class BackendRefusal extends Error {
  readonly code: number;
  /** `reason` of the Status, "" where there is none. */
  readonly reason: string;
  readonly details: BackendDetails;
  /** With 410: the token that goes on from another version. */
  readonly continue: string | undefined;
  constructor(code: number, reason: string, message: string, details: BackendDetails = {}, token?: string) {
    super(message);
    this.name = "BackendRefusal";
    this.code = code;
    this.reason = reason;
    this.details = details;
    this.continue = token;
  }
}

export interface BackendDetails {
  name?: string;
  group?: string;
  kind?: string;
  causes?: readonly { reason?: string; message?: string; field?: string }[];
  retryAfterSeconds?: number;
}

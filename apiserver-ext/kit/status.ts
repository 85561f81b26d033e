/** The one border between errors and the wire: what a handler throws becomes a `Status` of meta/v1. */

const CODES = {
  BadRequest: 400,
  Unauthorized: 401,
  Forbidden: 403,
  NotFound: 404,
  MethodNotAllowed: 405,
  NotAcceptable: 406,
  Conflict: 409,
  Expired: 410,
  RequestEntityTooLarge: 413,
  UnsupportedMediaType: 415,
  Invalid: 422,
  TooManyRequests: 429,
  InternalError: 500,
  ServiceUnavailable: 503,
  Timeout: 504,
} as const;

export type Reason = keyof typeof CODES;

export interface Cause {
  /** FieldValueInvalid, FieldValueRequired, ResourceVersionTooLarge, … */
  reason: string;
  message: string;
  field?: string;
}

export interface Details {
  name?: string;
  group?: string;
  /** The plural name of the resource. */
  kind?: string;
  uid?: string;
  causes?: readonly Cause[];
  /** Also sent as the `Retry-After` header. */
  retryAfterSeconds?: number;
}

export interface Status {
  kind: "Status";
  apiVersion: "v1";
  metadata: Record<string, never>;
  status: "Failure";
  message: string;
  reason: Reason;
  details?: Details;
  code: number;
}

/** An answer that is not success. The message goes to the client, so it holds nothing private. */
export class StatusError extends Error {
  readonly reason: Reason;
  readonly details: Details | undefined;

  constructor(reason: Reason, message: string, details?: Details) {
    super(message);
    this.name = "StatusError";
    this.reason = reason;
    this.details = details;
  }
}

export function statusOf(error: StatusError): Status {
  return {
    kind: "Status",
    apiVersion: "v1",
    metadata: {},
    status: "Failure",
    message: error.message,
    reason: error.reason,
    ...(error.details ? { details: error.details } : {}),
    code: CODES[error.reason],
  };
}

interface Named {
  group: string;
  plural: string;
}

/** `approvals.hoop.dev`, as messages write it. */
function qualified(resource: Named): string {
  return resource.group === "" ? resource.plural : `${resource.plural}.${resource.group}`;
}

export function notFound(resource: Named, name: string): StatusError {
  return new StatusError("NotFound", `${qualified(resource)} ${JSON.stringify(name)} not found`, {
    name,
    group: resource.group,
    kind: resource.plural,
  });
}

/** For paths that nothing is served under. */
export function noSuchResource(): StatusError {
  return new StatusError("NotFound", "the server could not find the requested resource");
}

export function methodNotAllowed(): StatusError {
  return new StatusError(
    "MethodNotAllowed",
    "the server does not allow this method on the requested resource",
  );
}

/** Fields that break a rule; answered 422 with one cause each. `kind` is qualified: `Approval.hoop.dev`. */
export function invalid(
  subject: { group: string; kind: string; name: string },
  causes: readonly Required<Cause>[],
): StatusError {
  const texts = causes.map((cause) => `${cause.field}: ${cause.message}`);
  const kind = subject.group === "" ? subject.kind : `${subject.kind}.${subject.group}`;
  return new StatusError(
    "Invalid",
    `${kind} ${JSON.stringify(subject.name)} is invalid: ${texts.length === 1 ? texts[0] : `[${texts.join(", ")}]`}`,
    { name: subject.name, group: subject.group, kind: subject.kind, causes },
  );
}

/** The client has seen a later state than this server; it may come back in a second. */
export function tooLargeResourceVersion(asked: number, current: number): StatusError {
  return new StatusError("Timeout", `Too large resource version: ${asked}, current: ${current}`, {
    causes: [{ reason: "ResourceVersionTooLarge", message: "Too large resource version" }],
    retryAfterSeconds: 1,
  });
}

/** The history that the client wants to go on from is gone: list anew. */
export function expired(since: number): StatusError {
  return new StatusError("Expired", `too old resource version: ${since}`);
}

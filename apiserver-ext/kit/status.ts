/** The one border between errors and the wire: what a handler throws becomes a `Status` of meta/v1. */

const CODES = {
  BadRequest: 400,
  Unauthorized: 401,
  Forbidden: 403,
  NotFound: 404,
  MethodNotAllowed: 405,
  NotAcceptable: 406,
  AlreadyExists: 409,
  Conflict: 409,
  Expired: 410,
  RequestEntityTooLarge: 413,
  UnsupportedMediaType: 415,
  Invalid: 422,
  TooManyRequests: 429,
  InternalError: 500,
  /** Upstream's errors that are no Status of their own: the reason is left out. */
  Unknown: 500,
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

/** With the error that a list has expired: the token that goes on all the same. */
export interface StatusMetadata {
  continue?: string;
}

export interface Status {
  kind: "Status";
  apiVersion: "v1";
  metadata: StatusMetadata;
  status: "Failure";
  message: string;
  reason?: Reason;
  details?: Details;
  code: number;
}

/** An answer that is not success. The message goes to the client, so it holds nothing private. */
export class StatusError extends Error {
  readonly reason: Reason;
  readonly details: Details | undefined;
  readonly metadata: StatusMetadata;

  constructor(reason: Reason, message: string, details?: Details, metadata: StatusMetadata = {}) {
    super(message);
    this.name = "StatusError";
    this.reason = reason;
    this.details = details;
    this.metadata = metadata;
  }
}

export function statusOf(error: StatusError): Status {
  return {
    kind: "Status",
    apiVersion: "v1",
    metadata: error.metadata,
    status: "Failure",
    message: error.message,
    ...(error.reason === "Unknown" ? {} : { reason: error.reason }),
    ...(error.details ? { details: withoutEmpty(error.details) } : {}),
    code: CODES[error.reason],
  };
}

/** Empty names are not shown. */
function withoutEmpty(details: Details): Details {
  return Object.fromEntries(Object.entries(details).filter(([, value]) => value !== ""));
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

/** The request goes against what is there. */
export function conflict(resource: Named, name: string, why: string): StatusError {
  const message = `Operation cannot be fulfilled on ${qualified(resource)} ${JSON.stringify(name)}: ${why}`;
  return new StatusError("Conflict", message, { name, group: resource.group, kind: resource.plural });
}

export function alreadyExists(
  resource: Named,
  name: string,
  why = "",
  retryAfterSeconds?: number,
): StatusError {
  return new StatusError(
    "AlreadyExists",
    `${qualified(resource)} ${JSON.stringify(name)} already exists${why}`,
    {
      ...{ name, group: resource.group, kind: resource.plural },
      ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
    },
  );
}

/** The caller may do such things, but not this. */
export function forbiddenObject(
  resource: Named,
  name: string,
  why: string,
  causes?: readonly Cause[],
): StatusError {
  const message = `${qualified(resource)} ${JSON.stringify(name)} is forbidden: ${why}`;
  const details = { name, group: resource.group, kind: resource.plural };
  return new StatusError("Forbidden", message, causes ? { ...details, causes } : details);
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

/** A verb that the resource does not offer. */
export function methodNotSupported(resource: Named, verb: string): StatusError {
  const message = `${verb} is not supported on resources of kind ${JSON.stringify(qualified(resource))}`;
  return new StatusError("MethodNotAllowed", message, {
    ...(resource.group === "" ? {} : { group: resource.group }),
    kind: resource.plural,
  });
}

/** Fields that break a rule; answered 422 with one cause each. `kind` is qualified: `Approval.hoop.dev`. */
export function invalid(
  subject: { group: string; kind: string; name: string },
  causes: readonly Required<Cause>[],
): StatusError {
  const texts = [...new Set(causes.map((cause) => `${cause.field}: ${cause.message}`))];
  const kind = subject.group === "" ? subject.kind : `${subject.kind}.${subject.group}`;
  return new StatusError(
    "Invalid",
    `${kind} ${JSON.stringify(subject.name)} is invalid: ${texts.length === 1 ? texts[0] : `[${texts.join(", ")}]`}`,
    { name: subject.name, group: subject.group, kind: subject.kind, causes },
  );
}

export function tooManyRequests(): StatusError {
  return new StatusError("TooManyRequests", "Too many requests, please try again later.", {
    retryAfterSeconds: 1,
  });
}

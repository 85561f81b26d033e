/**
 * What the API server said no to, as the caller is told. Its messages may hold values: those about a write are only
 * passed on where they hold none.
 */
import { BackendRefusal } from "#core/secrets/backend.ts";
import { conflict, notFound, type Reason, StatusError } from "#kit/status.ts";
import { GROUP } from "../group.ts";

const SELF = { group: GROUP, plural: "secure-secrets" };

/** Answers of the API server that mean the same for a view. What else it says is a failure of ours. */
const REASONS: ReadonlySet<string> = new Set([
  "BadRequest",
  "NotFound",
  "Expired",
  "Invalid",
  "TooManyRequests",
  "ServiceUnavailable",
  "Timeout",
] satisfies Reason[]);

/** Of a read: nothing of a Secret is in it. */
export function readRefused(error: unknown): unknown {
  if (!(error instanceof BackendRefusal)) return error;
  const { reason, message, details } = error;
  if (error.code === 0) return unreachable();
  if (error.code === 403) return notAllowed("read");
  const { retryAfterSeconds, causes } = details;
  const told = {
    ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
    ...(causes === undefined
      ? {}
      : {
          causes: causes.map(({ reason: why = "", message: text = "" }) => ({ reason: why, message: text })),
        }),
  };
  const metadata = error.continue === undefined ? {} : { continue: error.continue };
  return REASONS.has(reason)
    ? new StatusError(reason as Reason, message, told, metadata)
    : new StatusError("InternalError", "the Secrets could not be read");
}

/**
 * Of a write. `values`: whatever must not be told, plain and in base64.
 */
export function writeRefused(error: unknown, name: string, values: readonly string[]): unknown {
  if (!(error instanceof BackendRefusal)) return error;
  const { code, reason, message, details } = error;
  const holds = (text: string) => values.some((value) => value !== "" && text.includes(value));
  const text = holds(message)
    ? "what the API server said holds a value of the Secret and is not shown"
    : message;
  switch (code) {
    case 0:
      return unreachable();
    case 404:
      return notFound({ group: "", plural: details.kind ?? "secrets" }, details.name ?? name);
    case 409:
      return conflictOf(error, name, text);
    case 422:
      return invalidWrite(error, name);
    case 403:
      return new StatusError(
        "Forbidden",
        `secure-secrets.hoop.dev ${JSON.stringify(name)} is forbidden: ${text}`,
        named(name),
      );
    case 429:
      return new StatusError("TooManyRequests", text, { retryAfterSeconds: details.retryAfterSeconds ?? 1 });
    default:
      return REASONS.has(reason)
        ? new StatusError(reason as Reason, text)
        : new StatusError("InternalError", "the Secret could not be written");
  }
}

function conflictOf({ details, message }: BackendRefusal, name: string, text: string): StatusError {
  const causes = (details.causes ?? []).map(({ reason = "", message: why = "", field = "" }) => ({
    ...{ reason, message: why, field },
  }));
  if (causes.length === 0) return conflict(SELF, name, message.includes("modified") ? MODIFIED : text);
  return new StatusError("Conflict", text, { ...named(name), causes });
}

export const MODIFIED =
  "the object has been modified; please apply your changes to the latest version and try again";

/** Which fields are wrong is told; the words about them may repeat what they hold. */
function invalidWrite({ details }: BackendRefusal, name: string): StatusError {
  const causes = (details.causes ?? []).map(({ reason = "FieldValueInvalid", field = "" }) => ({
    ...{ reason, field, message: WORDS[reason] ?? "Invalid value" },
  }));
  const texts = causes.map(({ field, message }) => `${field}: ${message}`);
  return new StatusError(
    "Invalid",
    `SecureSecret.hoop.dev ${JSON.stringify(name)} is invalid: ${texts.join(", ")}`,
    {
      ...{ name, group: GROUP, kind: "SecureSecret", causes },
    },
  );
}

const WORDS: Readonly<Record<string, string>> = {
  FieldValueRequired: "Required value",
  FieldValueForbidden: "Forbidden",
  FieldValueTooLong: "Too long",
  FieldValueDuplicate: "Duplicate value",
  FieldValueNotSupported: "Unsupported value",
  FieldValueTypeInvalid: "Invalid type",
};

function unreachable(): StatusError {
  return new StatusError("ServiceUnavailable", "the API server does not answer", { retryAfterSeconds: 1 });
}

function notAllowed(verb: string): StatusError {
  return new StatusError("InternalError", `Hoop's own ServiceAccount may not ${verb} Secrets here`);
}

function named(name: string) {
  return { name, group: GROUP, kind: "secure-secrets" };
}

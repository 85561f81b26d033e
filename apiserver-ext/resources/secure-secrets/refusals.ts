/**
 * What the API server said no to, as the caller is told. Its messages about a write may hold values. Which of them do is
 * not looked at: whether one is shown would then tell whether a guess that was put into it is right. So they are told by
 * their kind, and in their own words only where the API server's source says that these are of names alone.
 */
import { BackendRefusal } from "#core/secrets/backend.ts";
import { conflict, notFound, type Reason, StatusError } from "#kit/status.ts";
import { GROUP } from "../group.ts";

/** The resource, as errors name it. */
export const SELF = { group: GROUP, plural: "secure-secrets" };

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

/** What a read gives, or why not, as the caller is told. */
export async function told<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    throw readRefused(error);
  }
}

/** Of a write. */
export function writeRefused(error: unknown, name: string): unknown {
  if (!(error instanceof BackendRefusal)) return error;
  const { code, reason, message, details } = error;
  switch (code) {
    case 0:
      return unreachable();
    case 404:
      return notFound({ group: "", plural: details.kind ?? "secrets" }, details.name ?? name);
    case 409:
      return conflictOf(error, name);
    case 422:
      return invalidWrite(error, name);
    case 403:
      return new StatusError(
        "Forbidden",
        `secure-secrets.hoop.dev ${JSON.stringify(name)} is forbidden: ${whyRefused(message)}`,
        named(name),
      );
    case 429:
      return new StatusError("TooManyRequests", "the API server has too much to do; try again later", {
        retryAfterSeconds: details.retryAfterSeconds ?? 1,
      });
    default:
      return REASONS.has(reason)
        ? new StatusError(reason as Reason, whyRefused(message))
        : new StatusError("InternalError", "the Secret could not be written");
  }
}

/** plugin resourcequota and namespace/lifecycle: names and amounts. */
const HARMLESS =
  /^secrets "[^"]*" is forbidden: (exceeded quota: .*|unable to create new content in namespace \S+ because it is being terminated)$/s;
/** Who refused. What a webhook or a policy says after it may repeat what it looked at. */
const REFUSER =
  /^(?:secrets "[^"]*" is forbidden: )?(admission webhook "[\w.-]+"|ValidatingAdmissionPolicy '[\w.-]+')/;

function whyRefused(message: string): string {
  const [, told] = HARMLESS.exec(message) ?? [];
  if (told !== undefined) return told;
  const [, refuser = "the API server"] = REFUSER.exec(message) ?? [];
  return `${refuser} refused it; why is not shown, as it may hold a value of the Secret`;
}

/** Which fields, and who has them, where it is the API server that says so: no value is in it. */
const FIELD_CONFLICT = "Apply failed with ";

function conflictOf({ details, message }: BackendRefusal, name: string): StatusError {
  const causes = (details.causes ?? []).map(({ reason = "", message: why = "", field = "" }) => ({
    ...{ reason, message: why, field },
  }));
  if (!message.startsWith(FIELD_CONFLICT)) return conflict(SELF, name, MODIFIED);
  return new StatusError("Conflict", message, { ...named(name), causes });
}

export const MODIFIED =
  "the object has been modified; please apply your changes to the latest version and try again";

/** Which fields are wrong is told; the words about them may repeat what they hold. */
function invalidWrite({ details, message: said }: BackendRefusal, name: string): StatusError {
  const causes = (details.causes ?? []).map(({ reason = "FieldValueInvalid", field = "" }) => {
    // A policy names no field.
    const message = field === "" ? whyRefused(said) : (WORDS[reason] ?? "Invalid value");
    return { reason, field, message };
  });
  const texts = causes.map(({ field, message }) => (field === "" ? message : `${field}: ${message}`));
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

/** What every way of writing a Secret takes: from what was sent to what is resolved, stamped, counted and shown. */
import { type JsonObject, member } from "#core/admission.ts";
import type { BackendWrite, CoreSecret, SecretsBackend } from "#core/secrets/backend.ts";
import type { Resolution, Sent } from "#core/secrets/resolve.ts";
import { type Live, managerThroughUs, secretUid, type ViewOptions, valuesOf } from "#core/secrets/view.ts";
import { stampsFor } from "#core/stamp.ts";
import type { Caller, Stored, WriteContext } from "#kit/resource.ts";
import { conflict, invalid, StatusError } from "#kit/status.ts";
import { GROUP } from "../group.ts";
import type { Guesses } from "./guesses.ts";
import type { JudgePorts } from "./judged.ts";
import { type SecureSecret, wholeSecret } from "./object.ts";
import { MODIFIED, SELF } from "./refusals.ts";

export interface WriterPorts extends JudgePorts {
  secrets: SecretsBackend;
  guesses: Guesses;
}

export type Resolved = Extract<Resolution, { outcome: "resolved" }>;

export function sentIn({ metadata, type, immutable, data, stringData }: SecureSecret): Sent {
  return {
    metadata: metadata as JsonObject,
    ...(type === undefined ? {} : { type }),
    ...(immutable === undefined ? {} : { immutable }),
    ...(data === undefined ? {} : { data }),
    ...(stringData === undefined ? {} : { stringData }),
  };
}

/** @throws {StatusError} Conflict, for what is to be read again; Invalid. */
export function resolved(resolution: Resolution, name: string): Resolved {
  switch (resolution.outcome) {
    case "resolved":
      return resolution;
    case "stale": {
      const why = `the placeholder of ${resolution.key} is not of the value that is there now; ${MODIFIED}`;
      throw conflict(SELF, name, why);
    }
    case "refused": {
      const { field, why } = resolution;
      const cause = { reason: "FieldValueForbidden", message: `Forbidden: ${why}`, field };
      throw invalid({ group: GROUP, kind: "SecureSecret", name }, [cause]);
    }
  }
}

/** Hoop writes it, so nobody else puts the agent's name on it. */
export function stamped({ agents }: JudgePorts, found: Resolved, caller: Caller): Resolved {
  if (agents.identify(caller).kind !== "agent") return found;
  return { ...found, secret: withStamps(found.secret, caller), sealed: withStamps(found.sealed, caller) };
}

function withStamps(secret: CoreSecret, caller: Caller): CoreSecret {
  const metadata = secret["metadata"] as { annotations?: Record<string, string> };
  const annotations = { ...metadata.annotations, ...stampsFor(caller) };
  return { ...secret, metadata: { ...metadata, annotations } };
}

/** @throws {StatusError} TooManyRequests for whoever tries one value after the other. */
export function slowDown(
  { agents, guesses }: WriterPorts,
  { sent, sealed }: Pick<Resolved, "sent" | "sealed">,
  live: CoreSecret,
  { caller }: Pick<WriteContext, "caller">,
): void {
  if (agents.identify(caller).kind !== "agent") return;
  const values = new Map(valuesOf(sealed).filter(([key]) => sent.has(key)));
  const seconds = guesses.count(caller.username, secretUid(live), values);
  if (seconds === 0) return;
  const why = "a value of this key was written too often; wait before writing it again";
  throw new StatusError("TooManyRequests", why, { retryAfterSeconds: seconds });
}

export function stored(
  secret: CoreSecret,
  { sent: keys, sealed }: Pick<Resolved, "sent" | "sealed">,
  live: Live | undefined,
  options: ViewOptions,
): Stored<SecureSecret> {
  const sent = { keys, annotations: member(member(sealed, "metadata"), "annotations"), live };
  return { outcome: "stored", object: wholeSecret(secret, { ...options, sent }) };
}

/** What a person writes is his own: agents may not see it merely because it came through a view. */
export function throughUs(
  { agents }: Pick<JudgePorts, "agents">,
  { caller, dryRun, fieldManager, signal }: WriteContext,
): BackendWrite {
  const isAgent = agents.identify(caller).kind === "agent";
  return { dryRun, fieldManager: isAgent ? managerThroughUs(fieldManager) : fieldManager, signal };
}

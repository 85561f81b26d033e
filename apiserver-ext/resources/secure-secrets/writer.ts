/**
 * Writes of Secrets: placeholders become the values they stand for, the change is judged, and what is written is
 * written to the version that was judged. A value never goes back to whoever sent it, nor does it decide what is
 * answered: nobody can find out a value by guessing it.
 */
import { type JsonObject, member } from "#core/admission.ts";
import {
  BackendRefusal,
  type BackendWrite,
  type CoreSecret,
  type SecretsBackend,
} from "#core/secrets/backend.ts";
import { type Resolution, resolve, type Sent, seal } from "#core/secrets/resolve.ts";
import {
  type Live,
  managerThroughUs,
  secretUid,
  type ViewOptions,
  valuesOf,
  viewOf,
} from "#core/secrets/view.ts";
import { stampsFor } from "#core/stamp.ts";
import type { Caller, Stored, WriteContext, Writer } from "#kit/resource.ts";
import { conflict, invalid, StatusError } from "#kit/status.ts";
import { GROUP } from "../group.ts";
import type { Guesses } from "./guesses.ts";
import { type JudgePorts, judged } from "./judged.ts";
import { type SecureSecret, secureSecret } from "./object.ts";
import { MODIFIED, readRefused, writeRefused } from "./refusals.ts";
import { versionOf, weightOf } from "./values.ts";

export interface WriterPorts extends JudgePorts {
  secrets: SecretsBackend;
  guesses: Guesses;
}

type Resolved = Extract<Resolution, { outcome: "resolved" }>;

export function secretsWriter(ports: WriterPorts, options: ViewOptions): Writer<SecureSecret> {
  const { secrets } = ports;

  async function create(object: SecureSecret, context: WriteContext) {
    const { namespace = "", name } = object.metadata;
    const wanted = stamped(
      ports,
      resolved(resolve(sentIn(object), undefined, options), name),
      context.caller,
    );
    const wish = { operation: "CREATE" as const, namespace, name, object: wanted.sealed, oldObject: null };
    await judged(ports, { ...wish, bytes: weightOf(wanted.secret) }, context);
    try {
      return stored(
        await secrets.create(wanted.secret, throughUs(ports, context)),
        wanted,
        undefined,
        options,
      );
    } catch (error) {
      if (error instanceof BackendRefusal && error.reason === "AlreadyExists")
        return { outcome: "exists" } as const;
      throw writeRefused(error, name);
    }
  }

  async function replace(object: SecureSecret, expected: string, context: WriteContext) {
    const { namespace = "", name } = object.metadata;
    const live = await readSecret(ports, namespace, name, context.signal);
    if (live === undefined) return { outcome: "gone" } as const;
    if (versionOf(live) !== expected) return { outcome: "conflict" } as const;
    const known = { secret: live, view: viewOf(live, options) };
    const found = resolve(sentIn(object), known, options);
    const wanted = stamped(ports, resolved(found, name), context.caller);
    slowDown(ports, wanted, live, context);
    const oldObject = seal(known, options);
    const wish = { operation: "UPDATE" as const, namespace, name, object: wanted.sealed, oldObject };
    await judged(ports, { ...wish, bytes: weightOf(wanted.secret) + weightOf(live) }, context);
    try {
      return stored(await secrets.replace(wanted.secret, throughUs(ports, context)), wanted, known, options);
    } catch (error) {
      if (error instanceof BackendRefusal && error.code === 404) return { outcome: "gone" } as const;
      if (error instanceof BackendRefusal && error.reason === "Conflict")
        return { outcome: "conflict" } as const;
      throw writeRefused(error, name);
    }
  }

  // The last finalizer has gone: the API server deletes the Secret by itself.
  return { create, replace, remove: replace };
}

export async function readSecret(
  { secrets }: WriterPorts,
  namespace: string,
  name: string,
  signal: AbortSignal,
): Promise<CoreSecret | undefined> {
  try {
    return await secrets.get(namespace, name, "", signal);
  } catch (error) {
    throw readRefused(error);
  }
}

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
      throw conflict({ group: GROUP, plural: "secure-secrets" }, name, why);
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
  const listed = { secret, keys: valuesOf(secret).length };
  const sent = { keys, annotations: member(member(sealed, "metadata"), "annotations"), live };
  return { outcome: "stored", object: secureSecret(listed, { ...options, sent }) };
}

/** What a person writes is his own: agents may not see it merely because it came through a view. */
export function throughUs(
  { agents }: Pick<JudgePorts, "agents">,
  { caller, dryRun, fieldManager, signal }: WriteContext,
): BackendWrite {
  const isAgent = agents.identify(caller).kind === "agent";
  return { dryRun, fieldManager: isAgent ? managerThroughUs(fieldManager) : fieldManager, signal };
}

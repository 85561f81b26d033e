/**
 * Server-side apply of a part of a Secret: handed on to the API server, with placeholders resolved. What it would lead
 * to is found out first by a dry run with other values in place of those that were sent: so neither a conflict nor
 * anything else that comes of it depends on whether a value was guessed right.
 */
import { randomBytes } from "node:crypto";
import { type JsonObject, member } from "#core/admission.ts";
import { carriedOut } from "#core/outcome/own.ts";
import { BackendRefusal, type CoreSecret } from "#core/secrets/backend.ts";
import { resolve, seal } from "#core/secrets/resolve.ts";
import { LAST_APPLIED, type Live, liveOf, type ViewOptions, valuesOf, viewOf } from "#core/secrets/view.ts";
import type { Applier, WriteContext } from "#kit/resource.ts";
import { conflict, StatusError } from "#kit/status.ts";
import { judged } from "./judged.ts";
import type { SecureSecret } from "./object.ts";
import { MODIFIED, SELF, told, writeRefused } from "./refusals.ts";
import { versionOf, weightOf } from "./values.ts";
import {
  type Resolved,
  resolved,
  sentIn,
  slowDown,
  stamped,
  stored,
  throughUs,
  type WriterPorts,
} from "./writing.ts";

type Context = WriteContext & { force: boolean; mayCreate: () => Promise<void> };

/** Others may be faster, but not for ever. */
const TRIES = 5;

export function secretsApplier(ports: WriterPorts, options: ViewOptions): Applier<SecureSecret> {
  return {
    async apply(patch, context) {
      for (let tries = 0; tries < TRIES && !context.signal.aborted; tries++) {
        const done = await attempt(ports, options, patch, context);
        if (done !== "changed meanwhile") return done;
      }
      throw new StatusError("Timeout", "the Secret was changed by others again and again");
    },
  };
}

async function attempt(ports: WriterPorts, options: ViewOptions, patch: SecureSecret, context: Context) {
  const { namespace = "", name } = patch.metadata;
  const secret = await told(ports.secrets.get(namespace, name, "", context.signal));
  if (secret === undefined) await context.mayCreate();
  const live = secret && liveOf(secret, options);
  if (live) checkVersion(patch, live);
  const found = resolve(sentIn(patch), live, { ...options, isPart: true });
  const wanted = stamped(ports, resolved(found, name), context.caller);
  if (live) slowDown(ports, wanted, live.secret, context);
  try {
    const tried = await sendOn(ports, partOf(withOtherValues(wanted), live), live, {
      ...context,
      dryRun: true,
    });
    const object = sealedResult(tried, wanted, live, options);
    const wish = live
      ? { operation: "UPDATE" as const, oldObject: seal(live, options) }
      : { operation: "CREATE" as const, oldObject: null };
    const bytes = weightOf(wanted.secret) + (secret === undefined ? 0 : weightOf(secret));
    const record = await judged(ports, { ...wish, namespace, name, object, bytes }, context);
    const write = () => sendOn(ports, partOf(wanted, live), live, context);
    const result = context.dryRun ? tried : await carriedOut(ports, record, write);
    const outcome = live ? ("changed" as const) : ("created" as const);
    return { outcome, object: stored(result, wanted, live, options).object };
  } catch (error) {
    if (isOvertaken(error)) return "changed meanwhile" as const;
    throw writeRefused(error, name);
  }
}

/** @throws {StatusError} Conflict where what is applied is meant for another version. */
function checkVersion({ metadata: { name, resourceVersion = "" } }: SecureSecret, live: Live): void {
  if (resourceVersion === "" || resourceVersion === versionOf(live.secret)) return;
  throw conflict(SELF, name, MODIFIED);
}

/** Nothing is taken by force from whoever made it in the meantime. */
function sendOn(ports: WriterPorts, part: CoreSecret, live: Live | undefined, context: Context) {
  return ports.secrets.apply(part, {
    ...throughUs(ports, context),
    force: context.force && live !== undefined,
  });
}

/** A conflict over fields names them; one without is about the version. */
function isOvertaken(error: unknown): boolean {
  return (
    error instanceof BackendRefusal &&
    error.reason === "Conflict" &&
    (error.details.causes ?? []).length === 0
  );
}

/** Of no object: what is made new is applied to this version, which counts only where there is one by then. */
const OF_NONE = "1";

/** What is applied, to the version that was looked at. What the caller did not send is no part of it. */
function partOf({ secret }: Pick<Resolved, "secret">, live: Live | undefined): CoreSecret {
  const metadata = member(secret, "metadata");
  const { [LAST_APPLIED]: _, ...annotations } = member(metadata, "annotations");
  const { uid, name, namespace, labels, finalizers } = metadata;
  const at =
    live === undefined ? { resourceVersion: OF_NONE } : { uid, resourceVersion: versionOf(live.secret) };
  const given = { labels, finalizers, ...at };
  const kept = Object.entries(given).filter(([, value]) => value !== undefined);
  return {
    ...secret,
    metadata: {
      ...{ name: name ?? "", namespace: namespace ?? "" },
      ...(Object.keys(annotations).length === 0 ? {} : { annotations }),
      ...(Object.fromEntries(kept) as JsonObject),
    },
  };
}

/** The values that were sent, replaced by others that the API server takes as well. */
function withOtherValues({ secret, sent }: Resolved): Pick<Resolved, "secret"> {
  const other = () => randomBytes(24).toString("hex");
  const data = valuesOf(secret).map(([key, value]) => {
    if (!sent.has(key)) return [key, value];
    const text = key.startsWith(".docker") ? dockerConfig(key, other()) : other();
    return [key, Buffer.from(text).toString("base64")];
  });
  return { secret: { ...secret, data: Object.fromEntries(data) } };
}

/** The API server looks into these. */
function dockerConfig(key: string, auth: string): string {
  const auths = { "registry.invalid": { auth } };
  return JSON.stringify(key === ".dockercfg" ? auths : { auths });
}

function sealedResult(
  tried: CoreSecret,
  { sealed, sent }: Resolved,
  live: Live | undefined,
  options: ViewOptions,
): CoreSecret {
  const annotations = member(member(sealed, "metadata"), "annotations");
  const view = viewOf(tried, { ...options, sent: { keys: sent, annotations, live } });
  const whole = seal({ secret: tried, view }, options);
  const known = member(sealed, "data");
  const data = Object.entries(member(whole, "data")).map(([key, value]) => [
    key,
    sent.has(key) ? (known[key] ?? value) : value,
  ]);
  return { ...whole, data: Object.fromEntries(data) };
}

/**
 * Writes of Secrets: placeholders become the values they stand for, the change is judged, and what is written is
 * written to the version that was judged. A value never goes back to whoever sent it, nor does it decide what is
 * answered: nobody can find out a value by guessing it.
 */
import { carriedOut } from "#core/outcome/own.ts";
import { BackendRefusal } from "#core/secrets/backend.ts";
import { resolve, seal } from "#core/secrets/resolve.ts";
import { liveOf, type ViewOptions } from "#core/secrets/view.ts";
import type { WriteContext, Writer } from "#kit/resource.ts";
import { judged } from "./judged.ts";
import type { SecureSecret } from "./object.ts";
import { told, writeRefused } from "./refusals.ts";
import { versionOf, weightOf } from "./values.ts";
import { resolved, sentIn, slowDown, stamped, stored, throughUs, type WriterPorts } from "./writing.ts";

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
    const record = await judged(ports, { ...wish, bytes: weightOf(wanted.secret) }, context);
    try {
      return stored(
        await carriedOut(ports, record, () => secrets.create(wanted.secret, throughUs(ports, context))),
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
    const live = await told(secrets.get(namespace, name, "", context.signal));
    if (live === undefined) return { outcome: "gone" } as const;
    if (versionOf(live) !== expected) return { outcome: "conflict" } as const;
    const known = liveOf(live, options);
    const found = resolve(sentIn(object), known, options);
    const wanted = stamped(ports, resolved(found, name), context.caller);
    slowDown(ports, wanted, live, context);
    const oldObject = seal(known, options);
    const wish = { operation: "UPDATE" as const, namespace, name, object: wanted.sealed, oldObject };
    const bytes = weightOf(wanted.secret) + weightOf(live);
    const record = await judged(ports, { ...wish, bytes }, context);
    const write = () => secrets.replace(wanted.secret, throughUs(ports, context));
    try {
      return stored(await carriedOut(ports, record, write), wanted, known, options);
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

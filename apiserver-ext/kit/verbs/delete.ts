import { type DeleteOptions, deleteOptions } from "../delete-options.ts";
import type { Answer, Document } from "../encode.ts";
import { timestamp } from "../go-struct.ts";
import { FOREGROUND, ORPHAN } from "../metadata-rules.ts";
import { presenter } from "../present.ts";
import type { KubeObject, ObjectMetadata } from "../resource.ts";
import { conflict } from "../status.ts";
import type { Call } from "./call.ts";
import {
  type Change,
  changeStored,
  type Step,
  seen,
  shapeOf,
  shown,
  type Warn,
  withWarnings,
  writeContext,
} from "./writing.ts";

/** Answers with the object while finalizers keep it, otherwise with what is gone. */
export function remove<T extends KubeObject>(call: Call<T>): Promise<Answer> {
  return withWarnings((warn) => answered(call, warn));
}

async function answered<T extends KubeObject>(call: Call<T>, warn: Warn): Promise<Answer> {
  const { request, info, definition, caller } = call;
  const shape = shapeOf(call);
  const options = await deleteOptions(request, info.query);
  const { outcome, object } = await removed(call, info.name, options, warn);
  if (outcome === "removed") return { code: 200, body: gone(call, object), media: shape.media };
  // Whoever asks for the dependents to go first is told that they have not yet.
  const code = options.orphanDependents === false ? 202 : 200;
  return shown(call, shape, code, seen(call, presenter(definition, caller), object));
}

function gone<T extends KubeObject>({ definition }: Call<T>, { metadata }: T): Document {
  const { group, plural } = definition;
  const success = { kind: "Status", apiVersion: "v1", metadata: {}, status: "Success" };
  return {
    ...success,
    ...{
      details: { name: metadata.name, ...(group === "" ? {} : { group }), kind: plural, uid: metadata.uid },
    },
  };
}

/** @throws {StatusError} NotFound, or Conflict where the preconditions do not hold. */
export function removed<T extends KubeObject>(
  call: Call<T>,
  name: string,
  options: DeleteOptions,
  warn: Warn,
): Promise<Change<T>> {
  const write = writeContext(call, { dryRun: options.dryRun, fieldManager: "" }, warn);
  return changeStored(call, name, write, (old) => {
    checkPreconditions(call, options, old);
    const finalizers = finalizersFor(old.metadata, options);
    const step: Step<T>["step"] = finalizers.length === 0 ? "remove" : "replace";
    return { step, object: step === "remove" ? old : markedForDeletion(old, finalizers) };
  });
}

function checkPreconditions<T extends KubeObject>(
  { definition }: Call<T>,
  options: DeleteOptions,
  { metadata }: T,
): void {
  const { group, kind } = definition;
  const { uid, resourceVersion } = options;
  const differs = (what: string, wanted: string, found: string | undefined, hint: string) =>
    conflict(
      { group, plural: kind },
      metadata.name,
      `the ${what} in the precondition (${wanted}) does not match the ${what} in record (${found}). The object might have been ${hint}`,
    );
  if (uid !== undefined && uid !== metadata.uid)
    throw differs("UID", uid, metadata.uid, "deleted and then recreated");
  if (resourceVersion !== undefined && resourceVersion !== metadata.resourceVersion)
    throw differs("ResourceVersion", resourceVersion, metadata.resourceVersion, "modified");
}

/** The finalizers of the garbage collector follow what this request asks for, or else an earlier one. */
function finalizersFor({ finalizers = [] }: ObjectMetadata, options: DeleteOptions): string[] {
  const own = finalizers.filter((name) => name !== ORPHAN && name !== FOREGROUND);
  const { orphanDependents, propagation } = options;
  if (orphanDependents !== undefined) return orphanDependents ? [...own, ORPHAN] : own;
  if (propagation === "Orphan") return [...own, ORPHAN];
  if (propagation === "Foreground") return [...own, FOREGROUND];
  if (propagation === "Background") return own;
  const earlier = finalizers.find((name) => name === ORPHAN || name === FOREGROUND);
  return earlier === undefined ? own : [...own, earlier];
}

/** Nothing here ends gracefully, so the period is 0. */
function markedForDeletion<T extends KubeObject>(object: T, finalizers: string[]): T {
  const { metadata } = object;
  const { generation, deletionTimestamp } = metadata;
  const now = Date.now();
  const isFirst = deletionTimestamp === undefined;
  return {
    ...object,
    metadata: {
      ...metadata,
      // The order counts only where something changed.
      finalizers: sameNames(finalizers, metadata.finalizers ?? []) ? (metadata.finalizers ?? []) : finalizers,
      ...(isFirst && generation !== undefined ? { generation: generation + 1 } : {}),
      deletionTimestamp: isFirst || Date.parse(deletionTimestamp) > now ? timestamp(now) : deletionTimestamp,
      deletionGracePeriodSeconds: 0,
    },
  };
}

function sameNames(a: readonly string[], b: readonly string[]): boolean {
  return new Set(a).size === new Set(b).size && a.every((name) => b.includes(name));
}

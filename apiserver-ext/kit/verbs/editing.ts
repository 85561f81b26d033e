/** What update and patch share: an edited object takes the place of the one that is there. */
import { causes, invalidValue } from "../field-errors.ts";
import { changedObject, inNamespace, type Target } from "../lifecycle.ts";
import { managed } from "../managed-fields/manage.ts";
import { type Presented, presenter } from "../present.ts";
import type { RequestInfo } from "../request-info.ts";
import type { KubeObject } from "../resource.ts";
import { conflict, invalid, StatusError } from "../status.ts";
import type { WriteOptions } from "../write-options.ts";
import type { Call } from "./call.ts";
import { changeStored, contextOf, type Step, seen, type Warn, writeContext } from "./writing.ts";

export interface Edited<T> {
  object: T;
  warnings: readonly string[];
}

/**
 * `edit` gives the object as the caller wants it, from the one that is there and what the caller sees of it; called
 * again where somebody else was faster.
 * @throws {StatusError} whatever the object does not pass.
 */
export async function edited<T extends KubeObject>(
  call: Call<T>,
  target: Target,
  options: WriteOptions,
  warn: Warn,
  edit: (old: T, visible: Presented<T>) => Edited<T>,
): Promise<Edited<Presented<T>>> {
  const { definition, caller, info } = call;
  const present = presenter(definition, caller);
  let warnings: readonly string[] = [];
  const attempt = (old: T, visible: Presented<T>): Step<T> => {
    const wanted = edit(old, visible);
    warnings = wanted.warnings;
    const owned = withManagers(call, target, options, versioned(call, wanted.object, old), visible);
    checkVersion(call, owned, old);
    const prepared = changedObject(contextOf(call), owned, { old, seen: visible }, target);
    warnings = [...warnings, ...prepared.warnings];
    seen(call, present, prepared.object);
    return { step: isFinalized(prepared.object, old) ? "remove" : "replace", object: prepared.object };
  };
  const result = await changeStored(call, info.name, writeContext(call, options, warn), attempt);
  return { object: seen(call, present, result.object), warnings };
}

function withManagers<T extends KubeObject>(
  { definition, served }: Call<T>,
  target: Target,
  { fieldManager }: WriteOptions,
  object: T,
  old: T,
): T {
  const ignored = target === "status" ? ["metadata", "spec"] : definition.status ? ["status"] : [];
  return managed(object, old, {
    ...{ schema: served.rules.whole, apiVersion: served.rules.apiVersion, manager: fieldManager },
    ...{ subresource: target === "status" ? "status" : "", ignored, now: Date.now() },
  });
}

/** The object in the place that the URL names. @throws {StatusError} BadRequest where it names another. */
export function addressed<T extends KubeObject>(info: RequestInfo, object: T): T {
  const placed = inNamespace(object, info.namespace);
  const { name = "" } = placed.metadata;
  if (name === "") {
    const why = `the name of the object (${info.name} based on URL) was undeterminable: name must be provided`;
    throw new StatusError("BadRequest", why);
  }
  if (name !== info.name) {
    const why = `the name of the object (${name}) does not match the name on the URL (${info.name})`;
    throw new StatusError("BadRequest", why);
  }
  return placed;
}

/** Where the resource allows it, what says no version is of whichever is there. */
function versioned<T extends KubeObject>({ definition }: Call<T>, object: T, old: T): T {
  const { metadata } = object;
  if (definition.unconditionalUpdate !== true || (metadata.resourceVersion ?? "") !== "") return object;
  return { ...object, metadata: { ...metadata, resourceVersion: old.metadata.resourceVersion } };
}

/** An update says which version it is of; there is no other way to overwrite. */
function checkVersion<T extends KubeObject>({ definition }: Call<T>, { metadata }: T, old: T): void {
  const { resourceVersion = "", name } = metadata;
  if (!/^\d*$/.test(resourceVersion)) {
    const text = JSON.stringify(resourceVersion);
    throw new StatusError("Unknown", `strconv.ParseUint: parsing ${text}: invalid syntax`);
  }
  if (/^0*$/.test(resourceVersion)) {
    const { group, plural } = definition;
    const missing = invalidValue("metadata.resourceVersion", 0, "must be specified for an update");
    throw invalid({ group, kind: plural, name }, causes([missing]));
  }
  if (resourceVersion.replace(/^0+/, "") === old.metadata.resourceVersion) return;
  throw conflict(
    definition,
    name,
    "the object has been modified; please apply your changes to the latest version and try again",
  );
}

/** The last finalizer of an object that is being deleted has gone. */
function isFinalized({ metadata }: KubeObject, old: KubeObject): boolean {
  const { deletionTimestamp, deletionGracePeriodSeconds = 0 } = old.metadata;
  const isDone = (metadata.finalizers ?? []).length === 0;
  return isDone && deletionTimestamp !== undefined && deletionGracePeriodSeconds === 0;
}

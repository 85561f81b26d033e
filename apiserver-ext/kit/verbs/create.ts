import { checkContentType, contentType, readBody } from "../body.ts";
import { decodeBody } from "../decode.ts";
import type { Answer } from "../encode.ts";
import { inNamespace, newObject, withOwnersOnce, withoutSystemFields } from "../lifecycle.ts";
import { managed } from "../managed-fields/manage.ts";
import { checkNamespace } from "../namespaces.ts";
import { presenter } from "../present.ts";
import type { KubeObject } from "../resource.ts";
import { alreadyExists, StatusError } from "../status.ts";
import { type WriteOptions, writeOptions } from "../write-options.ts";
import type { Call } from "./call.ts";
import {
  contextOf,
  type Shape,
  seen,
  shapeOf,
  shown,
  type Warn,
  withWarnings,
  writeContext,
  writer,
} from "./writing.ts";

/** Answers 201 with the object. */
export function create<T extends KubeObject>(call: Call<T>): Promise<Answer> {
  return withWarnings(async (warn) => {
    const { request, info, definition, namespaces } = call;
    const shape = shapeOf(call);
    const type = contentType(request);
    checkContentType(type);
    const text = await readBody(request);
    const options = writeOptions(request, info.query, "create");
    const given = decoded(call, type, text, options, warn);
    const { name, generateName = "" } = given.metadata;
    if (definition.scope === "Namespaced")
      await checkNamespace(namespaces, info.namespace, definition, name || generateName || "Unknown");
    return await createdAnew(call, shape, given, options, warn);
  });
}

/** The object as it was sent, with its owners once and who manages its fields. */
function decoded<T extends KubeObject>(
  call: Call<T>,
  type: string,
  text: string,
  options: WriteOptions,
  warn: Warn,
): T {
  const { info, definition, served } = call;
  const object = decodeBody(served.rules, type, text, { validation: options.fieldValidation, warn });
  const bare = inNamespace(withoutSystemFields(object as T), info.namespace);
  const owned = withOwnersOnce(bare);
  warn(owned.warnings);
  return managed(owned.object, undefined, {
    ...{ schema: served.rules.whole, apiVersion: served.rules.apiVersion, manager: options.fieldManager },
    ...{ subresource: "", ignored: definition.status ? ["status"] : [], now: Date.now() },
  });
}

/** As k8s.io/apiserver: so often a generated name may be taken. */
const NAME_TRIES = 8;

async function createdAnew<T extends KubeObject>(
  call: Call<T>,
  shape: Shape,
  given: T,
  options: WriteOptions,
  warn: Warn,
): Promise<Answer> {
  const { caller, definition } = call;
  const context = writeContext(call, options, warn);
  const present = presenter(definition, caller);
  const { resourceVersion, ...metadata } = given.metadata;
  const tries = (given.metadata.name ?? "") === "" ? NAME_TRIES : 1;
  let name = "";
  for (let attempt = 0; attempt < tries; attempt++) {
    const { object, warnings } = newObject(contextOf(call), { ...given, metadata }, Date.now());
    warn(warnings);
    seen(call, present, object);
    checkNoVersion(resourceVersion, options.dryRun);
    const result = await writer(call).create(object, context);
    if (result.outcome === "stored") return shown(call, shape, 201, seen(call, present, result.object));
    ({ name } = object.metadata);
  }
  throw await taken(call, name, given.metadata.generateName ?? "");
}

function checkNoVersion(resourceVersion: string | undefined, dryRun: boolean): void {
  if (dryRun || !/^0*[1-9]\d*$/.test(resourceVersion ?? "")) return;
  throw new StatusError("Unknown", "resourceVersion should not be set on objects to be created");
}

async function taken<T extends KubeObject>(
  { definition, info }: Call<T>,
  name: string,
  generateName: string,
): Promise<StatusError> {
  const error =
    generateName === ""
      ? alreadyExists(definition, name)
      : alreadyExists(
          definition,
          name,
          ", the server was not able to generate a unique name for the object",
          1,
        );
  const existing = await definition.storage.get(info.namespace, name, { kind: "latest" });
  if (existing?.metadata.deletionTimestamp === undefined) return error;
  return new StatusError("AlreadyExists", `object is being deleted: ${error.message}`, error.details);
}

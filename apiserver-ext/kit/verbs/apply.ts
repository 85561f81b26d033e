/** Server-side apply, where the storage carries it out: what the caller applies is decoded here, and goes no further. */
import { readBody, YAML_TYPE } from "../body.ts";
import { decodeBody } from "../decode.ts";
import type { Answer } from "../encode.ts";
import { causes } from "../field-errors.ts";
import { checkNamespace } from "../namespaces.ts";
import { presenter } from "../present.ts";
import type { Applier, KubeObject } from "../resource.ts";
import { invalid, StatusError } from "../status.ts";
import { violations } from "../validate.ts";
import { writeOptions } from "../write-options.ts";
import type { Call } from "./call.ts";
import { addressed } from "./editing.ts";
import { seen, shapeOf, shown, type Warn, writeContext } from "./writing.ts";

/** Answers 201 with an object that is new, 200 with one that was there. */
export async function apply<T extends KubeObject>(
  call: Call<T>,
  applier: Applier<T>,
  warn: Warn,
): Promise<Answer> {
  const { request, info, definition, served, caller, namespaces } = call;
  const shape = shapeOf(call);
  const text = await readBody(request);
  const options = writeOptions(request, info.query, "apply");
  const decoded = decodeBody(served.rules, YAML_TYPE, text, { validation: options.fieldValidation, warn });
  const patch = addressed(info, decoded as T);
  check(call, patch);
  const present = presenter(definition, caller);
  seen(call, present, patch);
  const mayCreate = async () => {
    await call.mayAlso("create");
    await checkNamespace(namespaces, info.namespace, definition, info.name);
  };
  const context = { ...writeContext(call, options, warn), force: options.force, mayCreate };
  const { outcome, object } = await applier.apply(patch, context);
  return shown(call, shape, outcome === "created" ? 201 : 200, seen(call, present, object));
}

/** What can be said of a part of an object. */
function check<T extends KubeObject>({ served, definition }: Call<T>, patch: T): void {
  if (patch.metadata.managedFields !== undefined)
    throw new StatusError("BadRequest", "metadata.managedFields must be nil");
  const { apiVersion: _, kind, metadata, ...content } = patch;
  const { schema, secret } = served.rules;
  const errors = violations(schema, { value: content, path: "" });
  if (errors.length > 0)
    throw invalid({ group: definition.group, kind, name: metadata.name }, causes(errors, secret));
}

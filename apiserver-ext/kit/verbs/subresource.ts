/** GET, POST, PUT and PATCH of a custom subresource. */
import { checkContentType, contentType, readBody } from "../body.ts";
import { decodeBody } from "../decode.ts";
import type { Answer } from "../encode.ts";
import { causes } from "../field-errors.ts";
import { negotiateForm } from "../negotiate.ts";
import type { ObjectRules } from "../object-rules.ts";
import { checkPatchType, type Patch, parsePatch } from "../patch.ts";
import { presentedBySubresource, presenter } from "../present.ts";
import { representObject } from "../represent.ts";
import type { KubeObject, SubresourceVerb } from "../resource.ts";
import type { ServedCustom } from "../served.ts";
import { invalid, methodNotSupported, notFound, StatusError } from "../status.ts";
import { repeatedItems, violations } from "../validate.ts";
import { type WriteOptions, writeOptions } from "../write-options.ts";
import type { Call } from "./call.ts";
import { addressed } from "./editing.ts";
import { decodedAgain } from "./patch.ts";
import { type Warn, withWarnings, writeContext } from "./writing.ts";

const CODES: Readonly<Record<SubresourceVerb, number>> = { get: 200, create: 201, update: 200, patch: 200 };

export function callSubresource<T extends KubeObject>(call: Call<T>, served: ServedCustom): Promise<Answer> {
  return withWarnings(async (warn) => {
    const { request, info, definition } = call;
    const verb = served.subresource.verbs.find((offered) => offered === info.verb);
    if (!verb) throw methodNotSupported(definition, info.verb);
    const { form, media } = negotiateForm(request, info, ["object", "PartialObjectMetadata"]);
    const object = presentedBySubresource(await answered(call, served, verb, warn));
    const shown = { ...definition, kind: served.subresource.kind, columns: [] };
    return { code: CODES[verb], body: representObject(shown, form, "Metadata", object), media };
  });
}

/** @throws {StatusError} NotFound: what the caller does not see has nothing below it. */
async function parentOf<T extends KubeObject>({ definition, caller, info }: Call<T>): Promise<void> {
  const found = await definition.storage.get(info.namespace, info.name, { kind: "latest" });
  if (!found || !presenter(definition, caller)(found)) throw notFound(definition, info.name);
}

async function answered<T extends KubeObject>(
  call: Call<T>,
  served: ServedCustom,
  verb: SubresourceVerb,
  warn: Warn,
): Promise<KubeObject> {
  if (verb === "get") return read(call, served);
  const { request, info } = call;
  const type = contentType(request);
  if (verb === "patch") checkPatchType(type);
  else checkContentType(type);
  const text = await readBody(request);
  const options = writeOptions(request, info.query, verb);
  if (verb === "patch")
    return patched(call, served, parsePatch(type, text, options.fieldValidation), options, warn);
  const body = decodeBody(served.rules, type, text, {
    validation: options.fieldValidation,
    untyped: true,
    warn,
  });
  return write(call, served, body, verb, options, warn);
}

async function read<T extends KubeObject>(call: Call<T>, { subresource }: ServedCustom): Promise<KubeObject> {
  const { caller, info } = call;
  await parentOf(call);
  return subresource.read(caller, info.namespace, info.name);
}

async function write<T extends KubeObject>(
  call: Call<T>,
  { subresource, rules }: ServedCustom,
  object: KubeObject,
  verb: SubresourceVerb,
  options: WriteOptions,
  warn: Warn,
): Promise<KubeObject> {
  const { info, caller } = call;
  // The URL says which object it is; the body may, too.
  const named = { ...object, metadata: { ...object.metadata, name: object.metadata.name || info.name } };
  const body = addressed(info, named);
  check(rules, body);
  await parentOf(call);
  const { caller: _, ...context } = writeContext(call, options, warn);
  return await subresource.write(caller, info.namespace, info.name, body, { ...context, verb });
}

function check(rules: ObjectRules, object: KubeObject): void {
  const { group, kind, schema, secret } = rules;
  if (object.kind !== kind) {
    const why = `the kind in the data (${object.kind}) does not match the expected kind (${kind})`;
    throw new StatusError("BadRequest", why);
  }
  const { apiVersion: _, kind: __, metadata, ...content } = object;
  const errors = [...violations(schema, { value: content, path: "" }), ...repeatedItems(schema, content)];
  if (errors.length > 0) throw invalid({ group, kind, name: metadata.name }, causes(errors, secret));
}

/** A patch that names no version of the object is applied anew when somebody else was faster. */
async function patched<T extends KubeObject>(
  call: Call<T>,
  served: ServedCustom,
  patch: Patch,
  options: WriteOptions,
  warn: Warn,
): Promise<KubeObject> {
  let current = await read(call, served);
  while (!call.signal.aborted) {
    try {
      const wanted = patch.apply(current);
      const { object, warnings } = decodedAgain(served.rules, wanted, patch.faults, options.fieldValidation);
      warn(warnings);
      return await write(call, served, object, "patch", options, warn);
    } catch (error) {
      if (!(error instanceof StatusError) || error.reason !== "Conflict") throw error;
      const fresh = await read(call, served);
      if (fresh.metadata.resourceVersion === current.metadata.resourceVersion) throw error;
      current = fresh;
    }
  }
  throw new StatusError(
    "Timeout",
    "the request could not be completed in time: others were changing the object",
  );
}

/** GET, POST, PUT and PATCH of a custom subresource. */
import { contentType, decodeBody, isRecord, readBody } from "../body.ts";
import type { Answer } from "../encode.ts";
import { negotiateForm } from "../negotiate.ts";
import { type Patch, parsePatch } from "../patch.ts";
import { representObject } from "../represent.ts";
import { header } from "../request.ts";
import type { KubeObject, Subresource, SubresourceVerb } from "../resource.ts";
import { methodNotAllowed, StatusError } from "../status.ts";
import { type Check, checkFor } from "../validate.ts";
import { type WriteOptions, writeOptions } from "../write-options.ts";
import type { Call } from "./call.ts";

/** A subresource with what is derived from it once. */
export interface ServedSubresource {
  subresource: Subresource;
  check: Check;
}

export function serveSubresource(group: string, subresource: Subresource): ServedSubresource {
  return { subresource, check: checkFor({ group, kind: subresource.kind }, subresource.schema) };
}

const CODES: Readonly<Record<SubresourceVerb, number>> = { get: 200, create: 201, update: 200, patch: 200 };

export async function callSubresource<T extends KubeObject>(
  call: Call<T>,
  served: ServedSubresource,
): Promise<Answer> {
  const verb = served.subresource.verbs.find((offered) => offered === call.info.verb);
  if (!verb) throw methodNotAllowed();
  const { form, pretty } = negotiateForm(call.request, call.info, ["object", "PartialObjectMetadata"]);
  const { object, warnings } = await answerOf(call, served, verb);
  const shown = { ...call.definition, kind: served.subresource.kind, columns: [] };
  return {
    code: CODES[verb],
    body: representObject(shown, form, "Metadata", object),
    pretty,
    headers: warnings.length === 0 ? {} : { Warning: warnings.map(warningLine) },
  };
}

interface Outcome {
  object: KubeObject;
  warnings: readonly string[];
}

async function answerOf<T extends KubeObject>(
  call: Call<T>,
  served: ServedSubresource,
  verb: SubresourceVerb,
): Promise<Outcome> {
  if (verb === "get") return { object: await read(call, served), warnings: [] };
  const options = writeOptions(call.info.query, verb);
  const text = await readBody(call.request);
  const type = contentType(call.request);
  if (verb === "patch") return patched(call, served, parsePatch(type, text), options);
  return write(call, served, decodeBody(type, text), verb, options);
}

function read<T extends KubeObject>(
  { caller, info }: Call<T>,
  { subresource }: ServedSubresource,
): Promise<KubeObject> {
  return subresource.read(caller, info.namespace, info.name);
}

async function write<T extends KubeObject>(
  call: Call<T>,
  served: ServedSubresource,
  body: unknown,
  verb: SubresourceVerb,
  options: WriteOptions,
): Promise<Outcome> {
  const { info, caller } = call;
  const { object, warnings } = served.check(
    addressed(call, served, body),
    info.name,
    options.fieldValidation,
  );
  const result = await served.subresource.write(
    caller,
    info.namespace,
    info.name,
    object as unknown as KubeObject,
    { dryRun: options.dryRun, verb, auditID: header(call.request, "audit-id") },
  );
  return { object: result, warnings };
}

const PATCH_TRIES = 5;

/** A patch that names no version of the object is applied anew when somebody else was faster. */
async function patched<T extends KubeObject>(
  call: Call<T>,
  served: ServedSubresource,
  patch: Patch,
  options: WriteOptions,
): Promise<Outcome> {
  let current = await read(call, served);
  for (let tries = 1; ; tries++) {
    try {
      return await write(call, served, patch(current), "patch", options);
    } catch (error) {
      if (tries === PATCH_TRIES || !(error instanceof StatusError) || error.reason !== "Conflict")
        throw error;
      const fresh = await read(call, served);
      if (fresh.metadata.resourceVersion === current.metadata.resourceVersion) throw error;
      current = fresh;
    }
  }
}

/** The body as an object of this kind under this very name: what it leaves out is filled in, nothing may differ. */
function addressed<T extends KubeObject>(
  { info }: Call<T>,
  { subresource }: ServedSubresource,
  body: unknown,
): Record<string, unknown> {
  if (!isRecord(body)) throw new StatusError("BadRequest", "the body of the request is not an object");
  const metadata = isRecord(body["metadata"]) ? body["metadata"] : {};
  const same = (value: unknown, expected: string, what: string): void => {
    if (value === undefined || value === "" || value === expected) return;
    const given = typeof value === "string" ? value : typeof value;
    throw new StatusError(
      "BadRequest",
      `the ${what} in the data (${given}) does not match the expected one (${expected})`,
    );
  };
  const apiVersion = `${info.group}/${info.version}`;
  same(body["apiVersion"], apiVersion, "API version");
  same(body["kind"], subresource.kind, "kind");
  same(metadata["name"], info.name, "name of the object");
  same(metadata["namespace"], info.namespace, "namespace of the object");
  const namespace = info.namespace === "" ? {} : { namespace: info.namespace };
  return {
    ...body,
    apiVersion,
    kind: subresource.kind,
    metadata: { ...metadata, name: info.name, ...namespace },
  };
}

function warningLine(text: string): string {
  // What the client named its fields must not end the header or its quotes.
  return `299 - ${JSON.stringify(text.slice(0, 256)).replace(/[^\x20-\x7e]/g, "?")}`;
}

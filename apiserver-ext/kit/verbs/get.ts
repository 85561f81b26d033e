import type { Answer } from "../encode.ts";
import { getVersion } from "../list-options.ts";
import { negotiateForm } from "../negotiate.ts";
import { presenter } from "../present.ts";
import { includeObject, representObject } from "../represent.ts";
import type { KubeObject } from "../resource.ts";
import { notFound } from "../status.ts";
import type { Call } from "./call.ts";

export async function get<T extends KubeObject>(call: Call<T>): Promise<Answer> {
  const { request, info, definition, caller } = call;
  const { form, media } = negotiateForm(request, info, [
    "object",
    "Table",
    "PartialObjectMetadata",
    "PartialObjectMetadataList",
  ]);
  const found = await definition.storage.get(info.namespace, info.name, getVersion(info.query));
  const object = found && presenter(definition, caller)(found);
  if (!object) throw notFound(definition, info.name);
  return {
    code: 200,
    body: representObject(definition, form, includeObject(info.query, form), object),
    media,
  };
}

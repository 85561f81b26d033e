import type { Answer } from "../encode.ts";
import { minimumRevision } from "../list-options.ts";
import { negotiateForm } from "../negotiate.ts";
import { includeObject, representObject } from "../represent.ts";
import type { KubeObject } from "../resource.ts";
import { notFound, tooLargeResourceVersion } from "../status.ts";
import { type Call, visibleTo } from "./call.ts";

export async function get<T extends KubeObject>(call: Call<T>): Promise<Answer> {
  const { request, info, definition } = call;
  const { form, pretty } = negotiateForm(request, info, [
    "object",
    "Table",
    "PartialObjectMetadata",
    "PartialObjectMetadataList",
  ]);
  const include = includeObject(info.query);
  const minimum = minimumRevision(info.query);
  const object = await definition.storage.get(info.namespace, info.name);
  if (minimum !== undefined) {
    const revision = await definition.storage.revision();
    if (revision < minimum) throw tooLargeResourceVersion(minimum, revision);
  }
  if (!object || !visibleTo(call)(object)) throw notFound(definition, info.name);
  return { code: 200, body: representObject(definition, form, include, object), pretty };
}

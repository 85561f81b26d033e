import type { Answer } from "../encode.ts";
import { listOptions } from "../list-options.ts";
import { negotiateForm } from "../negotiate.ts";
import { presenter } from "../present.ts";
import { includeObject, representList } from "../represent.ts";
import type { KubeObject } from "../resource.ts";
import { type Call, selection } from "./call.ts";

export async function list<T extends KubeObject>(call: Call<T>): Promise<Answer> {
  const { request, info, definition, caller } = call;
  const { form, media } = negotiateForm(request, info, [
    "object",
    "Table",
    "PartialObjectMetadata",
    "PartialObjectMetadataList",
  ]);
  const asked = { ...listOptions(info.query), ...selection(call) };
  const { items, ...metadata } = await definition.storage.list(asked);
  const present = presenter(definition, caller);
  const shown = items.flatMap((item) => present(item) ?? []);
  const include = includeObject(info.query, form);
  return { code: 200, body: representList(definition, form, include, shown, metadata), media };
}

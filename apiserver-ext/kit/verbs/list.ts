import type { Answer } from "../encode.ts";
import { listOptions } from "../list-options.ts";
import { type Form, negotiateForm } from "../negotiate.ts";
import { type Presented, type Presenter, presenter } from "../present.ts";
import { type IncludeObject, includeObject, representList, representStream } from "../represent.ts";
import type { Detail, KubeObject } from "../resource.ts";
import { type Call, selection } from "./call.ts";

export async function list<T extends KubeObject>(call: Call<T>): Promise<Answer> {
  const { request, info, definition, caller, signal } = call;
  const { form, media } = negotiateForm(request, info, [
    "object",
    "Table",
    "PartialObjectMetadata",
    "PartialObjectMetadataList",
  ]);
  const include = includeObject(info.query, form);
  const asked = { ...listOptions(info.query), ...selection(call), detail: detailOf(form, include), signal };
  const { items, ...metadata } = await definition.storage.list(asked);
  const present = presenter(definition, caller);
  if (Symbol.asyncIterator in items) {
    const body = representStream(definition, form, include, presented(items, present), metadata);
    return { code: 200, body, media };
  }
  const shown = items.flatMap((item) => present(item) ?? []);
  return { code: 200, body: representList(definition, form, include, shown, metadata), media };
}

function detailOf({ as }: Form, include: IncludeObject): Detail {
  return as === "Table" && include !== "Object" ? "summary" : "whole";
}

async function* presented<T>(
  parts: AsyncIterable<readonly T[]>,
  present: Presenter<T>,
): AsyncGenerator<readonly Presented<T>[]> {
  for await (const part of parts) yield part.flatMap((item) => present(item) ?? []);
}

import { append } from "../append.ts";
import { deleteOptions } from "../delete-options.ts";
import type { Answer } from "../encode.ts";
import { listOptions } from "../list-options.ts";
import { presenter } from "../present.ts";
import { type ListMeta, representList } from "../represent.ts";
import type { KubeObject, ListPage, ListRequest, ResourceDefinition } from "../resource.ts";
import { StatusError } from "../status.ts";
import { type Call, selection } from "./call.ts";
import { removed } from "./delete.ts";
import { shapeOf, type Warn, withWarnings } from "./writing.ts";

const PAGE = 10_000;

/** Deletes what is selected and visible, one by one; answers with the list as it was. */
export function deletecollection<T extends KubeObject>(call: Call<T>): Promise<Answer> {
  return withWarnings((warn) => answered(call, warn));
}

async function answered<T extends KubeObject>(call: Call<T>, warn: Warn): Promise<Answer> {
  const { request, info, definition, caller, signal } = call;
  const shape = shapeOf(call);
  const asked = listOptions(info.query);
  const { version } = asked;
  // The list is one of pages, and a page of a version that is named without a match is one of that very version.
  const isExact = version.kind === "notOlderThan" && (info.query.get("resourceVersionMatch") ?? "") === "";
  const selected = selection(call);
  const options = await deleteOptions(request, info.query);
  const items: T[] = [];
  let first: ListMeta | undefined;
  let next = isExact ? { ...asked, version: { ...version, kind: "exact" as const } } : asked;
  do {
    if (signal.aborted) throw new StatusError("Timeout", "the request could not be completed in time");
    const limit = asked.limit ?? PAGE;
    const { page, metadata } = await pageOf(definition, {
      ...selected,
      ...next,
      limit,
      detail: "whole",
      signal,
    });
    for (const item of page) await removedIfThere(() => removed(call, item.metadata.name, options, warn));
    append(items, page);
    first ??= asked.limit === undefined ? { resourceVersion: metadata.resourceVersion } : metadata;
    next = { ...next, version: { kind: "latest" }, continue: metadata.continue };
  } while (asked.limit === undefined && next.continue !== undefined);
  const present = presenter(definition, caller);
  const visible = items.flatMap((item) => present(item) ?? []);
  return {
    code: 200,
    body: representList(definition, shape.form, shape.include, visible, first),
    media: shape.media,
  };
}

async function pageOf<T extends KubeObject>(
  { storage }: ResourceDefinition<T>,
  request: ListRequest<T>,
): Promise<{ page: readonly T[]; metadata: Omit<ListPage<T>, "items"> }> {
  const { items, ...metadata } = await storage.list(request);
  if (!(Symbol.asyncIterator in items)) return { page: items, metadata };
  const page: T[] = [];
  for await (const part of items) append(page, part);
  return { page, metadata };
}

/** Somebody else may have been faster. */
async function removedIfThere(remove: () => Promise<unknown>): Promise<void> {
  try {
    await remove();
  } catch (error) {
    if (!(error instanceof StatusError) || error.reason !== "NotFound") throw error;
  }
}

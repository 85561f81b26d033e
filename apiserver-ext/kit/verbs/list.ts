import type { Answer } from "../encode.ts";
import { listOptions } from "../list-options.ts";
import { negotiateForm } from "../negotiate.ts";
import { includeObject, representList } from "../represent.ts";
import type { KubeObject } from "../resource.ts";
import { expired, tooLargeResourceVersion } from "../status.ts";
import { type Call, selected } from "./call.ts";

/** Answers with the whole list whatever `limit` says, which clients must cope with. */
export async function list<T extends KubeObject>(call: Call<T>): Promise<Answer> {
  const { request, info, definition } = call;
  const { form, pretty } = negotiateForm(request, info, [
    "object",
    "Table",
    "PartialObjectMetadata",
    "PartialObjectMetadataList",
  ]);
  const include = includeObject(info.query);
  const { minimum, exact } = listOptions(info.query);
  const isSelected = selected(call);
  const { items, revision } = await definition.storage.list(info.namespace);
  if (minimum !== undefined && revision < minimum) throw tooLargeResourceVersion(minimum, revision);
  if (minimum !== undefined && exact && revision !== minimum) throw expired(minimum);
  const shown = items.filter(isSelected).toSorted(byNamespaceAndName);
  const metadata = { resourceVersion: String(revision) };
  return { code: 200, body: representList(definition, form, include, shown, metadata), pretty };
}

function byNamespaceAndName(a: KubeObject, b: KubeObject): number {
  return (
    compare(a.metadata.namespace ?? "", b.metadata.namespace ?? "") ||
    compare(a.metadata.name, b.metadata.name)
  );
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

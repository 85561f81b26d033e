/** The declared resources, each with what is derived from it once. */
import type { AnyResource } from "./resource.ts";
import { type ServedSubresource, serveSubresource } from "./verbs/subresource.ts";

export interface ServedResource {
  definition: AnyResource;
  subresources: ReadonlyMap<string, ServedSubresource>;
}

export function serveResource(definition: AnyResource): ServedResource {
  const subresources = Object.entries(definition.subresources).map(
    ([name, subresource]) => [name, serveSubresource(definition.group, subresource)] as const,
  );
  return { definition, subresources: new Map(subresources) };
}

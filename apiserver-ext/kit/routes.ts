/** Which declared resource a request is for, and whether what it wants is offered. */
import type { RequestInfo } from "./request-info.ts";
import type { Verb } from "./resource.ts";
import type { ServedResource, ServedSubresource } from "./served.ts";
import { methodNotSupported, noSuchResource, notFound, StatusError } from "./status.ts";

export interface Target {
  served: ServedResource;
  /** Undefined: the resource itself. */
  subresource: ServedSubresource | undefined;
}

export interface Routes {
  /** Undefined where nothing of that name is served there. */
  find(info: RequestInfo): Target | undefined;
  /** Why nothing was found, in the words of custom resources. */
  missing(info: RequestInfo): StatusError;
}

const NAMED: ReadonlySet<string> = new Set(["get", "update", "patch", "delete"]);

export function routes(resources: readonly ServedResource[]): Routes {
  const byName = new Map(resources.map((each) => [keyOf(each.definition, each.definition.plural), each]));
  const resourceOf = (info: RequestInfo) => {
    const served = info.isResource ? byName.get(keyOf(info, info.resource)) : undefined;
    return served && isInScope(served, info) ? served : undefined;
  };
  return {
    find(info) {
      const served = resourceOf(info);
      if (!served || info.subresource === "") return served && { served, subresource: undefined };
      const subresource = served.subresources.get(info.subresource);
      // Only what takes the request over has something below it.
      if (!subresource || (subresource.type !== "connect" && info.rest.length > 0)) return undefined;
      return { served, subresource };
    },
    missing(info) {
      const definition = resourceOf(info)?.definition;
      return definition ? notFound(definition, info.name) : noSuchResource();
    },
  };
}

function keyOf({ group, version }: { group: string; version: string }, plural: string): string {
  return `${group}/${version}/${plural}`;
}

/** Namespaced objects have one; cluster-scoped ones have none; all namespaces can only be listed and watched. */
function isInScope({ definition }: ServedResource, { namespace, verb }: RequestInfo): boolean {
  if (definition.scope === "Cluster") return namespace === "";
  return namespace !== "" || verb === "list" || verb === "watch";
}

/** Watches and connections last as long as their client likes. */
export function isLongRunning(target: Target | undefined, info: RequestInfo): boolean {
  if (!target) return false;
  return target.subresource ? target.subresource.type === "connect" : info.verb === "watch";
}

/**
 * The verb of a request for the resource itself.
 * @throws {StatusError} MethodNotAllowed for what is not offered; BadRequest where the name is missing.
 */
export function offeredVerb({ served }: Target, info: RequestInfo): Verb {
  const verb = [...served.verbs].find((offered) => offered === info.verb);
  // The name of a new object is in its body; one in the path would be what the right to create was asked for.
  if (!verb || (verb === "create" && info.name !== ""))
    throw methodNotSupported(served.definition, info.verb);
  if (NAMED.has(verb) && info.name === "") throw new StatusError("BadRequest", "name must be provided");
  return verb;
}

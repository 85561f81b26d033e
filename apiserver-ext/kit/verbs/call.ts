/** One authorized request for a resource, as the verbs take it. */

import { fieldRequirements } from "../field-selectors.ts";
import type { Namespaces } from "../namespaces.ts";
import { presenter } from "../present.ts";
import type { ApiRequest } from "../request.ts";
import type { RequestInfo } from "../request-info.ts";
import type { Caller, KubeObject, ResourceDefinition, Selection } from "../resource.ts";
import { fieldMatcher, labelMatcher } from "../selectors.ts";
import type { ServedResource } from "../served.ts";

export interface Call<T extends KubeObject = KubeObject> {
  request: ApiRequest;
  info: RequestInfo;
  caller: Caller;
  definition: ResourceDefinition<T>;
  /** What is derived from the definition once. */
  served: ServedResource;
  /** Which namespaces there are. */
  namespaces: Namespaces;
  /** Aborts when the time for the request is over or the client has gone; what it waits for is then in vain. */
  signal: AbortSignal;
  /** When that time is over, milliseconds since the epoch. */
  deadline: number;
  /** Whether the caller may use another verb on the same object as well. Rejects with Forbidden where not. */
  mayAlso(verb: string): Promise<void>;
}

/** What the caller may see and selects. */
export function selection<T extends KubeObject>(call: Call<T>): Selection<T> {
  const { info, definition, caller } = call;
  const { namespace, labelSelector, fieldSelector } = info;
  const guarded = definition.visible?.(caller) !== undefined;
  const present = presenter(definition, caller);
  const tests = [
    labelMatcher(labelSelector),
    fieldMatcher(fieldSelector, definition.fields, definition.scope, definition.conditions),
  ];
  return {
    ...{ namespace, caller, labelSelector, fieldSelector },
    // An empty term, such as "=", selects everything.
    guarded,
    narrowed: guarded || labelSelector !== "" || fieldRequirements(fieldSelector).length > 0,
    accepts(object) {
      // By what the caller sees: a selector is no way to guess what is masked.
      const seen = present(object);
      return seen !== undefined && tests.every((test) => test(seen));
    },
  };
}

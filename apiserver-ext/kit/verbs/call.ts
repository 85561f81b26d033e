/** One authorized request for a resource, as the verbs take it. */

import type { ApiRequest } from "../request.ts";
import type { RequestInfo } from "../request-info.ts";
import type { Caller, KubeObject, ResourceDefinition } from "../resource.ts";
import { fieldMatcher, labelMatcher } from "../selectors.ts";

export interface Call<T extends KubeObject> {
  request: ApiRequest;
  info: RequestInfo;
  caller: Caller;
  definition: ResourceDefinition<T>;
}

/** What the caller may see of the resource. Every way of reading goes through this. */
export function visibleTo<T extends KubeObject>({ definition, caller }: Call<T>): (object: T) => boolean {
  return definition.visible?.(caller) ?? (() => true);
}

/** What the caller may see and selects. */
export function selected<T extends KubeObject>(call: Call<T>): (object: T) => boolean {
  const { info, definition } = call;
  const tests = [
    visibleTo(call),
    labelMatcher(info.labelSelector),
    fieldMatcher(info.fieldSelector, definition.fields),
  ];
  return (object) => tests.every((test) => test(object));
}

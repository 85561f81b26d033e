/** What judging needs from outside, beside the request. Answered from caches, so that judging makes no call as a rule. */

import type { AdmissionRequest, JsonObject, UserInfo } from "../admission.ts";
import type { AccessCheck, AccessDecision } from "../cel/library/authorizer.ts";
import type { Dependent } from "./dependents.ts";
import type { PolicySet } from "./set.ts";

/** Something looked up that must be known: could-not-tell denies. */
export type Known<T> = { known: true; object: T } | { known: false; why: string };

/** At once where it is cached. */
export type Soon<T> = T | Promise<T>;

export interface PolicyLookups {
  /** A Namespace as it is now. */
  namespace(name: string): Soon<Known<JsonObject>>;
  /** A ServiceAccount as it is now, null where there is none. */
  serviceAccount(namespace: string, name: string): Soon<Known<JsonObject | null>>;
  /**
   * What a request goes to whose own objects do not tell, neither `object` nor `oldObject`: the pod of an exec, the Deployment
   * that is scaled, by its subresource or by an autoscaler. With its uid. Null where there is none.
   */
  target(request: AdmissionRequest): Soon<Known<JsonObject | null>>;
  /** What the garbage collector deletes with what a DELETE deletes, of the kinds that are known of. */
  dependents(request: AdmissionRequest): Soon<Known<readonly Dependent[]>>;
  /** What a policy's paramRef names, null where there is none. */
  param(
    kind: { apiVersion: string; kind: string },
    namespace: string,
    name: string,
  ): Soon<Known<JsonObject | null>>;
  /** What the API server's authorizers say; `user` is the request's, where the check names no ServiceAccount. */
  access(user: UserInfo, check: AccessCheck): Promise<AccessDecision>;
}

export interface PolicyPorts extends PolicyLookups {
  /** The policies that judge now. */
  current(): PolicySet;
  /** An annotation that denies agents because it cannot be read: whoever wrote it shall hear of it. Does not throw. */
  brokenAnnotation(broken: BrokenAnnotation): void;
}

export interface BrokenAnnotation {
  /** What it stands on. */
  on: { apiVersion: string; kind: string; namespace: string; name: string; uid: string };
  annotation: string;
  message: string;
}

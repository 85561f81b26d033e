/** What a check of access is: a row of what an agent must not be allowed. */
import type { Severity } from "./finding.ts";

/** One kind of request. */
export interface Ask {
  verbs: readonly string[];
  group: string;
  resource: string;
  subresource?: string;
  /** Of a cluster-scoped resource, which no RoleBinding opens. */
  cluster?: true;
  /** Only there. */
  namespaces?: readonly string[];
  /** Only these objects. */
  names?: readonly string[];
}

/** A kind of request for a path that is no resource. */
export interface UrlAsk {
  verbs: readonly string[];
  path: string;
}

/** What discovery tells of a resource or subresource. */
export interface Served {
  group: string;
  /** `pods`, or `pods/exec`. */
  resource: string;
  namespaced: boolean;
  verbs: readonly string[];
}

export interface Surroundings {
  /** Where Hoop is installed. */
  ownNamespace: string;
  /** All the API serves. */
  served: readonly Served[];
  /** Groups that another server answers for, through the aggregator, and not Hoop. */
  foreignGroups: ReadonlySet<string>;
}

export interface Check {
  id: string;
  severity: Severity;
  /** Where Hoop's admission webhook judges this agent, and with it denies or holds this. Left out: admission never sees it. */
  judged?: Severity;
  title: string;
  detail: string;
  /** Numbers of the ways around in docs/guides/doctor.md. */
  ways: readonly number[];
  /** Of NIST SP 800-53. */
  control: string;
  asks: (at: Surroundings) => readonly (Ask | UrlAsk)[];
}

export const READS = ["get", "list", "watch"] as const;
export const WRITES = ["create", "update", "patch", "delete", "deletecollection"] as const;
export const CHANGES = ["create", "update", "patch"] as const;

/** The same verbs on some resources of one group, `RESOURCE` or `RESOURCE/SUBRESOURCE`. */
export function asks(
  group: string,
  resources: readonly string[],
  verbs: readonly string[],
  more: Pick<Ask, "cluster" | "namespaces" | "names"> = {},
): Ask[] {
  return resources.map((full) => {
    const [resource = "", subresource] = full.split("/");
    return { group, resource, verbs, ...more, ...(subresource === undefined ? {} : { subresource }) };
  });
}

/** How people are told what an approval or a record is about. Not yet fit for a terminal: names may be an agent's. */
import type { Target } from "./approval.ts";

/** Such as `delete`, `exec`, `create eviction`. */
export function operationWords(operation: string, { subresource = "" }: Target): string {
  const verb = operation.toLowerCase();
  if (subresource === "") return verb;
  return operation === "CONNECT" ? subresource : `${verb} ${subresource}`;
}

/** Such as `deployments.apps/web`. */
export function targetWords({ group, resource, name }: Target): string {
  return `${group === "" ? resource : `${resource}.${group}`}/${name ?? "(generated name)"}`;
}

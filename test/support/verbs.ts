/** Every resource that is served, asked for by every verb there is: what RBAC says comes before what is served. */
import type { Call } from "./raw.ts";
import { pathTo, type Served, titleOf } from "./routes.ts";

export interface Asked {
  /** `VERB GROUP/RESOURCE[/SUBRESOURCE] VERSION`. */
  title: string;
  call: Call;
}

const NAME = "nobody";
const MERGE = "application/merge-patch+json";

type Way = readonly [verb: string, method: string, hasName: boolean, query?: string];

const OF_OBJECTS: readonly Way[] = [
  ["get", "GET", true],
  ["update", "PUT", true],
  ["patch", "PATCH", true],
  ["delete", "DELETE", true],
];
const OF_ALL: readonly Way[] = [
  ...OF_OBJECTS,
  ["create", "POST", false],
  ["list", "GET", false],
  ["watch", "GET", false, "?watch=true&timeoutSeconds=1"],
  ["deletecollection", "DELETE", false],
];
const OF_PARTS: readonly Way[] = [...OF_OBJECTS, ["create", "POST", true]];

/** In namespace `demo`, about an object that is not there. */
export function everyVerb(served: readonly Served[]): Asked[] {
  return served.flatMap((one) => {
    const { kind } = one;
    const body = {
      apiVersion: kind.group === "" ? kind.version : `${kind.group}/${kind.version}`,
      kind: kind.kind,
      metadata: { name: NAME },
    };
    return (one.subresource === "" ? OF_ALL : OF_PARTS).map(([verb, method, hasName, query = ""]) => ({
      title: `${verb} ${titleOf(one)} ${one.version}`,
      call: {
        method,
        path: pathTo(one, hasName ? NAME : "") + query,
        ...(method === "GET" || method === "DELETE" ? {} : { body }),
        ...(method === "PATCH" ? { type: MERGE } : {}),
      },
    }));
  });
}

/** What is about no resource. */
export const DOCUMENTS = [
  ...["/api", "/api/v1", "/apis", "/apis/apps", "/apis/apps/v1", "/apis/hoop.dev/v1alpha1"],
  ...["/openapi/v2", "/openapi/v3", "/openapi/v3/api/v1", "/version", "/healthz", "/livez", "/readyz"],
];
export const INTERNALS = [
  ...["/metrics", "/metrics/slis", "/logs", "/logs/kube-apiserver.log", "/configz", "/statusz", "/flagz"],
  ...[
    "/debug/pprof/",
    "/debug/pprof/cmdline",
    "/debug/flags/v",
    "/debug/api_priority_and_fairness/dump_requests",
  ],
  ...["/index.html", "/ui", "/static/x"],
];

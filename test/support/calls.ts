/** Where requests go, and how they are made, in tables of what an agent tries. */
import type { Call } from "./raw.ts";

export const DEMO = "/api/v1/namespaces/demo";
export const HOOP = "/api/v1/namespaces/hoop-system";
export const APPS = "/apis/apps/v1/namespaces/demo";
export const BATCH = "/apis/batch/v1/namespaces/demo";
export const RBAC = "/apis/rbac.authorization.k8s.io/v1";
export const FLOW = "/apis/flowcontrol.apiserver.k8s.io/v1";
export const CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";

export const MERGE = "application/merge-patch+json";
const APPLY = "application/apply-patch+yaml";

export const post = (path: string, body: object): Call => ({ method: "POST", path, body });
export const put = (path: string, body: object): Call => ({ method: "PUT", path, body });
export const del = (path: string, body?: object): Call => ({
  method: "DELETE",
  path,
  ...(body && { body }),
});
export const patch = (path: string, body: object | string, type = MERGE): Call => ({
  ...{ method: "PATCH", path, body, type },
});
export const apply = (path: string, body: object): Call =>
  patch(`${path}?fieldManager=mallory&force=true`, body, APPLY);

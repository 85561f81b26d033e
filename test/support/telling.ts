/** Objects whose passwords the API server repeats where it refuses what is asked of them. */
import type { Call } from "./raw.ts";

/** Objects with passwords that no Secret holds, and a Secret that repeats the value of another one. */
export function telling(): object[] {
  const meta = { metadata: { name: "telling", namespace: "demo" } };
  const container = {
    ...{ name: "c", image: "b", args: ["--password", "argument-pass"] },
    env: [{ name: "DB_PASSWORD", value: "variable-pass" }],
  };
  const pod = { automountServiceAccountToken: false, serviceAccountName: "telling", containers: [container] };
  const labels = { app: "telling" };
  const secret = (name: string, note: string, stringData: object) => ({
    ...{ apiVersion: "v1", kind: "Secret", metadata: { name, namespace: "demo", annotations: { note } } },
    stringData,
  });
  return [
    { apiVersion: "v1", kind: "ServiceAccount", ...meta },
    { apiVersion: "v1", kind: "ConfigMap", ...meta, data: { auth: "setting-pass" } },
    { apiVersion: "v1", kind: "Pod", ...meta, spec: pod },
    {
      ...{ apiVersion: "batch/v1", kind: "Job", ...meta },
      spec: { suspend: true, template: { spec: { ...pod, restartPolicy: "Never" } } },
    },
    {
      ...{ apiVersion: "apps/v1", kind: "Deployment", ...meta },
      spec: { replicas: 0, selector: { matchLabels: labels }, template: { metadata: { labels }, spec: pod } },
    },
    secret("other", "", { password: "value-of-the-other" }),
    secret("telling", "as in value-of-the-other", { password: "another-value" }),
  ];
}

const MERGE = "application/merge-patch+json";
const STRATEGIC = "application/strategic-merge-patch+json";
const patchOf = (path: string, type: string, spec: object) => ({
  path: `${path}/telling?dryRun=All`,
  type,
  body: spec,
});
/** What the API server refuses, and quotes in what it says of it. */
export const TOLD: Readonly<Record<string, Call>> = {
  "a pod's variable": patchOf("/api/v1/namespaces/demo/pods", STRATEGIC, {
    spec: { containers: [{ name: "c", env: [{ name: "DB_PASSWORD", value: "q" }] }] },
  }),
  "a pod's arguments": patchOf("/api/v1/namespaces/demo/pods", STRATEGIC, {
    spec: { containers: [{ name: "c", args: ["q"] }] },
  }),
  "a Job's template": patchOf("/apis/batch/v1/namespaces/demo/jobs", MERGE, {
    spec: { template: { spec: { restartPolicy: "OnFailure" } } },
  }),
  "what no Deployment can be read from": patchOf("/apis/apps/v1/namespaces/demo/deployments", MERGE, {
    spec: { template: { spec: { restartPolicy: { a: 1 } } } },
  }),
  "what no ConfigMap can be read from": patchOf("/api/v1/namespaces/demo/configmaps", MERGE, {
    data: { z: { a: 1 } },
  }),
};

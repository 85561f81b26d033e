/** One effect, by each way there is to write it. */
import type { Call } from "./raw.ts";

/** Of two pods. */
export const deployment = (name: string) => ({
  ...{ apiVersion: "apps/v1", kind: "Deployment", metadata: { name, namespace: "demo" } },
  spec: {
    replicas: 2,
    selector: { matchLabels: { app: name } },
    template: {
      metadata: { labels: { app: name } },
      spec: { automountServiceAccountToken: false, containers: [{ name: "main", image: "app:1" }] },
    },
  },
});
const DEPLOYMENTS = "/apis/apps/v1/namespaces/demo/deployments";
const NONE = { spec: { replicas: 0 } };
const scaleOf = (name: string) => ({
  ...{ apiVersion: "autoscaling/v1", kind: "Scale", metadata: { name, namespace: "demo" } },
  ...NONE,
});
const patched =
  (type: string, body: object, below = "") =>
  (name: string): Call => ({
    ...{ method: "PATCH", path: `${DEPLOYMENTS}/${name}${below}`, type: `application/${type}`, body },
  });
const REPLACED = [{ op: "replace", path: "/spec/replicas", value: 0 }];
/** Every way to leave a Deployment without pods. */
export const SCALED_TO_NONE: Readonly<Record<string, (name: string) => Call>> = {
  put: (name) => {
    const { spec, ...rest } = deployment(name);
    return {
      method: "PUT",
      path: `${DEPLOYMENTS}/${name}`,
      body: { ...rest, spec: { ...spec, ...NONE.spec } },
    };
  },
  merge: patched("merge-patch+json", NONE),
  strategic: patched("strategic-merge-patch+json", NONE),
  json: patched("json-patch+json", REPLACED),
  apply: (name) => ({
    ...patched("apply-patch+yaml", { ...scaleOf(name), apiVersion: "apps/v1", kind: "Deployment" })(name),
    path: `${DEPLOYMENTS}/${name}?fieldManager=x&force=true`,
  }),
  "put of the scale": (name) => ({
    method: "PUT",
    path: `${DEPLOYMENTS}/${name}/scale`,
    body: scaleOf(name),
  }),
  "merge of the scale": patched("merge-patch+json", NONE, "/scale"),
  "json of the scale": patched("json-patch+json", REPLACED, "/scale"),
};

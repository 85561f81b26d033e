/** What an agent would write of several kinds, tried until the API server stamps it. */
import { setTimeout as delay } from "node:timers/promises";
import type { Caller } from "./raw.ts";

const metadata = { name: "probe" };
const template = {
  metadata: { labels: { app: "probe" } },
  spec: { restartPolicy: "Never", containers: [{ name: "main", image: "x" }] },
};
const always = { ...template, spec: { ...template.spec, restartPolicy: "Always" } };
const backend = { service: { name: "b", port: { number: 80 } } };

/** By the path of its kind, without what the kind has in common. */
const PROBES: Readonly<Record<string, object>> = {
  "/api/v1/namespaces/demo/configmaps": {},
  "/apis/rbac.authorization.k8s.io/v1/namespaces/demo/roles": {
    rules: [{ apiGroups: [""], resources: ["pods"], verbs: ["get"] }],
  },
  "/apis/apps/v1/namespaces/demo/deployments": {
    spec: { selector: { matchLabels: { app: "probe" } }, template: always },
  },
  "/apis/batch/v1/namespaces/demo/jobs": { spec: { template } },
  "/apis/networking.k8s.io/v1/namespaces/demo/ingresses": {
    spec: { rules: [{ host: "a.dev", http: { paths: [{ path: "/", pathType: "Exact", backend }] } }] },
  },
};

/**
 * A new API server takes up a policy, and the schemas it needs for it, within seconds; until then what agents write is
 * not stamped, or refused. Not by kubectl, which would keep the machine busy with processes.
 */
export async function untilStamped(agent: Caller): Promise<void> {
  for (const [path, content] of Object.entries(PROBES))
    for (let attempt = 0; ; attempt++) {
      const body = { metadata, ...content };
      const { code, text } = await agent({ method: "POST", path: `${path}?dryRun=All`, body });
      if (code === 201 && text.includes('"hoop.dev/agent"')) break;
      if (attempt > 1000) throw new Error(`what agents write is not stamped: ${code} ${text}`);
      await delay(250);
    }
}

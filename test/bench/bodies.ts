/** What is written in a round: a Pod of 3 KB and a Deployment of 60 KB, both harmless, so that every target allows them. */

const variables = (count: number) =>
  Array.from({ length: count }, (_, n) => ({
    name: `VARIABLE_${n}`,
    value: `the value of variable number ${n}`,
  }));

const container = (n: number, count: number) => ({
  name: `container-${n}`,
  image: `registry.example.com/team/application-${n}:1.2.3`,
  command: ["/bin/application", "--listen=:8080", `--instance=${n}`],
  env: variables(count),
  resources: { limits: { cpu: "1", memory: "1Gi" }, requests: { cpu: "100m", memory: "128Mi" } },
});

const podSpec = (containers: number, count: number) => ({
  // Else it would run as a ServiceAccount it did not already use, which is held.
  automountServiceAccountToken: false,
  containers: Array.from({ length: containers }, (_, n) => container(n, count)),
});

export interface Body {
  name: string;
  path: (namespace: string) => string;
  text: string;
}

const podOf = (name: string, containers: number, count: number): Body => ({
  name,
  path: (namespace) => `/api/v1/namespaces/${namespace}/pods`,
  text: JSON.stringify({
    apiVersion: "v1",
    kind: "Pod",
    metadata: { generateName: "bench-" },
    spec: podSpec(containers, count),
  }),
});

const deploymentOf = (name: string, containers: number, count: number): Body => ({
  name,
  path: (namespace) => `/apis/apps/v1/namespaces/${namespace}/deployments`,
  text: JSON.stringify({
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { generateName: "bench-" },
    spec: {
      replicas: 1,
      selector: { matchLabels: { app: "bench" } },
      template: { metadata: { labels: { app: "bench" } }, spec: podSpec(containers, count) },
    },
  }),
});

export const BODIES: readonly [Body, Body] = [
  podOf("Pod 3 KB", 2, 17),
  deploymentOf("Deployment 60 KB", 10, 84),
];

/** What policies are judged on, besides. */
export const LARGER_BODIES: readonly Body[] = [
  podOf("Pod 12 KB", 4, 40),
  deploymentOf("Deployment 120 KB", 20, 84),
];

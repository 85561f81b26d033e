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

export const BODIES: readonly Body[] = [
  {
    name: "Pod 3 KB",
    path: (namespace) => `/api/v1/namespaces/${namespace}/pods`,
    text: JSON.stringify({
      apiVersion: "v1",
      kind: "Pod",
      metadata: { generateName: "bench-" },
      spec: podSpec(2, 17),
    }),
  },
  {
    name: "Deployment 60 KB",
    path: (namespace) => `/apis/apps/v1/namespaces/${namespace}/deployments`,
    text: JSON.stringify({
      apiVersion: "apps/v1",
      kind: "Deployment",
      metadata: { generateName: "bench-" },
      spec: {
        replicas: 1,
        selector: { matchLabels: { app: "bench" } },
        template: { metadata: { labels: { app: "bench" } }, spec: podSpec(10, 84) },
      },
    }),
  },
];

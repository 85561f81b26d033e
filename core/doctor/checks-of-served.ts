/** Ways that depend on what is installed: found by discovery. */
import { type Ask, CHANGES, type Check, type Served, type Surroundings } from "./check.ts";

/** Controllers with rights of their own that do for an agent what its objects say; by API group. */
export const DEPUTIES: Readonly<Record<string, string>> = {
  "argoproj.io": "Argo CD, Workflows or Rollouts apply manifests and run pods",
  "kustomize.toolkit.fluxcd.io": "Flux applies manifests",
  "helm.toolkit.fluxcd.io": "Flux installs Helm charts",
  "source.toolkit.fluxcd.io": "Flux fetches sources that others apply",
  "helm.cattle.io": "the Helm controller installs charts",
  "fleet.cattle.io": "Fleet applies manifests",
  "tekton.dev": "Tekton runs pods",
  "triggers.tekton.dev": "Tekton makes objects when it is called",
  "apiextensions.crossplane.io": "Crossplane composes any objects",
  "pkg.crossplane.io": "Crossplane installs controllers with their rights",
  "kubernetes.crossplane.io": "Crossplane writes and reads any object",
  "external-secrets.io": "External Secrets writes Secrets, and pushes them to other stores",
  "generators.external-secrets.io": "External Secrets makes credentials",
  "secrets-store.csi.x-k8s.io": "the Secrets Store driver mounts and copies Secrets",
  "secrets.hashicorp.com": "the Vault operator writes Secrets",
  "bitnami.com": "Sealed Secrets unseals into Secrets",
  "kyverno.io": "Kyverno generates, mutates and reads objects with its own rights",
  "policies.kyverno.io": "Kyverno generates, mutates and reads objects with its own rights",
  "mutations.gatekeeper.sh": "Gatekeeper rewrites objects",
  "kro.run": "kro makes any objects",
  "operators.coreos.com": "the Operator Lifecycle Manager installs operators with their rights",
  "olm.operatorframework.io": "the Operator Lifecycle Manager installs operators with their rights",
  "cert-manager.io": "cert-manager writes certificates and their keys",
  "snapshot.storage.k8s.io": "volumes are copied, with what is on them",
  "serving.knative.dev": "Knative runs pods",
  "sparkoperator.k8s.io": "the Spark operator runs pods",
  "kubeflow.org": "Kubeflow runs pods",
  "ray.io": "Ray runs pods",
  "keda.sh": "KEDA runs pods and reads Secrets for its triggers",
  "monitoring.coreos.com": "the Prometheus operator runs pods, and reads Secrets it is pointed to",
  "velero.io": "Velero restores and backs up any objects, Secrets included",
  "cluster.x-k8s.io": "Cluster API makes clusters, and keeps their kubeconfigs",
  "networking.istio.io": "Istio steers traffic",
  "gateway.networking.k8s.io": "gateways steer traffic",
};

/** What a group's subresource is usually called when it opens a connection or gives out credentials. */
const CONNECTING =
  /\/(exec|attach|portforward|proxy|console|vnc|ssh|sev|usbredir|log|logs|shell|token|kubeconfig|credentials)$/;

/** Those of Kubernetes itself have rows of their own. */
function isBuiltIn(group: string): boolean {
  return !group.includes(".") || group.endsWith(".k8s.io");
}

export const SERVED_CHECKS: readonly Check[] = [
  {
    id: "deputies",
    severity: "medium",
    title: "has controllers act for it",
    detail:
      "What such a controller then reads and writes is its own doing, not the agent's: nobody is asked. Hoop judges and " +
      "records only the object that tells it to.",
    ways: [30],
    control: "AC-6",
    asks: ({ served }) =>
      served.filter(({ group }) => Object.hasOwn(DEPUTIES, group)).flatMap((one) => changing(one)),
  },
  {
    id: "hoop-policies",
    severity: "critical",
    title: "changes the policies that hold for it",
    detail: "Who is an agent, and what is held, may be said by objects.",
    ways: [37],
    control: "AC-25",
    asks: ({ served }) =>
      served.filter(({ group }) => group === "policy.hoop.dev").flatMap((one) => changing(one)),
  },
  {
    id: "foreign-connections",
    severity: "medium",
    title: "connects to workloads through another API",
    detail: "A console, shell or token that another group serves.",
    ways: [12, 52],
    control: "AC-3",
    asks: (at) =>
      at.served
        .filter(
          ({ group, resource }) => !isBuiltIn(group) && group !== "hoop.dev" && CONNECTING.test(resource),
        )
        .map((one) => askOf(one, one.verbs)),
  },
  {
    id: "foreign-apis",
    severity: "medium",
    title: "writes through servers that admission does not guard",
    detail:
      "Another server answers for this group, behind the aggregator; kube-apiserver's admission does not run for it.",
    ways: [52],
    control: "AC-3",
    asks: (at) =>
      at.served.filter(({ group }) => at.foreignGroups.has(group)).flatMap((one) => changing(one)),
  },
];

/** Groups of controllers that act for others, of all that are served. */
export function deputiesIn({ served }: Surroundings): string[] {
  return [...new Set(served.map(({ group }) => group))].filter((group) => Object.hasOwn(DEPUTIES, group));
}

function changing(served: Served): Ask[] {
  const verbs = CHANGES.filter((verb) => served.verbs.includes(verb));
  return verbs.length === 0 || served.resource.includes("/") ? [] : [askOf(served, verbs)];
}

function askOf({ group, resource: full, namespaced }: Served, verbs: readonly string[]): Ask {
  const [resource = "", subresource] = full.split("/");
  return {
    group,
    resource,
    verbs,
    ...(subresource === undefined ? {} : { subresource }),
    ...(namespaced ? {} : { cluster: true }),
  };
}

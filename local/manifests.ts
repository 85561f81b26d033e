/** The manifests of deploy/base, changed as little as a local installation needs: Hoop runs on this host, on ports of its own. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { parse, parseAllDocuments } from "yaml";

const BASE = join(import.meta.dirname, "..", "deploy", "base");

export interface LocalPorts {
  api: number;
  webhook: number;
}

interface Manifest {
  kind: string;
  metadata: { name: string; namespace?: string };
  spec?: Record<string, unknown> & { service?: { port: number } };
  webhooks?: { clientConfig: { service: { port: number; path: string } } }[];
}

/** The files that kustomization.yaml lists, as one JSON List for `kubectl apply`. `secret`: the unguessable part of the paths. */
export async function localManifests(ports: LocalPorts, secret?: string): Promise<string> {
  const kustomization = parse(await readFile(join(BASE, "kustomization.yaml"), "utf8")) as {
    resources: string[];
  };
  const texts = await Promise.all(kustomization.resources.map((file) => readFile(join(BASE, file), "utf8")));
  const items = texts
    .flatMap((text) => parseAllDocuments(text).map((document) => document.toJS() as Manifest))
    .map((manifest) => localized(manifest, ports, secret));
  return JSON.stringify({ apiVersion: "v1", kind: "List", items });
}

function localized(manifest: Manifest, ports: LocalPorts, secret: string | undefined): Manifest {
  switch (manifest.kind) {
    case "Service":
      // Resolved by kube-apiserver itself: no endpoints and no cluster network needed.
      return { ...manifest, spec: { type: "ExternalName", externalName: "localhost" } };
    case "APIService":
      return {
        ...manifest,
        spec: { ...manifest.spec, service: { ...manifest.spec?.service, port: ports.api } },
      };
    case "ValidatingWebhookConfiguration":
    case "MutatingWebhookConfiguration":
      return {
        ...manifest,
        webhooks: (manifest.webhooks ?? []).map((webhook) => {
          const { service } = webhook.clientConfig;
          const path = secret === undefined ? service.path : `${service.path}/${secret}`;
          return { ...webhook, clientConfig: { service: { ...service, port: ports.webhook, path } } };
        }),
      };
    default:
      return manifest;
  }
}

/** Who is who in the tour: an agent that RBAC lets do everything, so that only Hoop stands in between; and who decides. */
export function tourManifests(): string {
  const binding = (name: string, role: string, subject: object) => ({
    apiVersion: "rbac.authorization.k8s.io/v1",
    kind: "ClusterRoleBinding",
    metadata: { name },
    roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: role },
    subjects: [{ apiGroup: "rbac.authorization.k8s.io", ...subject }],
  });
  return JSON.stringify({
    apiVersion: "v1",
    kind: "List",
    items: [
      binding("tour-agents", "cluster-admin", { kind: "Group", name: "hoop:agents" }),
      binding("tour-approvers", "hoop-approver", { kind: "User", name: "approver" }),
      { apiVersion: "v1", kind: "Namespace", metadata: { name: "demo" } },
    ],
  });
}

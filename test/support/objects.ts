/** Manifests as agents and people write them, in namespace `demo` where they are in one. */
import forge from "node-forge";

/** A Kubernetes object, as loose as a YAML file. */
export type Manifest = {
  apiVersion: string;
  kind: string;
  metadata: { name: string; namespace?: string };
} & Record<string, unknown>;

const LABELS = { app: "web" };

export function namespaced(apiVersion: string, kind: string, name: string, rest: object = {}): Manifest {
  return { apiVersion, kind, metadata: { name, namespace: "demo" }, ...rest };
}

export function clusterScoped(apiVersion: string, kind: string, name: string, rest: object = {}): Manifest {
  return { apiVersion, kind, metadata: { name }, ...rest };
}

/** What no rule of the catalogue holds. */
export const HARMLESS = {
  automountServiceAccountToken: false,
  containers: [{ name: "main", image: "app:1" }],
};

export const PRIVILEGED = {
  automountServiceAccountToken: false,
  containers: [{ name: "main", image: "app:1", securityContext: { privileged: true } }],
};

/** Runs as `default`, whose token is mounted by admission under a random name. */
export const WITH_TOKEN = { containers: [{ name: "main", image: "app:1" }] };

export function pod(name: string, spec: object = HARMLESS): Manifest {
  return namespaced("v1", "Pod", name, { spec });
}

export function template(spec: object): object {
  return { metadata: { labels: LABELS }, spec };
}

export function deployment(name: string, spec: object = HARMLESS): Manifest {
  return namespaced("apps/v1", "Deployment", name, { spec: selected(spec) });
}

/** `spec` of a workload that selects its pods by label. */
export function selected(spec: object): object {
  return { selector: { matchLabels: LABELS }, template: template(spec) };
}

export function job(name: string, spec: object = HARMLESS, rest: object = {}): Manifest {
  return namespaced("batch/v1", "Job", name, { spec: jobSpec(spec, rest) });
}

export function cronJob(name: string, spec: object = HARMLESS): Manifest {
  const jobTemplate = { spec: jobSpec(spec) };
  return namespaced("batch/v1", "CronJob", name, { spec: { schedule: "0 4 * * *", jobTemplate } });
}

function jobSpec(spec: object, rest: object = {}): object {
  return { template: { spec: { restartPolicy: "Never", ...spec } }, ...rest };
}

/** A (cluster) role binding of `view` to these users. */
export function binding(kind: "RoleBinding" | "ClusterRoleBinding", name: string, users: string[]): Manifest {
  const rest = {
    roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "view" },
    subjects: users.map((user) => ({ apiGroup: "rbac.authorization.k8s.io", kind: "User", name: user })),
  };
  const make = kind === "RoleBinding" ? namespaced : clusterScoped;
  return make("rbac.authorization.k8s.io/v1", kind, name, rest);
}

export function secret(name: string, value = "hunter2"): Manifest {
  return namespaced("v1", "Secret", name, { stringData: { password: value } });
}

export function customResource(plural: string): Manifest {
  const kind = plural.charAt(0).toUpperCase() + plural.slice(1);
  return clusterScoped("apiextensions.k8s.io/v1", "CustomResourceDefinition", `${plural}.example.com`, {
    spec: {
      group: "example.com",
      scope: "Namespaced",
      names: { plural, singular: plural, kind, listKind: `${kind}List` },
      versions: [
        { name: "v1", served: true, storage: true, schema: { openAPIV3Schema: { type: "object" } } },
      ],
    },
  });
}

/** A CertificateSigningRequest for a client certificate of `user`. */
export function signingRequest(name: string, user: string): Manifest {
  const keys = forge.pki.rsa.generateKeyPair(2048);
  const csr = forge.pki.createCertificationRequest();
  csr.publicKey = keys.publicKey;
  csr.setSubject([{ name: "commonName", value: user }]);
  csr.sign(keys.privateKey, forge.md.sha256.create());
  return clusterScoped("certificates.k8s.io/v1", "CertificateSigningRequest", name, {
    spec: {
      request: Buffer.from(forge.pki.certificationRequestToPem(csr)).toString("base64"),
      signerName: "kubernetes.io/kube-apiserver-client",
      usages: ["client auth"],
    },
  });
}

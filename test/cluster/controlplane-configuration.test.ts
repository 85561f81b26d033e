import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { startControlPlane } from "#controlplane/controlplane.ts";
import { answersOk } from "#controlplane/https-probe.ts";
import { kindFlags } from "#controlplane/kind-config.ts";
import { podOn, until } from "../support/control-plane.ts";

const root = join(import.meta.dirname, "..", "..");

describe("an API server's configuration", function () {
  this.timeout(900_000);

  it("is taken from objects", async () => {
    const plane = await startControlPlane({
      authorizationConfig: {
        apiVersion: "apiserver.config.k8s.io/v1",
        kind: "AuthorizationConfiguration",
        authorizers: [{ type: "RBAC", name: "rbac" }],
      },
      admissionConfig: {
        apiVersion: "apiserver.config.k8s.io/v1",
        kind: "AdmissionConfiguration",
        plugins: [
          {
            name: "PodSecurity",
            configuration: {
              apiVersion: "pod-security.admission.config.k8s.io/v1",
              kind: "PodSecurityConfiguration",
              defaults: { enforce: "restricted" },
            },
          },
        ],
      },
      authenticationConfig: {
        apiVersion: "apiserver.config.k8s.io/v1",
        kind: "AuthenticationConfiguration",
        anonymous: { enabled: false },
      },
      auditPolicy: { apiVersion: "audit.k8s.io/v1", kind: "Policy", rules: [{ level: "Metadata" }] },
    });
    try {
      await plane.createNamespace("strict");
      const input = podOn("careless", "strict", "nowhere");
      const { stderr } = await plane.kubectl(["create", "-f", "-"], { input });
      expect(stderr).to.contain('violates PodSecurity "restricted:latest"');
      const nobody = await plane.kubeconfig("nobody");
      const refused = await plane.kubectl(["get", "secrets"], { kubeconfig: nobody });
      expect(refused.stderr).to.contain('User "nobody" cannot list resource "secrets"');
      const ca = await readFile(plane.caCertificatePath, "utf8");
      expect(await answersOk(`${plane.url}/version`, { ca }), "an anonymous caller is answered").to.equal(
        false,
      );
      expect(await readFile(join(plane.directory, "logs", "audit.log"), "utf8")).to.contain(
        '"username":"nobody"',
      );
    } finally {
      await plane.stop();
    }
  });

  it("can be just what kind-config.yaml gives to kind", async () => {
    const files = await mkdtemp(join(tmpdir(), "hoop-kubernetes-test-"));
    const config = {
      "authorization-config.yaml": `
apiVersion: apiserver.config.k8s.io/v1
kind: AuthorizationConfiguration
authorizers: [{type: Node, name: node}, {type: RBAC, name: rbac}]`,
      "admission-config.yaml": `
apiVersion: apiserver.config.k8s.io/v1
kind: AdmissionConfiguration
plugins: []`,
      "audit-policy.yaml": `
apiVersion: audit.k8s.io/v1
kind: Policy
rules: [{level: Metadata}]`,
      "audit.kubeconfig": `
apiVersion: v1
kind: Config
clusters: [{name: hoop, cluster: {server: "https://127.0.0.1:1"}}]
contexts: [{name: hoop, context: {cluster: hoop, user: hoop}}]
current-context: hoop
users: [{name: hoop, user: {}}]`,
    };
    for (const [name, content] of Object.entries(config)) await writeFile(join(files, name), content);
    const flags = await kindFlags(join(root, "kind-config.yaml"), {
      "/etc/kubernetes/hoop": files,
      "/var/log/kubernetes/hoop": files,
    });
    expect(flags).to.include.keys(
      "authorization-config",
      "admission-control-config-file",
      "audit-policy-file",
    );
    const plane = await startControlPlane({ flags });
    try {
      const nobody = await plane.kubeconfig("nobody");
      expect((await plane.kubectl(["get", "pods"], { kubeconfig: nobody })).code).to.equal(1);
      await until("it is audited", async () =>
        (await readFile(join(files, "audit.log"), "utf8")).includes('"username":"nobody"'),
      );
    } finally {
      await plane.stop();
      await rm(files, { recursive: true });
    }
  });

  const broken = {
    "a path that no volume of the API server has": [
      "mountPath: /etc/kubernetes/hoop",
      "mountPath: /elsewhere",
    ],
    "a volume that is not mounted into the node": [
      "containerPath: /etc/kubernetes/hoop",
      "containerPath: /elsewhere",
    ],
  } as const;
  for (const [what, [from, to]] of Object.entries(broken))
    it(`of a kind file is refused with ${what}`, async () => {
      const folder = await mkdtemp(join(tmpdir(), "hoop-kubernetes-test-"));
      const file = join(folder, "kind-config.yaml");
      const text = await readFile(join(root, "kind-config.yaml"), "utf8");
      await writeFile(file, text.replace(from, to));
      const mapping = { "/etc/kubernetes/hoop": "/tmp", "/var/log/kubernetes/hoop": "/tmp" };
      const failure = await kindFlags(file, mapping).catch((error: unknown) => error);
      await rm(folder, { recursive: true });
      expect(failure).to.be.an("error");
      expect(String(failure)).to.contain("/etc/kubernetes/hoop");
    });
});

/** deploy/ as an operator uses it: what kubectl applies of it, and Hoop with the identity and the rights it gives. */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { expect } from "chai";
import { parse, stringify } from "yaml";
import { type ControlPlane, startControlPlane } from "#controlplane/controlplane.ts";
import { type Hoop, startHoop } from "../../hoop.ts";
import { localManifests } from "../../local/manifests.ts";
import { parseSettings } from "../../settings.ts";
import { must, until } from "../support/control-plane.ts";
import { HARMLESS, PRIVILEGED, pod } from "../support/objects.ts";
import { asUserOf, rawCaller } from "../support/raw.ts";
import { startTestbed, type Testbed } from "../support/testbed.ts";

const ROOT = join(import.meta.dirname, "..", "..");
const DEPLOY = join(ROOT, "deploy");
const HOOP = "system:serviceaccount:hoop-system:hoop";
/** The built-in kinds with a scale, and how they select their pods. */
const LABELS = { a: "b" };
const SCALED = {
  deployments: { apiVersion: "apps/v1", kind: "Deployment", selector: { matchLabels: LABELS } },
  replicasets: { apiVersion: "apps/v1", kind: "ReplicaSet", selector: { matchLabels: LABELS } },
  statefulsets: { apiVersion: "apps/v1", kind: "StatefulSet", selector: { matchLabels: LABELS } },
  replicationcontrollers: { apiVersion: "v1", kind: "ReplicationController", selector: LABELS },
};
const STRICTLY = ["apply", "--server-side", "--force-conflicts", "--validate=strict"];

/** cert-manager's kinds, as far as the API server needs to know them. */
const CERT_MANAGER = ["Issuer", "Certificate"].map((kind) => ({
  apiVersion: "apiextensions.k8s.io/v1",
  kind: "CustomResourceDefinition",
  metadata: { name: `${kind.toLowerCase()}s.cert-manager.io` },
  spec: {
    group: "cert-manager.io",
    scope: "Namespaced",
    names: { kind, plural: `${kind.toLowerCase()}s`, singular: kind.toLowerCase(), listKind: `${kind}List` },
    versions: [
      {
        name: "v1",
        served: true,
        storage: true,
        schema: {
          openAPIV3Schema: {
            type: "object",
            properties: { spec: { type: "object", "x-kubernetes-preserve-unknown-fields": true } },
          },
        },
      },
    ],
  },
}));

interface Workload {
  metadata: { namespace: string };
  spec: {
    template: { metadata: object; spec: { volumes: object[] } };
    volumeClaimTemplates: { metadata: { name: string } }[];
  };
}

describe("deploy/", function () {
  this.timeout(120_000);

  describe("applied as it is", () => {
    let plane: ControlPlane;
    let scratch: string;

    before(async function () {
      this.timeout(1_200_000);
      scratch = await mkdtemp(join(tmpdir(), "hoop-deploy-"));
      plane = await startControlPlane();
      const input = JSON.stringify({ apiVersion: "v1", kind: "List", items: CERT_MANAGER });
      await must(plane, ["apply", "--server-side", "-f", "-"], { input });
      await must(plane, ["wait", "--for=condition=Established", "crd", "--all", "--timeout=300s"]);
    });

    after(async () => {
      await plane?.stop();
      await rm(scratch, { recursive: true, force: true });
    });

    /** deploy/base with a component, as an overlay that an operator writes. */
    async function withComponent(name: string): Promise<string> {
      const kustomization = {
        apiVersion: "kustomize.config.k8s.io/v1beta1",
        kind: "Kustomization",
        resources: [relative(scratch, join(DEPLOY, "base"))],
        components: [relative(scratch, join(DEPLOY, "components", name))],
      };
      await writeFile(join(scratch, "kustomization.yaml"), stringify(kustomization));
      return scratch;
    }

    /** The overlay that the guide gives as an example under this heading. */
    async function ofGuide(heading: string): Promise<string> {
      const guide = await readFile(join(ROOT, "docs", "guides", "install.md"), "utf8");
      const section = guide.slice(guide.indexOf(`## ${heading}\n`));
      const [, indent = "", block = ""] = /^( *)```yaml\n(.*?)^ *```$/ms.exec(section) ?? [];
      const overlay = block.replaceAll(new RegExp(`^${indent}`, "gm"), "");
      await writeFile(
        join(scratch, "kustomization.yaml"),
        overlay.replaceAll("path/to/deploy", relative(scratch, DEPLOY)),
      );
      await writeFile(join(scratch, "settings.yaml"), "{}");
      return scratch;
    }

    const FOLDERS: Readonly<Record<string, () => Promise<string>>> = {
      "the base": async () => join(DEPLOY, "base"),
      "the overlay for kind": async () => join(DEPLOY, "overlays", "kind"),
      "the overlay for cert-manager": async () => join(DEPLOY, "overlays", "cert-manager"),
      "the base with stamps by webhook": () => withComponent("stamp-by-webhook"),
      "the base with certificates from a Secret": () => withComponent("certificates-from-secret"),
      "the base with the net": () => withComponent("net"),
      "the base with a role for agents": () => withComponent("agent-rbac"),
      "the base with its registration in a file": () => withComponent("static-registration"),
      "the base with token exchange": () => withComponent("exchange"),
      "the guide's overlay for one's own API server": () =>
        ofGuide("A cluster whose API server's flags are yours"),
      "the guide's overlay for a managed cluster": () => ofGuide("A managed cluster"),
    };
    for (const [name, folder] of Object.entries(FOLDERS))
      describe(name, () => {
        before(async () => {
          // The address of a Service does not change once it has one.
          await must(plane, ["delete", "service", "hoop", "-n", "hoop-system", "--ignore-not-found"]);
        });

        it("is taken by the API server without a complaint", async () => {
          const { code, stdout, stderr } = await plane.kubectl([...STRICTLY, "-k", await folder()]);
          expect(stderr).to.equal("");
          expect(code).to.equal(0);
          expect(stdout).to.contain("statefulset.apps/hoop serverside-applied");
        });

        it("has a pod that fits where restricted ones are enforced", async () => {
          const get = ["get", "statefulset", "hoop", "-n", "hoop-system", "-o", "json"];
          const { metadata, spec } = JSON.parse(await must(plane, get)) as Workload;
          const claims = spec.volumeClaimTemplates.map(({ metadata: { name: claim } }) => ({
            name: claim,
            persistentVolumeClaim: { claimName: `${claim}-hoop-0` },
          }));
          const { template } = spec;
          const pod = {
            apiVersion: "v1",
            kind: "Pod",
            metadata: { ...template.metadata, name: "hoop-0", namespace: metadata.namespace },
            spec: { ...template.spec, volumes: [...template.spec.volumes, ...claims] },
          };
          const input = JSON.stringify(pod);
          const said = await must(plane, ["create", "--dry-run=server", "-f", "-"], { input });
          expect(said).to.contain("pod/hoop-0 created");
        });
      });

    it("leaves its registration to the API server's files where these have it", async () => {
      const rendered = await must(plane, ["kustomize", await withComponent("static-registration")]);
      expect(rendered).to.contain("kind: MutatingAdmissionPolicy");
      const named = [
        ...rendered.matchAll(/^kind: \w+WebhookConfiguration\nmetadata:.*?\n {2}name: (\S+)$/gms),
      ];
      expect(named.map(([, name]) => name)).to.deep.equal(["config.hoop.dev"]);
    });

    it("stamps either by policy or by webhook", async () => {
      const kinds = async (folder: string) =>
        [...(await must(plane, ["kustomize", folder])).matchAll(/^kind: (Mutating\w+)$/gm)].map(
          ([, kind]) => kind,
        );
      expect(await kinds(join(DEPLOY, "base"))).to.have.members([
        "MutatingAdmissionPolicy",
        "MutatingAdmissionPolicyBinding",
      ]);
      expect(await kinds(await withComponent("stamp-by-webhook"))).to.deep.equal([
        "MutatingWebhookConfiguration",
      ]);
    });
  });

  describe("run as it says", () => {
    let bed: Testbed;
    let hoop: Hoop;
    let token: string;

    before(async function () {
      this.timeout(1_200_000);
      const rule = { level: "Metadata", users: [HOOP], omitStages: ["RequestReceived"] };
      const auditPolicy = { apiVersion: "audit.k8s.io/v1", kind: "Policy", rules: [rule] };
      bed = await startTestbed({ controlPlane: { auditPolicy }, node: true });
      await bed.stopHoop();
      // Both ways of stamping, and a CA bundle that is not there yet: so that each of the rights is used.
      const ports = { api: bed.apiPort, webhook: bed.webhookPort };
      for (const stampBy of ["policy", "webhook"] as const) {
        const manifests = JSON.parse(await localManifests(ports, { stampBy })) as { items: object[] };
        await bed.apply(manifests.items);
      }
      const removed = '[{"op": "remove", "path": "/spec/caBundle"}]';
      await bed.must("human", ["patch", "apiservice", "v1alpha1.hoop.dev", "--type=json", "-p", removed]);
      token = await bed.controlPlane.serviceAccountToken("hoop-system", "hoop");
      const kubeconfig = await bed.controlPlane.kubeconfigWithToken("hoop", token);
      const settings = { ...parse(bed.settingsYaml), kubeconfig, doctor: { everySeconds: 1 } };
      const silent = { info: () => {}, warn: () => {}, error: () => {} };
      hoop = await startHoop(parseSettings(stringify(settings), "this test"), { log: silent });
      await until(
        "hoop.dev is served",
        async () => (await bed.kubectl("human", ["get", "approvals.hoop.dev", "-A"])).code === 0,
      );
    });

    after(async () => {
      await hoop?.stop();
      await bed?.stop();
    });

    it("does the main job with its ServiceAccount's token and roles alone", async () => {
      await bed.must("human", ["create", "namespace", "prod"]);
      const blocked = bed.start("agent", ["delete", "namespace", "prod", "--wait=false"]);
      const approval = await bed.pending("prod");
      expect((await bed.decide(approval, "Approve")).output).to.contain("patched");
      expect(await blocked.ended).to.include({ code: 0 });
      const event = ["get", "events", "-A", "-o", "name"];
      await until("its Event is there", async () => (await bed.must("human", event)).includes("hoop-"));
    });

    it("may do just this, beside what every ServiceAccount may", async () => {
      await bed.defaultAccount("hoop-system");
      const nobody = await bed.controlPlane.serviceAccountToken("hoop-system", "default");
      const common = new Set(await rulesOf(nobody, "kube-system"));
      const own = (await rulesOf(token, "kube-system")).filter((rule) => !common.has(rule));
      expect(own).to.have.members([
        "get,list,watch namespaces",
        "get pods,services,replicationcontrollers",
        "get deployments,replicasets,statefulsets.apps",
        // What goes with what is deleted.
        "list,watch persistentvolumeclaims,persistentvolumes,configmaps,services,pods",
        "list,watch deployments,statefulsets,daemonsets,replicasets.apps",
        "list,watch jobs,cronjobs.batch",
        "get roles,clusterroles.rbac.authorization.k8s.io",
        "list rolebindings,clusterrolebindings.rbac.authorization.k8s.io",
        "get configmaps",
        "get,list,watch,create,update,patch secrets",
        "get,list,watch agentpolicies,agentprofiles.policy.hoop.dev",
        "patch agentpolicies/status,agentprofiles/status.policy.hoop.dev",
        "get customresourcedefinitions.apiextensions.k8s.io agentpolicies.policy.hoop.dev agentprofiles.policy.hoop.dev",
        "get,list,watch serviceaccounts",
        "create events.events.k8s.io",
        "impersonate userextras/hoop.dev/session,userextras/hoop.dev/session-uid,userextras/hoop.dev/agent," +
          "userextras/hoop.dev/profile.authentication.k8s.io",
        "get,list,watch,patch validatingwebhookconfigurations,mutatingwebhookconfigurations,mutatingadmissionpolicies" +
          ".admissionregistration.k8s.io hoop",
        "get,list,watch,patch validatingwebhookconfigurations.admissionregistration.k8s.io config.hoop.dev",
        "get,list,watch,patch validatingadmissionpolicies.admissionregistration.k8s.io net.hoop.dev",
        "get,list,watch,patch,delete apiservices.apiregistration.k8s.io v1alpha1.hoop.dev",
        // hoop-doctor
        "list roles,rolebindings,clusterroles,clusterrolebindings.rbac.authorization.k8s.io",
        "list validatingwebhookconfigurations,mutatingwebhookconfigurations,mutatingadmissionpolicies," +
          "mutatingadmissionpolicybindings.admissionregistration.k8s.io",
        "list apiservices.apiregistration.k8s.io",
        "create subjectaccessreviews.authorization.k8s.io",
        "get ledgers.hoop.dev",
        // system:auth-delegator
        "create tokenreviews.authentication.k8s.io",
        "create subjectaccessreviews.authorization.k8s.io",
        // kube-system/extension-apiserver-authentication-reader
        "get,list,watch configmaps extension-apiserver-authentication",
      ]);
      const elsewhere = (await rulesOf(token, "hoop-system")).filter((rule) => !common.has(rule));
      expect(elsewhere).to.have.members(own.filter((rule) => !rule.includes("configmaps extension")));
    });

    it("uses all of it", async () => {
      // The uids of what is connected to, of a namespace that the watch does not know, and a caller by token.
      const metadata = { name: "web", namespace: "demo" };
      await bed.defaultAccount("demo");
      await bed.apply([
        { apiVersion: "v1", kind: "Service", metadata, spec: { ports: [{ port: 80 }] } },
        { apiVersion: "v1", kind: "Pod", metadata, spec: { nodeName: "node-1", ...HARMLESS } },
        {
          ...{ apiVersion: "policy.hoop.dev/v1alpha1", kind: "AgentPolicy", metadata: { name: "a" } },
          spec: { rules: [{ name: "a", action: "Deny", when: "false" }] },
        },
        ...Object.values(SCALED).map(({ apiVersion, kind, selector }) => ({
          ...{ apiVersion, kind, metadata: { name: "a", namespace: "demo" } },
          spec: { replicas: 0, selector, template: { metadata: { labels: LABELS }, spec: HARMLESS } },
        })),
      ]);
      const agent = await asUserOf(bed.kubeconfig("agent"));
      const demo = "/api/v1/namespaces/demo";
      const bound = (kind: string) => ({
        ...{
          apiVersion: "rbac.authorization.k8s.io/v1",
          kind: "RoleBinding",
          metadata: { generateName: "a-" },
        },
        roleRef: { apiGroup: "rbac.authorization.k8s.io", kind, name: "a" },
      });
      const volumes = [{ name: "a", configMap: { name: "a" } }];
      // These are held, and end with the control plane.
      for (const call of [
        ...["Role", "ClusterRole"].map((kind) => ({
          ...{ method: "POST", path: "/apis/rbac.authorization.k8s.io/v1/namespaces/demo/rolebindings" },
          body: bound(kind),
        })),
        { method: "POST", path: `${demo}/pods`, body: pod("a", { ...PRIVILEGED, volumes }) },
        { method: "POST", path: `${demo}/pods/web/exec?command=true&stdout=true` },
        { path: `${demo}/services/web/proxy/` },
        ...Object.entries(SCALED).map(([plural, { apiVersion }]) => ({
          ...{ method: "PATCH", type: "application/merge-patch+json", body: { spec: { replicas: 0 } } },
          path: `/${apiVersion === "v1" ? "api" : "apis"}/${apiVersion}/namespaces/demo/${plural}/a/scale?dryRun=All`,
        })),
      ])
        agent(call).catch(() => undefined);
      await bed.kubectl("human", ["get", "approvals.hoop.dev", "-n", "nowhere"]);
      await rawCaller(bed.apiPort, { token })({ path: "/apis/hoop.dev/v1alpha1/approvals" });
      const registrations = [
        "validatingwebhookconfigurations",
        "mutatingwebhookconfigurations",
        "mutatingadmissionpolicies",
      ];
      const needed = [
        ...["get", "list", "watch"].map((verb) => `${verb} namespaces`),
        ...["list agentprofiles", "watch agentprofiles", "list serviceaccounts", "watch serviceaccounts"],
        ...["list", "watch", "patch"].map((verb) => `${verb} agentpolicies`),
        ...["pods", "services", ...Object.keys(SCALED)].map((kind) => `get ${kind}`),
        ...["configmaps", "roles", "clusterroles"].map((kind) => `get ${kind}`),
        "create events",
        ...["get", "list", "watch", "patch"].flatMap((verb) =>
          [...registrations, "apiservices"].map((resource) => `${verb} ${resource}`),
        ),
        ...["roles", "rolebindings", "clusterroles", "clusterrolebindings"].map((kind) => `list ${kind}`),
        "list mutatingadmissionpolicybindings",
        "create tokenreviews",
        "create subjectaccessreviews",
        "list configmaps",
        "watch configmaps",
      ];
      let unused: string[] = needed;
      await until("each right is used", async () => {
        const used = await requestsByToken();
        unused = needed.filter((request) => !used.has(request));
        return unused.length === 0;
      }).catch(() => expect(unused, "never used").to.deep.equal([]));
    });

    it("is given seats ahead of others', and agents seats of their own", async () => {
      const metrics = await bed.must("human", ["get", "--raw", "/metrics"]);
      const served = (flow: string, level: string) =>
        metrics.includes(
          `apiserver_flowcontrol_dispatched_requests_total{flow_schema="${flow}",priority_level="${level}"}`,
        );
      expect(served("hoop", "workload-high")).to.equal(true);
      expect(served("hoop-agents", "hoop-agents")).to.equal(true);
      const seats = /apiserver_flowcontrol_nominal_limit_seats\{priority_level="hoop-agents"\} (\d+)/.exec(
        metrics,
      );
      const settings = await readFile(join(DEPLOY, "base", "settings.yaml"), "utf8");
      const { hold } = parseSettings(settings, "settings.yaml");
      expect(Number(seats?.[1])).to.be.greaterThan(2 * hold.maxWaiters);
    });

    /** What the token's owner may do in the namespace, a line a rule. */
    async function rulesOf(bearer: string, namespace: string): Promise<string[]> {
      const caller = rawCaller(bed.controlPlane.ports.apiserver, { token: bearer });
      const review = {
        apiVersion: "authorization.k8s.io/v1",
        kind: "SelfSubjectRulesReview",
        spec: { namespace },
      };
      const path = "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews";
      const { text } = await caller({ method: "POST", path, body: review });
      const { status } = JSON.parse(text) as { status: { resourceRules: ResourceRule[] } };
      return status.resourceRules.map(({ verbs, apiGroups, resources, resourceNames = [] }) => {
        const groups = (apiGroups ?? []).filter((group) => group !== "").map((group) => `.${group}`);
        return [verbs.join(","), `${resources?.join(",")}${groups.join("")}`, ...resourceNames].join(" ");
      });
    }

    /** `VERB RESOURCE` of all that was asked with a token (its credential has a JTI). */
    async function requestsByToken(): Promise<Set<string>> {
      const log = await readFile(join(bed.controlPlane.directory, "logs", "audit.log"), "utf8");
      // Without the line that is being written.
      const events = log
        .split("\n")
        .slice(0, -1)
        .filter((line) => line.includes('"JTI='))
        .map((line) => JSON.parse(line) as { verb: string; objectRef?: { resource: string } });
      return new Set(events.map(({ verb, objectRef }) => `${verb} ${objectRef?.resource}`));
    }
  });
});

interface ResourceRule {
  verbs: string[];
  apiGroups?: string[];
  resources?: string[];
  resourceNames?: string[];
}

import { setTimeout as pause } from "node:timers/promises";
import { isDeepStrictEqual } from "node:util";
import { expect } from "chai";
import { createAuthority } from "#certs/ca.ts";
import { subjectAccessReview } from "#cluster/access-review.ts";
import { type Client, connect, KubeError } from "#cluster/client.ts";
import { postEvent } from "#cluster/events.ts";
import { frontProxy } from "#cluster/front-proxy.ts";
import { namespaceCache } from "#cluster/namespaces.ts";
import { ownRegistrations, type Registrations } from "#cluster/registrations.ts";
import { subresourceTarget } from "#cluster/subresource-target.ts";
import { tokenReview } from "#cluster/token-review.ts";
import { type ControlPlane, startControlPlane } from "#controlplane/controlplane.ts";
import type { AdmissionRequest, JsonObject } from "#core/admission.ts";
import type { Log } from "#core/ports.ts";

const silent: Log = { info() {}, warn() {}, error() {} };

/** Resolves when it holds; the test's own timeout is the limit. */
async function eventually(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await holds())) await pause(20);
}

describe("what we ask of Kubernetes", function () {
  this.timeout(60_000);
  let plane: ControlPlane;
  let client: Client;

  before(async function () {
    this.timeout(1_200_000);
    plane = await startControlPlane();
    client = connect(plane.adminKubeconfig);
    await plane.createNamespace("shop");
  });
  after(async () => {
    await client?.close();
    await plane?.stop();
  });

  /** kubectl that must succeed. */
  async function kubectl(args: string[], object?: object): Promise<string> {
    const options = object === undefined ? {} : { input: JSON.stringify(object) };
    const { code, stdout, stderr } = await plane.kubectl(args, options);
    if (code !== 0) throw new Error(`kubectl ${args.join(" ")}: ${stderr}`);
    return stdout;
  }
  const uidOf = (...what: string[]) => kubectl(["get", ...what, "-o", "jsonpath={.metadata.uid}"]);

  describe("namespaces", () => {
    it("are known by the watch, and asked for when they are not", async () => {
      const namespaces = namespaceCache(client, silent);
      await namespaces.ready();
      await kubectl(["create", "namespace", "quick"]);
      const uid = await uidOf("namespace", "quick");
      expect(await namespaces.uid("quick")).to.deep.equal({ known: true, uid });
      await eventually(() => namespaces.nameOf(uid) === "quick");
      expect(await namespaces.uid("nowhere")).to.deep.equal({
        known: false,
        why: "namespace nowhere does not exist",
        absent: true,
      });
      await namespaces.stop();
    });

    it("that are gone are forgotten, and recreated ones have their new uid", async () => {
      const namespaces = namespaceCache(client, silent);
      await namespaces.ready();
      await kubectl(["create", "namespace", "again"]);
      const uid = await uidOf("namespace", "again");
      await eventually(() => namespaces.nameOf(uid) === "again");
      expect(await namespaces.state("again")).to.equal("active");
      await kubectl(["delete", "namespace", "again", "--wait=false"]);
      await eventually(async () => (await namespaces.state("again")) === "terminating");
      // No controller empties the namespace here, so its finalizer is taken off by hand.
      await kubectl(["replace", "--raw", "/api/v1/namespaces/again/finalize", "-f", "-"], {
        apiVersion: "v1",
        kind: "Namespace",
        metadata: { name: "again" },
        spec: { finalizers: [] },
      });
      await eventually(() => namespaces.nameOf(uid) === undefined);
      expect((await namespaces.uid("again")).known).to.equal(false);
      expect(await namespaces.state("again")).to.equal("missing");
      await kubectl(["create", "namespace", "again"]);
      const fresh = await uidOf("namespace", "again");
      await eventually(() => namespaces.nameOf(fresh) === "again");
      expect(await namespaces.uid("again")).to.deep.equal({ known: true, uid: fresh });
      expect(await namespaces.state("again")).to.equal("active");
      await namespaces.stop();
    });

    it("are followed on after the API server was away; meanwhile nothing is claimed", async () => {
      const namespaces = namespaceCache(client, silent);
      await namespaces.ready();
      await plane.apiserver.stop();
      await eventually(async () => !(await namespaces.uid("shop")).known);
      expect(await namespaces.state("shop").catch(() => "nobody can tell")).to.equal("nobody can tell");
      await plane.apiserver.start();
      await kubectl(["create", "namespace", "later"]);
      const uid = await uidOf("namespace", "later");
      await eventually(() => namespaces.nameOf(uid) === "later");
      expect(await namespaces.uid("shop")).to.deep.equal({
        known: true,
        uid: await uidOf("namespace", "shop"),
      });
      await namespaces.stop();
    });
  });

  describe("the target of a CONNECT", () => {
    const request = (resource: string, name: string, subresource = "proxy"): AdmissionRequest => ({
      uid: "",
      kind: { group: "", version: "v1", kind: "PodExecOptions" },
      resource: { group: "", version: "v1", resource },
      subresource,
      name,
      namespace: "shop",
      operation: "CONNECT",
      userInfo: { username: "bot", uid: "", groups: [], extra: new Map() },
      object: null,
      oldObject: null,
      options: null,
      dryRun: false,
    });

    before(async () => {
      await kubectl(["create", "-f", "-"], {
        apiVersion: "v1",
        kind: "Pod",
        metadata: { name: "web", namespace: "shop", annotations: { "example.com/owner": "shop" } },
        spec: { containers: [{ name: "c", image: "none.invalid/none" }] },
      });
      await kubectl(["create", "service", "clusterip", "web", "-n", "shop", "--tcp=80"]);
    });

    const cases: Record<string, { asked: AdmissionRequest; object: string[] }> = {
      "a pod by its name": { asked: request("pods", "web", "exec"), object: ["pod", "web", "-n", "shop"] },
      "a pod with a port": { asked: request("pods", "web:8080"), object: ["pod", "web", "-n", "shop"] },
      "a service with scheme and port": {
        asked: request("services", "https:web:443"),
        object: ["service", "web", "-n", "shop"],
      },
    };
    for (const [name, { asked, object }] of Object.entries(cases)) {
      it(`is found: ${name}`, async () => {
        const found = await subresourceTarget(client, asked);
        if (!found.known || found.object === null) throw new Error(JSON.stringify(found));
        expect(found.object["metadata"]).to.deep.include({ uid: await uidOf(...object) });
      });
    }

    it("is none where there is none, and of a node, to which no agent connects, it is not asked for", async () => {
      for (const asked of [request("pods", "missing", "exec"), request("nodes", "worker:10250")])
        expect(await subresourceTarget(client, asked)).to.deep.equal({ known: true, object: null });
    });
  });

  describe("what a request goes to that carries another object", () => {
    const annotations = { "example.com/owner": "shop" };
    const request = (more: Partial<AdmissionRequest>): AdmissionRequest => ({
      ...{ uid: "u", kind: { group: "", version: "v1", kind: "Any" }, operation: "CREATE", dryRun: false },
      resource: { group: "", version: "v1", resource: "pods" },
      ...{ subresource: "", name: "web", namespace: "shop", object: null, oldObject: null, options: null },
      userInfo: { username: "bot", uid: "", groups: [], extra: new Map() },
      ...more,
    });
    const scaled = { group: "apps", version: "v1", resource: "deployments" };
    const scale = request({ operation: "UPDATE", resource: scaled, subresource: "scale" });
    const autoscaler = (scaleTargetRef: JsonObject) =>
      request({
        resource: { group: "autoscaling", version: "v1", resource: "horizontalpodautoscalers" },
        ...{ name: "hpa", object: { spec: { scaleTargetRef } } },
      });
    const scaling = (kind: string, name: string) => ({
      spec: { scaleTargetRef: { apiVersion: "apps/v1", kind, name } },
    });

    before(async () => {
      const template = {
        metadata: { labels: { a: "b" } },
        spec: { containers: [{ name: "c", image: "x" }] },
      };
      await kubectl(["create", "-f", "-"], {
        ...{
          apiVersion: "apps/v1",
          kind: "Deployment",
          metadata: { name: "web", namespace: "shop", annotations },
        },
        spec: { selector: { matchLabels: { a: "b" } }, template },
      });
    });

    const cases: Record<string, [AdmissionRequest, string]> = {
      "the pod of an eviction": [request({ subresource: "eviction" }), "Pod"],
      "the pod of a proxy with a port": [
        request({ operation: "CONNECT", subresource: "proxy", name: "web:80" }),
        "Pod",
      ],
      "the pod of a binding": [
        request({
          resource: { group: "", version: "v1", resource: "bindings" },
          ...{ name: "", object: { metadata: { name: "web" } } },
        }),
        "Pod",
      ],
      "the Deployment of a scale": [scale, "Deployment"],
      "what a HorizontalPodAutoscaler scales, by a version that nobody serves": [
        autoscaler({ apiVersion: "apps/v9", kind: "Deployment", name: "web" }),
        "Deployment",
      ],
      "what it scales if it goes by the kind alone": [
        autoscaler({ apiVersion: "none.example.com/v1", kind: "Deployment", name: "web" }),
        "Deployment",
      ],
      "what a deleted one scaled": [
        { ...autoscaler({}), operation: "DELETE", object: null, oldObject: scaling("Deployment", "web") },
        "Deployment",
      ],
    };
    for (const [name, [asked, kind]] of Object.entries(cases))
      it(`is ${name}, with its annotations`, async () => {
        const found = await subresourceTarget(client, asked);
        if (!found.known || found.object === null) throw new Error(JSON.stringify(found));
        expect(found.object["kind"]).to.equal(kind);
        expect(found.object["metadata"]).to.deep.include({ name: "web", namespace: "shop", annotations });
      });

    it("is nothing where an autoscaler names what nobody serves", async () => {
      for (const scaleTargetRef of [
        { apiVersion: "apps/v1", kind: "Nothing", name: "web" },
        { apiVersion: "none.example.com/v1", kind: "Worker", name: "web" },
        { apiVersion: "apps/v1", kind: "Deployment", name: "../web" },
      ])
        expect(await subresourceTarget(client, autoscaler(scaleTargetRef))).to.deep.equal({
          known: true,
          object: null,
        });
    });

    it("is nothing where there is none", async () => {
      expect(await subresourceTarget(client, { ...scale, name: "none" })).to.deep.equal({
        known: true,
        object: null,
      });
    });

    it("is not known where Hoop may not look", async () => {
      const stranger = connect(await plane.kubeconfig("stranger", []));
      try {
        const found = await subresourceTarget(stranger, scale);
        if (found.known) throw new Error("it was told");
        expect(found.why).to.match(/^deployments web could not be looked up: .*forbidden/);
      } finally {
        await stranger.close();
      }
    });
  });

  it("an access review tells what RBAC allows", async () => {
    await kubectl(["create", "clusterrole", "readers", "--verb=list", "--resource=pods"]);
    await kubectl(["create", "clusterrolebinding", "readers", "--clusterrole=readers", "--group=readers"]);
    const ask = (group: string) =>
      subjectAccessReview(client, {
        user: "somebody",
        groups: [group],
        extra: { "example.com/team": ["one"] },
        resourceAttributes: { verb: "list", group: "", version: "v1", resource: "pods", namespace: "shop" },
      });
    await eventually(async () => (await ask("readers")).allowed);
    expect((await ask("readers")).reason).to.include("readers");
    expect(await ask("others")).to.deep.include({ allowed: false, denied: false });
  });

  it("a token review tells whose token it is, and for whom", async () => {
    const token = await plane.serviceAccountToken("shop", "default");
    const review = await tokenReview(client, token);
    if (!review.authenticated) throw new Error(review.why);
    expect(review.user.username).to.equal("system:serviceaccount:shop:default");
    expect(review.user.groups).to.include("system:serviceaccounts:shop");
    expect(review.user.extra.get("authentication.kubernetes.io/credential-id")?.[0]).to.match(/^JTI=/);
    expect((await tokenReview(client, token, ["somebody-else"])).authenticated).to.equal(false);
    expect((await tokenReview(client, "nonsense")).authenticated).to.equal(false);
  });

  it("the front proxy's data are read and followed", async () => {
    const proxy = frontProxy(client, silent);
    await proxy.ready();
    expect(proxy.current()?.["requestheader-client-ca-file"]).to.include("BEGIN CERTIFICATE");
    const changed = new Promise<Record<string, string> | undefined>((resolve) => {
      proxy.onChange(resolve);
    });
    const patch = '{"data":{"note":"changed"}}';
    await kubectl([
      "patch",
      "configmap",
      "extension-apiserver-authentication",
      "-n",
      "kube-system",
      "-p",
      patch,
    ]);
    expect((await changed)?.["note"]).to.equal("changed");
    await proxy.stop();
  });

  describe("events", () => {
    const event = {
      type: "Warning" as const,
      reason: "Denied",
      action: "Deny",
      message: "é".repeat(1000),
      time: Date.now(),
    };

    it("lie in the namespace of what they are about, cut to what the API holds", async () => {
      const about = { apiVersion: "v1", kind: "Pod", namespace: "shop", name: "api" };
      expect(await postEvent(client, { ...event, about })).to.deep.equal({ posted: true });
      const list = JSON.parse(await kubectl(["get", "events", "-n", "shop", "-o", "json"])) as {
        items: {
          reason: string;
          message: string;
          reportingComponent: string;
          involvedObject: { name: string };
        }[];
      };
      const [found] = list.items;
      expect(found).to.include({ reason: "Denied", reportingComponent: "hoop.dev" });
      expect(found?.involvedObject.name).to.equal("api");
      expect(found?.message).to.match(/^é+…$/);
    });

    it("lie in default for what lies in no namespace", async () => {
      const about = { apiVersion: "v1", kind: "Namespace", name: "shop" };
      expect(await postEvent(client, { ...event, about })).to.deep.equal({ posted: true });
      expect(await kubectl(["get", "events", "-n", "default", "-o", "name"])).to.include("event/hoop-");
    });

    it("that the API server refuses are an outcome, not an error", async () => {
      const about = { apiVersion: "v1", kind: "Pod", namespace: "nowhere", name: "api" };
      expect(await postEvent(client, { ...event, about })).to.deep.equal({
        posted: false,
        why: 'namespaces "nowhere" not found',
      });
    });
  });

  describe("our registrations", () => {
    const one = createAuthority("one").certificate;
    const two = createAuthority("two").certificate;
    const agents = (expression: string) => ({ name: "agents", expression });
    const first = { caBundle: one, matchCondition: agents("'hoop:agents' in request.userInfo.groups") };
    let registrations: Registrations;

    const itsOwn = { name: "its-own", expression: "request.operation == 'CREATE'" };

    before(async () => {
      const configuration = (name: string, more: object) => ({
        ...{ apiVersion: "admissionregistration.k8s.io/v1", kind: "ValidatingWebhookConfiguration" },
        metadata: { name },
        webhooks: [
          {
            name: "refused.hoop.dev",
            clientConfig: { url: "https://127.0.0.1:1/validate" },
            rules: [
              { apiGroups: ["example.com"], apiVersions: ["*"], resources: ["*"], operations: ["CREATE"] },
            ],
            failurePolicy: "Fail",
            sideEffects: "NoneOnDryRun",
            admissionReviewVersions: ["v1"],
            ...more,
          },
        ],
      });
      await kubectl(["apply", "--server-side", "-f", "-"], configuration("hoop-test", {}));
      await kubectl(
        ["apply", "--server-side", "-f", "-"],
        configuration("config-test", { matchConditions: [itsOwn], failurePolicy: "Ignore" }),
      );
      const expression = '[JSONPatch{op: "test", path: "/kind", value: "Widget"}]';
      await kubectl(["apply", "--server-side", "-f", "-"], {
        apiVersion: "admissionregistration.k8s.io/v1",
        kind: "MutatingAdmissionPolicy",
        metadata: { name: "hoop-test" },
        spec: {
          matchConstraints: {
            resourceRules: [
              { apiGroups: ["example.com"], apiVersions: ["*"], resources: ["*"], operations: ["CREATE"] },
            ],
          },
          matchConditions: [
            { name: "agents", expression: "false" },
            { name: "changes", expression: "object != oldObject" },
          ],
          failurePolicy: "Fail",
          reinvocationPolicy: "Never",
          mutations: [{ patchType: "JSONPatch", jsonPatch: { expression } }],
        },
      });
      await kubectl(["apply", "--server-side", "-f", "-"], {
        apiVersion: "apiregistration.k8s.io/v1",
        kind: "APIService",
        metadata: { name: "v1alpha1.hoop.test" },
        spec: {
          group: "hoop.test",
          version: "v1alpha1",
          groupPriorityMinimum: 1500,
          versionPriority: 1000,
          service: { name: "hoop", namespace: "shop" },
        },
      });
      registrations = ownRegistrations(
        client,
        {
          validating: ["hoop-test"],
          forEverybody: ["config-test"],
          mutating: ["hoop-absent"],
          policies: ["hoop-test"],
          validatingPolicies: [],
          apiService: "v1alpha1.hoop.test",
        },
        first,
        silent,
      );
    });
    after(() => registrations?.stop());

    interface Webhook {
      failurePolicy: string;
      clientConfig: { url: string; caBundle?: string };
      matchConditions?: object[];
    }
    async function webhook(name = "hoop-test"): Promise<Webhook> {
      const text = await kubectl(["get", "validatingwebhookconfiguration", name, "-o", "json"]);
      const [found] = (JSON.parse(text) as { webhooks: Webhook[] }).webhooks;
      if (found === undefined) throw new Error("the webhook is gone");
      return found;
    }
    const encoded = (text: string) => Buffer.from(text).toString("base64");

    it("get the CA and the condition, and keep the rest; what is absent is told", async () => {
      expect(await registrations.assert()).to.deep.equal([
        { kind: "ValidatingWebhookConfiguration", name: "hoop-test", present: true, problem: "" },
        { kind: "MutatingWebhookConfiguration", name: "hoop-absent", present: false, problem: "" },
        { kind: "MutatingAdmissionPolicy", name: "hoop-test", present: true, problem: "" },
        { kind: "APIService", name: "v1alpha1.hoop.test", present: true, problem: "" },
      ]);
      const found = await webhook();
      expect(found.clientConfig.caBundle).to.equal(encoded(first.caBundle));
      expect(found.clientConfig.url).to.equal("https://127.0.0.1:1/validate");
      expect(found.matchConditions).to.deep.equal([first.matchCondition]);
      expect(found.failurePolicy).to.equal("Fail");
      const service = await kubectl([
        "get",
        "apiservice",
        "v1alpha1.hoop.test",
        "-o",
        "jsonpath={.spec.caBundle}",
      ]);
      expect(service).to.equal(encoded(first.caBundle));
    });

    it("get the CA alone where everybody's requests are looked at, which is in no agent's way", async () => {
      const { clientConfig, matchConditions, failurePolicy } = await webhook("config-test");
      expect(clientConfig.caBundle).to.equal(encoded(first.caBundle));
      expect({ matchConditions, failurePolicy }).to.deep.equal({
        matchConditions: [itsOwn],
        failurePolicy: "Ignore",
      });
    });

    async function policyConditions(): Promise<object[]> {
      const text = await kubectl(["get", "mutatingadmissionpolicy", "hoop-test", "-o", "json"]);
      return (JSON.parse(text) as { spec: { matchConditions: object[] } }).spec.matchConditions;
    }

    it("get the condition in a policy, too, beside those of others", async () => {
      expect(await policyConditions()).to.deep.equal([
        first.matchCondition,
        { name: "changes", expression: "object != oldObject" },
      ]);
    });

    it("are set right again when somebody changes them", async () => {
      const path = "/webhooks/0/matchConditions/0/expression";
      const patch = JSON.stringify([{ op: "replace", path, value: "true" }]);
      await kubectl(["patch", "validatingwebhookconfiguration", "hoop-test", "--type=json", "-p", patch]);
      await eventually(async () =>
        isDeepStrictEqual((await webhook()).matchConditions, [first.matchCondition]),
      );
    });

    it("do not take an expression that the API server refuses, but the CA still", async () => {
      const states = await registrations.want({ caBundle: two, matchCondition: agents("request.nonsense(") });
      expect(states[0]?.problem).to.include("hoop-test").and.to.include("compilation failed");
      const found = await webhook();
      expect(found.matchConditions).to.deep.equal([first.matchCondition]);
      expect(found.clientConfig.caBundle).to.equal(encoded(two));
    });

    it("take another expression that compiles", async () => {
      const wider = agents("request.userInfo.username.startsWith('bot')");
      const states = await registrations.want({ matchCondition: wider });
      expect(states.map(({ problem }) => problem)).to.deep.equal(["", "", "", ""]);
      expect((await webhook()).matchConditions).to.deep.equal([wider]);
      expect((await policyConditions())[0]).to.deep.equal(wider);
    });
  });

  it("after close nothing goes out any more, and what was followed ends", async () => {
    const other = connect(plane.adminKubeconfig);
    const namespaces = namespaceCache(other, silent);
    await namespaces.ready();
    await other.close();
    await namespaces.stop();
    const outcome = await other.request({ path: "/version" }).catch((error: unknown) => error);
    expect(outcome).to.be.instanceOf(KubeError);
  });
});

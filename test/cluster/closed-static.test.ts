/**
 * deploy/apiserver/static on a real API server with its gate on: an agent whom RBAC lets do everything, with no
 * authorizer of Hoop's in its way, can take nothing away, and when people have taken away every registration that is kept
 * in the API it is judged and denied as before.
 */
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { parse } from "yaml";
import { servingCertificate } from "#certs/directory.ts";
import { serviceNames } from "#certs/leaf.ts";
import { writeKubeconfigs } from "../../local/apiserver-files.ts";
import { writeStaticFiles } from "../../local/static-files.ts";
import { DENIED_CALLS, given, PROFILE } from "../support/closed.ts";
import { until } from "../support/control-plane.ts";
import { namespaced } from "../support/objects.ts";
import { asUserOf, type Call, type Caller, verdictOf } from "../support/raw.ts";
import { startTestbed, type Testbed } from "../support/testbed.ts";

const ADMISSION = "/apis/admissionregistration.k8s.io/v1";
/** One of each kind that is registered in the API, which does nothing. */
const nowhere = {
  resourceRules: [{ apiGroups: ["none"], apiVersions: ["v1"], resources: ["x"], operations: ["CREATE"] }],
};
const mutation = {
  patchType: "JSONPatch",
  jsonPatch: { expression: '[JSONPatch{op: "test", path: "/kind", value: "x"}]' },
};
const REGISTRATIONS: Readonly<Record<string, { kind: string; rest: object }>> = {
  validatingwebhookconfigurations: { kind: "ValidatingWebhookConfiguration", rest: {} },
  mutatingwebhookconfigurations: { kind: "MutatingWebhookConfiguration", rest: {} },
  validatingadmissionpolicies: {
    kind: "ValidatingAdmissionPolicy",
    rest: { spec: { matchConstraints: nowhere, validations: [{ expression: "true" }] } },
  },
  validatingadmissionpolicybindings: {
    kind: "ValidatingAdmissionPolicyBinding",
    rest: { spec: { policyName: "victim", validationActions: ["Deny"] } },
  },
  mutatingadmissionpolicies: {
    kind: "MutatingAdmissionPolicy",
    rest: { spec: { matchConstraints: nowhere, mutations: [mutation], reinvocationPolicy: "Never" } },
  },
  mutatingadmissionpolicybindings: {
    kind: "MutatingAdmissionPolicyBinding",
    rest: { spec: { policyName: "victim" } },
  },
};
const registration = (resource: string, name: string): object => ({
  apiVersion: "admissionregistration.k8s.io/v1",
  kind: REGISTRATIONS[resource]?.kind,
  metadata: { name },
  ...REGISTRATIONS[resource]?.rest,
});
const RBAC_ALONE = {
  apiVersion: "apiserver.config.k8s.io/v1",
  kind: "AuthorizationConfiguration",
  authorizers: [{ type: "RBAC", name: "rbac" }],
};
const PROBE = { method: "POST", path: "/api/v1/namespaces/demo/configmaps?dryRun=All" };
const MERGE = "application/merge-patch+json";
const APPLY = "application/apply-patch+yaml";

describe("registrations that the API server reads from files", () => {
  let bed: Testbed;
  let agent: Caller;
  let human: Caller;
  let directory: string;

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), "hoop-static-"));
    await writeFile(join(directory, "admission.kubeconfig"), "{apiVersion: v1, kind: Config}");
    await writeStaticFiles(directory, { caBundle: "", mountedAt: `${directory}/` });
    const admissionConfig = parse(
      await readFile(join(directory, "static", "admission-config.yaml"), "utf8"),
    ) as object;
    // Where Hoop listens is known only when it does: until then the registration in the API sends agents there.
    await rm(join(directory, "static", "webhooks"), { recursive: true });
    await mkdir(join(directory, "static", "webhooks"));
    bed = await startTestbed({
      settings: { hold: { maxWaitSeconds: 0 } },
      controlPlane: {
        admissionConfig,
        authorizationConfig: RBAC_ALONE,
        flags: { "feature-gates": "ManifestBasedAdmissionControlConfig=true" },
      },
    });
    agent = await asUserOf(bed.kubeconfig("agent"));
    human = await asUserOf(bed.kubeconfig("human"));
    await bed.apply(given());
  });

  after(async () => {
    await bed?.stop();
    await rm(directory, { recursive: true, force: true });
  });

  /** The files for the port Hoop has, and an API server that starts with them. */
  async function readFiles(): Promise<void> {
    const certificates = await servingCertificate(
      bed.certificates,
      serviceNames("hoop", "hoop-system", true),
    );
    const host = { serverName: "localhost", servicePort: bed.webhookPort };
    await writeKubeconfigs(directory, certificates, { address: `127.0.0.1:${bed.webhookPort}`, ...host });
    await writeStaticFiles(directory, {
      caBundle: certificates.caBundle,
      url: `https://localhost:${bed.webhookPort}/validate`,
      mountedAt: `${directory}/`,
    });
    await bed.must("human", ["delete", "validatingwebhookconfiguration", "hoop"]);
    await bed.controlPlane.apiserver.stop();
    await bed.controlPlane.apiserver.start();
    await until("Hoop is asked", async () => (await agent({ ...PROBE, body: probe() })).code === 201);
    await until("AgentProfiles are known", async () => (await agent(PROFILE)).code !== 503);
  }
  const probe = () => namespaced("v1", "ConfigMap", "probe");

  for (const resource of Object.keys(REGISTRATIONS))
    it(`keep an agent from writing ${resource}`, async () => {
      await bed.apply(registration(resource, "victim"));
      const all = `${ADMISSION}/${resource}`;
      const one = `${all}/victim`;
      const label = { metadata: { labels: { a: "b" } } };
      const calls: Call[] = [
        { method: "POST", path: all, body: registration(resource, "mine") },
        { method: "PATCH", path: one, type: MERGE, body: label },
        {
          method: "PATCH",
          path: `${one}?fieldManager=x&force=true`,
          type: APPLY,
          body: registration(resource, "victim"),
        },
        { method: "DELETE", path: one },
        { method: "DELETE", path: `${one}?dryRun=All` },
        { method: "DELETE", path: `${one}?propagationPolicy=Foreground` },
        { method: "DELETE", path: all },
      ];
      for (const call of calls) {
        const reply = await agent(call);
        expect(verdictOf(reply), `${call.method} ${call.path}`).to.equal("denied by admission-registrations");
        expect(reply.text).to.contain("net.hoop.dev.static.k8s.io");
      }
      const left = await bed.must("human", ["get", resource, "-o", "jsonpath={.items[*].metadata.name}"]);
      expect(left.split(" ")).to.include("victim").and.not.include("mine");
    });

  it("leave people's writes of them alone", async () => {
    const name = "people.example.com";
    const path = `${ADMISSION}/validatingwebhookconfigurations`;
    const body = { apiVersion: "admissionregistration.k8s.io/v1", kind: "ValidatingWebhookConfiguration" };
    expect((await human({ method: "POST", path, body: { ...body, metadata: { name } } })).code).to.equal(201);
    expect((await human({ method: "DELETE", path: `${path}/${name}` })).code).to.equal(200);
  });

  describe("when nothing is registered in the API any more", () => {
    before(readFiles);

    for (const [what, [call, rule]] of Object.entries(DENIED_CALLS))
      it(`deny ${what}`, async () => expect(verdictOf(await agent(call))).to.equal(`denied by ${rule}`));

    it("send to Hoop what a person must decide, and an approval lets it pass once", async () => {
      const removal: Call = { method: "DELETE", path: "/api/v1/namespaces/demo/pods/plain" };
      expect(verdictOf(await agent(removal))).to.equal("held by pod-delete");
      expect((await bed.decide(await bed.pending("plain", "DELETE"), "Approve")).code).to.equal(0);
      expect((await agent(removal)).code).to.equal(200);
      const exec = {
        method: "POST",
        path: "/api/v1/namespaces/demo/pods/other/exec?command=env&stdout=true",
      };
      await bed.apply([
        { ...namespaced("v1", "Pod", "other"), spec: { containers: [{ name: "a", image: "b" }] } },
      ]);
      expect(verdictOf(await agent(exec))).to.equal("held by pod-connect");
    });

    it("show Hoop the API server's certificate, without which it believes nothing", async () => {
      const records = (await bed.records()) as { caller?: string }[];
      expect(records).to.not.have.length(0);
      expect(records.filter(({ caller }) => caller === "unverified")).to.deep.equal([]);
    });

    it("refuse an agent's writes while Hoop is down, and nobody else's", async () => {
      await bed.stopHoop();
      const refused = await agent({ ...PROBE, body: probe() });
      expect(refused.code).to.equal(500);
      expect(refused.text).to.contain("agents-are-refused-while-hoop-is-unreachable.hoop.dev");
      const [call] = DENIED_CALLS["an empty patch of a Secret"] ?? [];
      if (call === undefined) throw new Error("no such case");
      expect(verdictOf(await agent(call))).to.equal("denied by secret-update");
      expect((await human({ ...PROBE, body: probe() })).code).to.equal(201);
    });
  });
});

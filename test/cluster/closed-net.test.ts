/**
 * The net behind Hoop, deploy/components/net: what Hoop denies outright the API server denies by itself when Hoop is
 * down and its registration is gone, to an agent whom RBAC lets do everything. Nobody else is minded.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "chai";
import { parseAllDocuments } from "yaml";
import { ALLOWED_CALLS, DENIED_CALLS, given, PROFILE } from "../support/closed.ts";
import { until } from "../support/control-plane.ts";
import { asUserOf, type Caller, verdictOf } from "../support/raw.ts";
import { startTestbed, type Testbed } from "../support/testbed.ts";

const NET = join(import.meta.dirname, "..", "..", "deploy", "components", "net", "net-policy.yaml");
const ADMISSION = "/apis/admissionregistration.k8s.io/v1";
const PROBE = { method: "POST", path: "/api/v1/namespaces/demo/configmaps?dryRun=All" };

describe("the net behind Hoop", () => {
  let bed: Testbed;
  let agent: Caller;
  const byHoop = new Map<string, string>();

  before(async () => {
    bed = await startTestbed({ configured: false });
    agent = await asUserOf(bed.kubeconfig("agent"));
    await bed.apply(given());
    await until("AgentProfiles are known", async () => (await agent(PROFILE)).code !== 503);
    for (const [what, [call]] of Object.entries(DENIED_CALLS)) byHoop.set(what, verdictOf(await agent(call)));
    for (const [what, call] of Object.entries(ALLOWED_CALLS)) byHoop.set(what, verdictOf(await agent(call)));

    const [policy, binding] = parseAllDocuments(await readFile(NET, "utf8"));
    await bed.apply(binding?.toJS() as object);
    // Who is an agent Hoop says, whatever the file does.
    policy?.setIn(["spec", "matchConditions", 0, "expression"], "false");
    await bed.apply(policy?.toJS() as object);
    await until("Hoop has said who is an agent", async () => {
      const shown = await bed.must("human", [
        "get",
        "validatingadmissionpolicy",
        "net.hoop.dev",
        "-o",
        "json",
      ]);
      const { spec } = JSON.parse(shown) as { spec: { matchConditions: { expression: string }[] } };
      return spec.matchConditions.some(({ expression }) => expression.includes("hoop:agents"));
    });
    await bed.stopHoop();
    await bed.must("human", ["delete", "validatingwebhookconfiguration", "hoop"]);
    const body = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "probe" } };
    const marked = { ...body, metadata: { name: "probe", annotations: { "hoop.dev/deny": "x" } } };
    await until("the registration is gone", async () => (await agent({ ...PROBE, body })).code === 201);
    await until("the net is there", async () => (await agent({ ...PROBE, body: marked })).code === 403);
  });

  after(() => bed?.stop());

  for (const [what, [call, rule]] of Object.entries(DENIED_CALLS))
    it(`denies, as Hoop does, ${what}`, async () => {
      expect(byHoop.get(what), "by Hoop").to.equal(`denied by ${rule}`);
      const reply = await agent(call);
      expect(verdictOf(reply)).to.equal(`denied by ${rule}`);
      expect(reply.text).to.contain("'net.hoop.dev'");
      expect(reply.code).to.equal(403);
    });

  for (const [what, call] of Object.entries(ALLOWED_CALLS))
    it(`lets pass, as Hoop does, ${what}`, async () => {
      expect(byHoop.get(what), "by Hoop").to.match(/^20[01]$/);
      expect(verdictOf(await agent(call))).to.match(/^20[01]$/);
    });

  it("denies the deletion of all Secrets at once, whose answer would be all of them", async () => {
    for (const query of ["", "?dryRun=All", "?labelSelector=!x"]) {
      const reply = await agent({ method: "DELETE", path: `/api/v1/namespaces/demo/secrets${query}` });
      expect(reply.code).to.equal(403);
      expect(reply.text).to.contain("denied for agents").and.not.contain('"data"');
    }
  });

  it("minds nobody else", async () => {
    const person = await asUserOf(bed.kubeconfig("human"));
    for (const [what, [call]] of Object.entries(DENIED_CALLS)) {
      if (call.method !== "PATCH" && call.method !== "PUT") continue;
      const path = call.path.includes("dryRun")
        ? call.path
        : `${call.path}${call.path.includes("?") ? "&" : "?"}dryRun=All`;
      const reply = await person({ ...call, path });
      expect(reply.text, what).not.to.contain("denied for agents");
    }
  });

  it("keeps an agent from webhook registrations, but not from removing it first: only authorization can", async () => {
    const registration = { apiVersion: "admissionregistration.k8s.io/v1", metadata: { name: "victim" } };
    for (const kind of ["ValidatingWebhookConfiguration", "MutatingWebhookConfiguration"]) {
      await bed.apply({ ...registration, kind });
      const removal = { method: "DELETE", path: `${ADMISSION}/${kind.toLowerCase()}s/victim` };
      expect(verdictOf(await agent(removal))).to.equal("denied by admission-registrations");
    }
    const net = `${ADMISSION}/validatingadmissionpolicybindings/net.hoop.dev?dryRun=All`;
    expect((await agent({ method: "DELETE", path: net })).code).to.equal(200);
  });
});

/**
 * What Hoop's authorizer closes on a real API server, to an agent whom RBAC lets do everything: the ways that admission
 * never sees or sees too late. What may concern it is denied while Hoop is down, too; what cannot costs no call.
 */
import { expect } from "chai";
import fc from "fast-check";
import { agentMatcher } from "#core/agents.ts";
import { authorize } from "#core/authorize.ts";
import { ANY_ATTRIBUTES, type Attributes, DENIED_PATHS, PASSED_PATHS, shown } from "../support/access.ts";
import { given } from "../support/closed.ts";
import { asUserOf, type Call, type Caller, verdictOf } from "../support/raw.ts";
import { user } from "../support/reviews.ts";
import { startTestbed, type Testbed } from "../support/testbed.ts";

const DEMO = "/api/v1/namespaces/demo";
const DB = `${DEMO}/secrets/db`;
const MERGE = "application/merge-patch+json";
const AGENTS = agentMatcher({ groups: ["hoop:agents"], users: [], serviceAccounts: [], extras: {} }, "");

const as = (name: string, headers: Record<string, string | string[]> = {}): Call => ({
  path: DB,
  headers: { "impersonate-user": name, ...headers },
});
const IMPERSONATIONS: Readonly<Record<string, Call>> = {
  "a person": as("admin"),
  "a member of system:masters": as("anybody", { "impersonate-group": "system:masters" }),
  "a member of many groups": as("anybody", { "impersonate-group": ["a", "b", "c", "d", "e"] }),
  "a uid": as("anybody", { "impersonate-uid": "42" }),
  "an extra": as("anybody", { "impersonate-extra-scopes": "everything" }),
  "a ServiceAccount": as("system:serviceaccount:demo:strong"),
  "Hoop itself": as("system:serviceaccount:hoop-system:hoop"),
  "a node": as("system:node:node-1"),
  "a controller": as("system:kube-controller-manager"),
  nobody: as("system:anonymous"),
  "itself, but no agent": as("agent"),
  "a person, at a path that is no resource's": { path: "/version", headers: { "impersonate-user": "admin" } },
};

const KUBELETS: Readonly<Record<string, Call>> = Object.fromEntries(
  [
    "nodes/node-1/proxy/pods",
    "nodes/node-1/proxy/configz",
    "nodes/node-1/proxy/logs/",
    "nodes/node-1/proxy/run/demo/plain/main?cmd=env",
    "nodes/node-1/log",
    "nodes/node-1/pods",
    "nodes/node-1/checkpoint",
    "nodes/node-1/configz",
  ].flatMap((path) => [
    [`GET ${path}`, { path: `/api/v1/${path}` }],
    [`POST ${path}`, { method: "POST", path: `/api/v1/${path}`, body: {} }],
  ]),
);

const crd = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
const apis = "/apis/apiregistration.k8s.io/v1/apiservices";
const label = { metadata: { labels: { a: "b" } } };
const HOOPS: Readonly<Record<string, readonly [Call, string]>> = {
  "a patch of the CRD of its policies": [
    { method: "PATCH", path: `${crd}/agentpolicies.policy.hoop.dev`, type: MERGE, body: label },
    "hoop-apis",
  ],
  "the deletion of a CRD of its policies": [
    { method: "DELETE", path: `${crd}/agentprofiles.policy.hoop.dev` },
    "hoop-apis",
  ],
  "the deletion of all CRDs": [{ method: "DELETE", path: crd }, "hoop-apis"],
  "a patch of its APIService": [
    { method: "PATCH", path: `${apis}/v1alpha1.hoop.dev`, type: MERGE, body: label },
    "hoop-apis",
  ],
  "the deletion of its APIService": [{ method: "DELETE", path: `${apis}/v1alpha1.hoop.dev` }, "hoop-apis"],
  "a policy": [
    { method: "POST", path: "/apis/policy.hoop.dev/v1alpha1/agentpolicies", body: {} },
    "hoop-policies",
  ],
  "a pod in its namespace": [
    { method: "POST", path: "/api/v1/namespaces/hoop-system/pods", body: {} },
    "hoop-namespace",
  ],
  "the Secrets of its namespace through secure-secrets": [
    { path: "/apis/hoop.dev/v1alpha1/namespaces/hoop-system/secure-secrets" },
    "hoop-namespace",
  ],
  "a change of its Namespace": [
    { method: "PATCH", path: "/api/v1/namespaces/hoop-system", type: MERGE, body: label },
    "hoop-namespace",
  ],
};

describe("Hoop's authorizer", () => {
  let bed: Testbed;
  let agent: Caller;
  let human: Caller;

  before(async () => {
    bed = await startTestbed({
      controlPlane: { flags: { "feature-gates": "AllowUnsafeMalformedObjectDeletion=true" } },
    });
    agent = await asUserOf(bed.kubeconfig("agent"));
    human = await asUserOf(bed.kubeconfig("human"));
    await bed.apply(given());
  });

  after(() => bed?.stop());

  for (const [whom, call] of Object.entries(IMPERSONATIONS))
    it(`keeps an agent from impersonating ${whom}`, async () => {
      const reply = await agent(call);
      expect(verdictOf(reply)).to.match(/^forbidden by (impersonation|secrets)$/);
      expect(reply.code).to.equal(403);
    });

  for (const [what, call] of Object.entries(KUBELETS))
    it(`keeps an agent from kubelets: ${what}`, async () => {
      expect(verdictOf(await agent(call))).to.equal("forbidden by node-proxy");
    });

  for (const [what, [call, rule]] of Object.entries(HOOPS))
    it(`keeps an agent from what is Hoop's: ${what}`, async () => {
      expect(verdictOf(await agent(call))).to.equal(`forbidden by ${rule}`);
    });

  for (const [what, path] of Object.entries({
    "a ConfigMap": `${DEMO}/configmaps/texts`,
    "a Secret": DB,
    "a Deployment": "/apis/apps/v1/namespaces/demo/deployments/web",
  }))
    it(`keeps an agent from deleting unread ${what}`, async () => {
      const body = { ignoreStoreReadErrorWithClusterBreakingPotential: true };
      const { code, text } = await agent({ method: "DELETE", path, body });
      expect(text).to.match(/agents do not (delete what cannot be read|read or edit Secrets)/);
      expect(code).to.equal(403);
    });

  for (const path of DENIED_PATHS.filter((one) => one !== "*"))
    it(`keeps an agent from the API server's own ${path}`, async () => {
      const { code, text } = await agent({ path });
      expect(text).to.contain("(rule api-server-internals)");
      expect(code).to.equal(403);
    });

  /** What the API server answers when it is asked whether an agent may. */
  async function isDenied(resourceAttributes: Attributes): Promise<boolean> {
    const { text } = await human({
      method: "POST",
      path: "/apis/authorization.k8s.io/v1/subjectaccessreviews",
      body: {
        apiVersion: "authorization.k8s.io/v1",
        kind: "SubjectAccessReview",
        spec: { user: "agent", groups: ["hoop:agents"], resourceAttributes },
      },
    });
    return (JSON.parse(text) as { status: { denied?: boolean } }).status.denied === true;
  }

  it("is asked about everything that it would deny, whatever the attributes", async () => {
    const who = user("agent", ["hoop:agents"]);
    await fc.assert(
      fc.asyncProperty(ANY_ATTRIBUTES, async (resource) => {
        const verdict = authorize(AGENTS, { user: who, resource }, "hoop-system");
        expect(await isDenied(resource), shown(resource)).to.equal(verdict.kind === "denied");
      }),
      { numRuns: 400 },
    );
  });

  describe("while Hoop is down", () => {
    before(() => bed.stopHoop());

    it("keeps agents from everything that may concern it", async () => {
      for (const call of [{ path: DB }, ...Object.values(IMPERSONATIONS), ...Object.values(KUBELETS)]) {
        const { code, text } = await agent(call);
        expect(code, call.path).to.be.oneOf([403, 500]);
        expect(text).not.to.contain('"data"');
      }
    });

    it("is not asked about ordinary requests, and about nobody else's", async () => {
      const ordinary = [
        `${DEMO}/pods`,
        "/api/v1/nodes",
        `${DEMO}/configmaps/texts`,
        "/apis/apps/v1/deployments",
      ];
      for (const path of [...ordinary, ...PASSED_PATHS])
        expect((await agent({ path })).code, path).to.equal(200);
      expect((await human({ path: DB })).code).to.equal(200);
    });
  });
});

/** Tests of policies as people write them: what they say, and what is wrong with them. */
import { expect } from "chai";
import type { AdmissionRequest } from "#core/admission.ts";
import { ExactNumber } from "#core/admission.ts";
import { problemLine } from "#core/policy/documents.ts";
import { lookupsOf } from "#core/policy/fixture-lookups.ts";
import { differences } from "#core/policy/fixture-outcome.ts";
import { requestOf } from "#core/policy/fixture-request.ts";
import { type Fixture, fixturesIn } from "#core/policy/fixtures.ts";
import type { Verdict } from "#core/policy/verdict.ts";

const HEAD = "apiVersion: policy.hoop.dev/v1alpha1\nkind: AgentPolicyTest\n";

function only(request: string, around = ""): Fixture {
  const { fixtures, problems } = fixturesIn(
    `${HEAD}${around}cases: [{name: a, request: ${request}, expect: {verdict: Allow}}]`,
    "a.yaml",
  );
  expect(problems).to.deep.equal([]);
  const [fixture] = fixtures;
  if (fixture === undefined) throw new Error("no fixture");
  return fixture;
}

function made(request: string, around?: string): AdmissionRequest {
  const outcome = requestOf(only(request, around));
  if ("why" in outcome) throw new Error(outcome.why);
  return outcome.request;
}

describe("a fixture's request", () => {
  const POD = "{apiVersion: v1, kind: Pod, metadata: {name: web, namespace: shop}}";

  it("takes resource, operation, name and namespace from the object", () => {
    expect(made(`{object: ${POD}}`)).to.deep.include({
      operation: "CREATE",
      kind: { group: "", version: "v1", kind: "Pod" },
      resource: { group: "", version: "v1", resource: "pods" },
      subresource: "",
      name: "web",
      namespace: "shop",
      dryRun: false,
      options: { apiVersion: "meta.k8s.io/v1", kind: "CreateOptions" },
    });
  });

  const operations: Record<string, [request: string, operation: string]> = {
    "an update where there are both objects": [`{object: ${POD}, oldObject: ${POD}}`, "UPDATE"],
    "a delete where there is only the old one": [`{oldObject: ${POD}}`, "DELETE"],
    "what it says": [`{oldObject: ${POD}, operation: UPDATE}`, "UPDATE"],
    "a connection for exec": ["{resource: pods/exec, name: web}", "CONNECT"],
  };
  for (const [says, [request, operation]] of Object.entries(operations))
    it(`is ${says}`, () => {
      expect(made(request).operation).to.equal(operation);
    });

  const resources: Record<string, object> = {
    "{resource: deployments, operation: CREATE}": {
      resource: { group: "apps", version: "v1", resource: "deployments" },
      kind: { group: "apps", version: "v1", kind: "Deployment" },
      namespace: "default",
    },
    "{resource: deployments/scale, operation: UPDATE}": {
      resource: { group: "apps", version: "v1", resource: "deployments" },
      subresource: "scale",
      kind: { group: "autoscaling", version: "v1", kind: "Scale" },
    },
    "{resource: widgets.example.com, object: {apiVersion: example.com/v2, kind: Widget}}": {
      resource: { group: "example.com", version: "v2", resource: "widgets" },
      kind: { group: "example.com", version: "v2", kind: "Widget" },
      namespace: "default",
    },
    "{resource: events.events.k8s.io, operation: CREATE}": {
      resource: { group: "events.k8s.io", version: "v1", resource: "events" },
    },
    "{resource: namespaces, name: prod, operation: DELETE}": { name: "prod", namespace: "prod" },
    "{resource: nodes, name: node-1, operation: DELETE}": { name: "node-1", namespace: "" },
    "{resource: pods/eviction, name: web, operation: CREATE}": {
      subresource: "eviction",
      kind: { group: "policy", version: "v1", kind: "Eviction" },
    },
    "{resource: pods, namespace: '', name: '', operation: DELETE}": { name: "", namespace: "" },
    "{subresource: status, oldObject: {apiVersion: v1, kind: Node, metadata: {name: n}}, operation: UPDATE}":
      {
        subresource: "status",
        kind: { group: "", version: "v1", kind: "Node" },
      },
  };
  for (const [request, parts] of Object.entries(resources))
    it(`of ${request}`, () => {
      expect(made(request)).to.deep.include(parts);
    });

  it("completes objects by what is known of them, and by nothing else", () => {
    expect(made("{resource: pods, name: web, object: {spec: {}}}").object).to.deep.equal({
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name: "web", namespace: "default" },
      spec: {},
    });
    const exec = made("{resource: pods/exec, name: web, object: {command: [sh]}}");
    expect(exec.object).to.deep.equal({ apiVersion: "v1", kind: "PodExecOptions", command: ["sh"] });
  });

  it("applies a merge patch", () => {
    const old = "{apiVersion: v1, kind: ConfigMap, metadata: {name: a}, data: {a: '1', b: '2'}}";
    const { object, operation } = made(`{oldObject: ${old}, patch: {data: {a: null, c: '3'}}}`);
    expect({ operation, data: object?.["data"] }).to.deep.equal({
      operation: "UPDATE",
      data: { b: "2", c: "3" },
    });
  });

  it("keeps every digit", () => {
    const { object } = made(`{resource: configmaps, object: {a: 12345678901234567890, b: 7}}`);
    expect(object).to.deep.include({ a: new ExactNumber("12345678901234567890"), b: 7 });
  });

  const users: Record<string, [around: string, username: string, groups: string[]]> = {
    "an agent of no name": ["", "agent", ["hoop:agents", "system:authenticated"]],
    "whom it names": ["as: {user: ci, groups: [g]}\n", "ci", ["g", "system:authenticated"]],
    "a ServiceAccount, in its groups": [
      "as: {serviceAccount: ci/bot}\n",
      "system:serviceaccount:ci:bot",
      ["system:serviceaccounts", "system:serviceaccounts:ci", "system:authenticated"],
    ],
  };
  for (const [says, [around, username, groups]] of Object.entries(users))
    it(`is made by ${says}`, () => {
      const { userInfo } = made("{resource: pods, operation: CREATE}", around);
      expect({ username: userInfo.username, groups: userInfo.groups }).to.deep.equal({ username, groups });
    });

  const unclear: Record<string, string> = {
    "{}": "request: resource is needed, or an object with apiVersion and kind",
    "{resource: pods}": "request: object, oldObject or both are needed, or the operation",
    "{object: {apiVersion: example.com/v1, kind: Widget}}":
      "request: resource is needed: Widget of example.com/v1 is no built-in kind",
    "{resource: pods/exec, subresource: attach}": "request: the subresource stands in resource already",
    "{resource: pods, object: {}, patch: {}}": "request: object or patch, not both",
    "{resource: pods, patch: {}}": "request: a patch needs the oldObject",
  };
  for (const [request, why] of Object.entries(unclear))
    it(`is none of ${request}`, () => {
      expect(requestOf(only(request))).to.deep.equal({ why });
    });
});

describe("what stands around a fixture", () => {
  const lookups = lookupsOf(
    only(
      "{resource: pods, operation: CREATE}",
      `namespaces: [{metadata: {name: prod, labels: {tier: one}}}]
serviceAccounts: [{metadata: {namespace: ci, name: bot, annotations: {a: b}}}]
params: [{apiVersion: v1, kind: ConfigMap, metadata: {namespace: shop, name: limits}, data: {most: '3'}}]
access: [{allowed: true, verb: create, resource: pods, reason: he may}]
`,
    ).around,
  );
  const user = { username: "a", uid: "", groups: [], extra: new Map() };

  it("is what it names", async () => {
    expect(await lookups.namespace("prod")).to.deep.equal({
      known: true,
      object: {
        apiVersion: "v1",
        kind: "Namespace",
        metadata: { name: "prod", labels: { "kubernetes.io/metadata.name": "prod", tier: "one" } },
      },
    });
    expect(await lookups.serviceAccount("ci", "bot")).to.have.nested.property(
      "object.metadata.annotations.a",
      "b",
    );
    const kind = { apiVersion: "v1", kind: "ConfigMap" };
    expect(await lookups.param(kind, "shop", "limits")).to.have.nested.property("object.data.most", "3");
    expect(await lookups.access(user, { verb: "create", resource: "pods" })).to.deep.equal({
      allowed: true,
      reason: "he may",
    });
  });

  it("exists all the same where it does not, but for params and rights", async () => {
    expect(await lookups.namespace("other")).to.have.nested.property("object.metadata.name", "other");
    expect(await lookups.serviceAccount("a", "b")).to.have.nested.property("object.metadata.name", "b");
    const kind = { apiVersion: "v1", kind: "ConfigMap" };
    expect(await lookups.param(kind, "shop", "other")).to.deep.equal({ known: true, object: null });
    expect(await lookups.param({ ...kind, kind: "Secret" }, "shop", "limits")).to.have.property(
      "object",
      null,
    );
    expect((await lookups.access(user, { verb: "delete", resource: "pods" })).allowed).to.equal(false);
  });
});

describe("what is wrong with a fixture", () => {
  const problems = (yaml: string) => fixturesIn(yaml, "tests/a.yaml").problems.map(problemLine);

  it("is told with its place", () => {
    expect(
      problems(`# First a comment.
---
${HEAD}cases:
- name: a
  request: {resource: pods, foo: 1}
  expect:
    verdict: Nope
- request: {}
  expect: {verdict: Hold}
`),
    ).to.have.members([
      "tests/a.yaml:7:34: cases[0].request.foo: there is no such field",
      "tests/a.yaml:9:14: cases[0].expect.verdict: must be Allow or Hold or Deny or CouldNotTell",
      "tests/a.yaml:10:3: cases[1].name: is missing",
    ]);
  });

  it("is told of each document that is no YAML, and of no other", () => {
    const [first = "", ...more] = problems(
      `${HEAD}cases: [\n---\n${HEAD}cases: []\n---\n- 1\n---\nkind: Other\n`,
    );
    expect(first).to.match(/^tests\/a\.yaml:\d+:\d+: /);
    expect(more).to.deep.equal([
      "tests/a.yaml:9:1: not an object",
      "tests/a.yaml:7:8: cases: must not have fewer than 1 items",
    ]);
  });
});

describe("whether a verdict is as expected", () => {
  const hold: Verdict = {
    kind: "hold",
    rules: [{ name: "shop/a", message: "because of x" }],
    terms: {
      approvers: [{ groups: ["sre", "security"], count: 2 }],
      maxWaitSeconds: 1,
      pendingSeconds: 1,
      approvedSeconds: 1,
    },
    observed: [
      { name: "shop/b", message: "tried", action: "Deny", mode: "Warn" },
      { name: "shop/c", message: "tried", action: "Deny", mode: "Audit" },
    ],
  };
  const right = [
    { verdict: "Hold" as const },
    {
      verdict: "Hold" as const,
      rules: ["shop/a"],
      warnings: ["shop/b"],
      audited: ["shop/c"],
      notRules: ["shop/d"],
      message: "of x",
      approvers: [{ groups: ["security", "sre"], count: 2 }],
    },
  ];
  for (const expected of right)
    it(`is ${JSON.stringify(expected)}`, () => {
      expect(differences(hold, expected)).to.deep.equal([]);
    });

  const wrong: Record<string, Parameters<typeof differences>[1]> = {
    "expected Deny, got Hold: shop/a: because of x; shop/b: tried; shop/c: tried": { verdict: "Deny" },
    "no rule shop/b; there is: shop/a": { verdict: "Hold", rules: ["shop/b"] },
    "no warning of shop/c; there is: shop/b": { verdict: "Hold", warnings: ["shop/c"] },
    "no audit of shop/b; there is: shop/c": { verdict: "Hold", audited: ["shop/b"] },
    "rule shop/c fired, and was not to": { verdict: "Hold", notRules: ["shop/c"] },
    'no message says "y": shop/a: because of x; shop/b: tried; shop/c: tried': {
      verdict: "Hold",
      message: "y",
    },
    "expected to be decided by 1 of whoever may decide, not by 2 of security, sre": {
      verdict: "Hold",
      approvers: [{}],
    },
  };
  for (const [told, expected] of Object.entries(wrong))
    it(`is not: ${told}`, () => {
      expect(differences(hold, expected)).to.deep.equal([told]);
    });
});

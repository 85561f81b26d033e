/** What people write of what agents may do: refused where it cannot work, told where it is odd, else left alone. */
import { expect } from "chai";
import { parse } from "yaml";
import type { AdmissionRequest, JsonObject } from "#core/admission.ts";
import { agentUser, request, user } from "../../support/reviews.ts";
import { written } from "../../support/written.ts";

const KINDS = {
  AgentPolicy: ["policy.hoop.dev", "v1alpha1", "agentpolicies"],
  AgentProfile: ["policy.hoop.dev", "v1alpha1", "agentprofiles"],
  Namespace: ["", "v1", "namespaces"],
  ServiceAccount: ["", "v1", "serviceaccounts"],
} as const;

/** A person's write of it. */
function writeOf(kind: keyof typeof KINDS, object: JsonObject, given: Partial<AdmissionRequest> = {}) {
  const [group, version, resource] = KINDS[kind];
  const namespace = kind === "ServiceAccount" ? "ci" : kind === "Namespace" ? "x" : "";
  return request({
    ...{ kind: { group, version, kind }, resource: { group, version, resource }, name: "x", namespace },
    ...{ operation: "CREATE", userInfo: user("ann"), object, options: null },
    ...given,
  });
}

const policy = (yaml: string) => ({ metadata: { name: "x" }, spec: parse(yaml) as JsonObject });
const annotated = (annotations: JsonObject) => ({ metadata: { name: "x", annotations } });

const told = async (of: AdmissionRequest) => {
  const { refusals, warnings } = await written(of);
  return { refusals: refusals.map(({ field, message }) => `${field}: ${message}`), warnings };
};
const NOTHING = { refusals: [], warnings: [] };

const WHOLE = `
matchConstraints:
  resourceRules:
    - {apiGroups: [apps], operations: [CREATE, UPDATE], resources: [deployments]}
variables:
  - {name: replicas, expression: object.spec.?replicas.orValue(1)}
rules:
  - name: many
    when: variables.replicas > 3
    action: Hold
    messageExpression: '"it has " + string(variables.replicas)'
    approval: {groups: [sre], count: 2, expiresIn: 1h}
catalogue:
  - {rule: pod-connect, when: 'request.namespace == "dev"', mode: Warn}
`;

describe("what people write of policies", () => {
  it("is left alone where it works", async () => {
    expect(await told(writeOf("AgentPolicy", policy(WHOLE)))).to.deep.equal(NOTHING);
  });

  const REFUSED: Record<string, [yaml: string, ...expected: RegExp[]]> = {
    "an expression that does not compile, in its second line": [
      "rules: [{name: a, action: Deny, when: \"true &&\\n  foo == 'x'\"}]",
      /^spec\.rules\[0\]\.when: line 2, column 3: .*foo/,
    ],
    "an expression that is no bool": [
      "rules: [{name: a, action: Deny, when: '1 + 1'}]",
      /^spec\.rules\[0\]\.when: line 1, column 1: must be a bool/,
    ],
    "a variable that does not compile, and the rule that names it": [
      "variables: [{name: v, expression: 'object.('}]\nrules: [{name: a, action: Deny, when: 'variables.v'}]",
      /^spec\.variables\[0\].*: line 1, column 8: /,
      /^spec\.rules\[0\]\.when: line 1, column \d+: .*v/,
    ],
    "a condition, a message and an entry that do not": [
      [
        "matchConditions: [{name: c, expression: nothing}]",
        "rules: [{name: a, action: Hold, messageExpression: '1'}]",
        "catalogue: [{rule: pod-connect, when: '\"x\"'}]",
      ].join("\n"),
      /^spec\.matchConditions\[0\]\.expression: line 1, column 1: /,
      /^spec\.rules\[0\]\.messageExpression: line 1, column 1: must be a string/,
      /^spec\.catalogue\[0\]\.when: line 1, column 1: must be a bool/,
    ],
    "a rule of the catalogue that is none, and one that nobody switches": [
      "catalogue: [{rule: exek}, {rule: hoop-policies, mode: 'Off'}]",
      /^spec\.catalogue\[0\]\.rule: no rule of the catalogue has this name/,
      /^spec\.catalogue\[1\]\.rule: this rule is always in force/,
    ],
    "Secrets as params": [
      "paramKind: {apiVersion: v1, kind: Secret}\nparamRef: {name: a}\nrules: [{name: a, action: Deny}]",
      /^spec\.paramKind: Secrets are no params$/,
    ],
    "a selector that selects nothing that could be": [
      "matchConstraints: {objectSelector: {matchExpressions: [{key: a, operator: In}]}}\nrules: [{name: a, action: Deny}]",
      /^spec\.matchConstraints\.objectSelector/,
    ],
  };
  for (const [what, [yaml, ...expected]] of Object.entries(REFUSED))
    it(`is refused with ${what}`, async () => {
      const { refusals } = await told(writeOf("AgentPolicy", policy(yaml)));
      expect(refusals).to.have.length(expected.length);
      for (const [i, pattern] of expected.entries()) expect(refusals[i]).to.match(pattern);
    });

  const ODD: Record<string, [yaml: string, ...expected: RegExp[]]> = {
    "a rule for everything": [
      "rules: [{name: a, action: Deny}]",
      /^spec\.rules\[0\]: denies everything that agents do/,
    ],
    "object, where it is null": [
      "rules: [{name: a, action: Deny, when: object.spec.x == 1, matchConstraints: {resourceRules: [{apiGroups: ['*'], operations: [DELETE], resources: [pods]}]}}]",
      /^spec\.rules\[0\]\.when: object is null with DELETE/,
    ],
    "a kind in place of a resource": [
      "rules: [{name: a, action: Deny, matchConstraints: {resourceRules: [{apiGroups: [''], operations: [DELETE], resources: [Pod]}]}}]",
      /resources\[0\]: resources are written in lower case/,
    ],
    "one in place of many": [
      "rules: [{name: a, action: Deny, matchConstraints: {resourceRules: [{apiGroups: [apps], operations: [DELETE], resources: [deployment/scale]}]}}]",
      /resources\[0\]: there is no deployment; it is deployments$/,
    ],
    "the wrong group": [
      "rules: [{name: a, action: Deny, matchConstraints: {resourceRules: [{apiGroups: [''], operations: [DELETE], resources: [deployments]}]}}]",
      /resources\[0\]: deployments are in the group "apps"$/,
    ],
    "a selector that agents leave as they like": [
      "matchConstraints: {objectSelector: {matchLabels: {tier: db}}}\nrules: [{name: a, action: Deny, when: 'true'}]",
      /^spec\.matchConstraints\.objectSelector: agents choose the labels/,
    ],
    "approvers who are everybody, agents, and out of time": [
      "rules: [{name: a, action: Hold, when: 'true', approval: {groups: ['system:authenticated', 'hoop:agents'], expiresIn: 0s}}]",
      /^spec\.rules\[0\]\.approval\.groups: whoever is logged in/,
      /^spec\.rules\[0\]\.approval\.groups: hoop:agents are agents/,
      /^spec\.rules\[0\]\.approval\.expiresIn: no time at all/,
    ],
    "terms for what is switched off": [
      "catalogue: [{rule: pod-connect, mode: 'Off', approval: {count: 2}}]",
      /^spec\.catalogue\[0\]\.approval: what is Off holds nothing/,
    ],
  };
  for (const [what, [yaml, ...expected]] of Object.entries(ODD))
    it(`is warned of with ${what}`, async () => {
      const { refusals, warnings } = await told(writeOf("AgentPolicy", policy(yaml)));
      expect(refusals).to.deep.equal([]);
      expect(warnings).to.have.length(expected.length);
      for (const [i, pattern] of expected.entries()) expect(warnings[i]).to.match(pattern);
    });

  const FINE: Record<string, string> = {
    "object, where the rule asks for the operation":
      "rules: [{name: a, action: Deny, when: 'request.operation != \"DELETE\" && object.spec.x == 1'}]",
    "object, where it asks whether there is one":
      "rules: [{name: a, action: Deny, when: 'object != null && object.spec.x == 1'}]",
    "a resource of others":
      "rules: [{name: a, action: Deny, matchConstraints: {resourceRules: [{apiGroups: [example.com], operations: [DELETE], resources: [deployments, widget]}]}}]",
    "all subresources":
      "rules: [{name: a, action: Deny, matchConstraints: {resourceRules: [{apiGroups: ['*'], operations: ['*'], resources: ['*/scale', 'pods/*', '*', '*/*']}]}}]",
  };
  for (const [what, yaml] of Object.entries(FINE))
    it(`is not warned of with ${what}`, async () => {
      expect(await told(writeOf("AgentPolicy", policy(yaml)))).to.deep.equal(NOTHING);
    });

  it("is left alone where the write changes something else: a label on what is broken already", async () => {
    const broken = policy("rules: [{name: a, action: Deny, when: nonsense}]");
    const labelled = { ...broken, metadata: { name: "x", labels: { a: "b" } } };
    const update = { operation: "UPDATE", oldObject: broken } as const;
    expect(await told(writeOf("AgentPolicy", labelled, update))).to.deep.equal(NOTHING);
    const other = policy("rules: [{name: a, action: Deny, when: other}]");
    expect((await told(writeOf("AgentPolicy", other, update))).refusals).to.have.length(1);
  });

  it("is not looked at where an agent writes: that is judged", async () => {
    const object = policy("rules: [{name: a, action: Deny, when: nonsense}]");
    expect(await told(writeOf("AgentPolicy", object, { userInfo: agentUser() }))).to.deep.equal(NOTHING);
  });
});

describe("what people write of who is an agent", () => {
  const profile = (spec: JsonObject, given: Partial<AdmissionRequest> = {}) =>
    told(writeOf("AgentProfile", { metadata: { name: "x" }, spec }, given));

  it("is left alone where it names others", async () => {
    expect(await profile({ users: ["bot"], groups: ["bots"] })).to.deep.equal(NOTHING);
  });
  it("is warned of where it names who never is one", async () => {
    const { warnings } = await profile({
      users: ["bot", "system:serviceaccount:hoop-system:hoop"],
      serviceAccounts: [{ namespace: "kube-system", name: "job-controller" }],
    });
    expect(warnings).to.deep.equal([
      "spec.users[1]: system:serviceaccount:hoop-system:hoop is never an agent",
      "spec.serviceAccounts[0]: system:serviceaccount:kube-system:job-controller is never an agent",
    ]);
  });
  it("is warned of where it names who writes it", async () => {
    const userInfo = user("ann", ["admins"]);
    expect((await profile({ groups: ["admins"] }, { userInfo })).warnings).to.deep.equal([
      "spec: you are an agent by this yourself, and can then not take it back",
    ]);
  });
});

describe("what people write of sessions", () => {
  const account = { serviceAccount: { namespace: "work", name: "bot" } };
  const refusals = async (spec: JsonObject) =>
    (await told(writeOf("AgentProfile", { metadata: { name: "x" }, spec }))).refusals;
  const table: [string, JsonObject, string[]][] = [
    [
      "what can work",
      {
        tokens: [{ issuer: "i", when: "claims.ref == 'main'" }],
        session: { ...account, windows: [{ from: "08:00", to: "18:00", timeZone: "Europe/Berlin" }] },
      },
      [],
    ],
    [
      "an expression that does not compile",
      { tokens: [{ issuer: "i", when: "claims.ref ==\n  other" }] },
      ["spec.tokens[0].when: line 2, column 3: undeclared reference to 'other'"],
    ],
    [
      "one that is no bool",
      {
        tokens: [
          { issuer: "i", claims: [] },
          { issuer: "i", when: "claims.ref" },
        ],
      },
      ["spec.tokens[1].when: line 1, column 1: must be a bool, is of any type: wrap it in bool(…)"],
    ],
    [
      "a time zone that is none",
      { users: ["a"], session: { ...account, windows: [{ from: "1", to: "2", timeZone: "Mars/Olympus" }] } },
      ["spec.session.windows[0].timeZone: there is no such time zone"],
    ],
  ];
  for (const [what, spec, expected] of table)
    it(`is ${expected.length === 0 ? "left alone" : "refused"} with ${what}`, async () => {
      expect(await refusals(spec)).to.deep.equal(expected);
    });
});

describe("what people write into annotations", () => {
  it("is left alone where it works, and where it is not Hoop's", async () => {
    const annotations = {
      "hoop.dev/require-approval": 'request.operation == "DELETE"',
      "hoop.dev/deny": "request.operation == 'CONNECT'",
      "hoop.dev/approvers": "2 of sre, security",
      "hoop.dev/reason": "nonsense (",
      "hoop.dev/agent": "bot",
      "example.com/deny": "nonsense (",
    };
    expect(await told(writeOf("Namespace", annotated(annotations)))).to.deep.equal(NOTHING);
    expect(await told(writeOf("ServiceAccount", annotated(annotations), { name: "bot" }))).to.deep.equal(
      NOTHING,
    );
  });

  it("is refused where it does not compile, with line and column", async () => {
    const object = annotated({
      "hoop.dev/require-approval": "request.operation ==\n 'DELETE' && foo",
      "hoop.dev/deny": "yes",
      "hoop.dev/approvers": "0 of sre",
    });
    for (const kind of ["Namespace", "ServiceAccount"] as const) {
      const { refusals } = await told(writeOf(kind, object));
      expect(refusals).to.have.length(3);
      expect(refusals[0]).to.match(/^metadata\.annotations\[hoop\.dev\/deny\]: line 1, column 1: /);
      expect(refusals[1]).to.match(
        /^metadata\.annotations\[hoop\.dev\/require-approval\]: line 2, column 14: /,
      );
      expect(refusals[2]).to.match(/^metadata\.annotations\[hoop\.dev\/approvers\]: must be such as/);
    }
  });

  it("is refused for what the write changes, and not for what it leaves", async () => {
    const update = {
      operation: "UPDATE",
      oldObject: annotated({ "hoop.dev/deny": "nonsense (", "hoop.dev/approvers": "sre" }),
    } as const;
    const now = annotated({ "hoop.dev/deny": "nonsense (", "hoop.dev/approvers": "sre, security" });
    expect(await told(writeOf("Namespace", now, update))).to.deep.equal(NOTHING);
  });

  it("is warned of where nothing comes of it", async () => {
    const object = annotated({
      "hoop.dev/require-aproval": "true",
      "hoop.dev/deny": "false",
      "hoop.dev/approvers": "system:authenticated",
    });
    expect((await told(writeOf("Namespace", object))).warnings).to.deep.equal([
      "metadata.annotations[hoop.dev/require-aproval]: there is no such annotation of Hoop's",
      "metadata.annotations[hoop.dev/deny]: it is never true",
      "metadata.annotations[hoop.dev/approvers]: whoever is logged in may be in system:authenticated",
    ]);
    expect(
      (await told(writeOf("ServiceAccount", annotated({ "hoop.dev/deny": "true" })))).warnings,
    ).to.deep.equal([
      "metadata.annotations: this ServiceAccount is no agent as things are, so they do nothing",
    ]);
  });
});

import { expect } from "chai";
import type { AdmissionRequest, JsonObject } from "#core/admission.ts";
import type { AccessCheck } from "#core/cel/library/authorizer.ts";
import { parseJson } from "#core/json.ts";
import type { AgentPolicySpec, PolicyRule } from "#core/policy/spec.ts";
import { judgedBy, namespaceObject, policy, ruleOf, shown } from "../../support/policies.ts";
import { podCreate, podDelete, podExec, request } from "../../support/reviews.ts";

const POD = podCreate("web", {}, { labels: { app: "web" } });
const rule = (name: string, action: PolicyRule["action"], given: Partial<PolicyRule> = {}): PolicyRule => ({
  name,
  action,
  message: `because of ${name}`,
  ...given,
});
const told = async (spec: AgentPolicySpec, asked: AdmissionRequest = POD) =>
  shown(await judgedBy([policy(spec)], asked));
const pods = { resourceRules: [{ apiGroups: [""], operations: ["*"], resources: ["pods"] }] };

describe("a judgement", () => {
  it("is the most restrictive of all rules, with the reason of each that fired", async () => {
    const spec: AgentPolicySpec = {
      rules: [rule("a", "Hold"), rule("b", "Deny"), rule("c", "Deny", { when: "false" }), rule("d", "Deny")],
    };
    expect(await judgedBy([policy(spec)], POD)).to.deep.equal({
      kind: "deny",
      rules: [
        { name: "p/b", message: "because of b" },
        { name: "p/d", message: "because of d" },
      ],
      observed: [],
    });
    expect(await told({ rules: [rule("a", "Hold"), rule("b", "Hold")] })).to.equal("hold p/a,p/b");
    expect(await told({ rules: [] })).to.equal("allow");
  });

  it("tells what is only tried, also where it cannot be told", async () => {
    const spec: AgentPolicySpec = {
      rules: [rule("a", "Hold", { when: "object.nothing == 1" }), rule("b", "Deny", { mode: "Audit" })],
    };
    expect(await judgedBy([policy(spec)], POD)).to.deep.include({
      kind: "could-not-tell",
      observed: [{ name: "p/b", message: "because of b", action: "Deny", mode: "Audit" }],
    });
  });

  it("is by name, whatever order policies come in", async () => {
    const all = ["c", "a", "b"].map((name) => ruleOf({}, name));
    expect(shown(await judgedBy(all, POD))).to.equal("hold a/r,b/r,c/r");
    expect(shown(await judgedBy(all.toReversed(), POD))).to.equal("hold a/r,b/r,c/r");
  });

  it("is by rules that are about the request, as their policy must be", async () => {
    const secrets = { resourceRules: [{ apiGroups: [""], operations: ["*"], resources: ["secrets"] }] };
    expect(await told({ matchConstraints: pods, rules: [rule("a", "Hold")] })).to.equal("hold p/a");
    expect(await told({ matchConstraints: secrets, rules: [rule("a", "Hold")] })).to.equal("allow");
    const narrowed = [
      rule("a", "Hold", { matchConstraints: secrets }),
      rule("b", "Hold", { matchConstraints: pods }),
    ];
    expect(await told({ rules: narrowed })).to.equal("hold p/b");
    const both = { ...secrets, resourceRules: [...secrets.resourceRules, ...pods.resourceRules] };
    expect(await told({ matchConstraints: both, rules: narrowed })).to.equal("hold p/b");
  });

  it("goes by matchConditions, all of which must be true", async () => {
    const conditions = (...expressions: string[]): AgentPolicySpec => ({
      matchConditions: expressions.map((expression, i) => ({ name: `c${i}`, expression })),
      rules: [rule("a", "Hold")],
    });
    expect(await told(conditions("true", "request.operation == 'CREATE'"))).to.equal("hold p/a");
    expect(await told(conditions("true", "false"))).to.equal("allow");
    expect(await told(conditions("object.nothing == 1", "false"))).to.equal("allow");
    expect(await told(conditions("true", "object.nothing == 1"))).to.equal(
      "could-not-tell: rule p/a failed: matchCondition c1: no such key: nothing (line 1, column 1)",
    );
  });

  it("evaluates variables for rules and conditions", async () => {
    const spec: AgentPolicySpec = {
      variables: [
        { name: "labels", expression: "object.metadata.labels" },
        { name: "app", expression: "variables.labels.app" },
      ],
      matchConditions: [{ name: "web", expression: "variables.app == 'web'" }],
      rules: [
        rule("a", "Hold", {
          when: "variables.labels.size() == 1",
          messageExpression: "'for ' + variables.app",
        }),
      ],
    };
    expect(await judgedBy([policy(spec)], POD)).to.have.deep.property("rules", [
      { name: "p/a", message: "for web" },
    ]);
  });

  describe("says the message", () => {
    const cases: Record<string, [Partial<PolicyRule>, string]> = {
      "of the rule": [{ message: "  m " }, "m"],
      "of its messageExpression": [
        { message: "m", messageExpression: "'name ' + object.metadata.name" },
        "name web",
      ],
      "of the rule where that one fails": [
        { message: "m", messageExpression: "object.nothing" + " + ''" },
        "m",
      ],
      "of the rule where that one is blank": [{ message: "m", messageExpression: "'  '" }, "m"],
      "of the rule where that one has lines": [{ message: "m", messageExpression: "'a\\nb'" }, "m"],
      "of the rule where that one is too long": [
        { message: "m", messageExpression: `'${"x".repeat(5121)}'` },
        "m",
      ],
      "where there is none, what was true": [
        { message: "", when: "1 ==\n  1" },
        "true of this request: 1 == 1",
      ],
      "where nothing is asked, that": [{ message: "" }, "every such request"],
      "with nothing in it that misleads": [{ messageExpression: "'a\\u202ex\\u0007'" }, "a\\u{202e}x\\u{7}"],
    };
    for (const [what, [given, message]] of Object.entries(cases))
      it(what, async () => {
        expect(await judgedBy([ruleOf(given)], POD)).to.have.deep.property("rules", [
          { name: "p/r", message },
        ]);
      });
  });

  describe("only tries", () => {
    const cases: Record<string, [AgentPolicySpec, string]> = {
      "what warns": [{ rules: [rule("a", "Deny", { mode: "Warn" })] }, "allow +Warn p/a"],
      "what is audited": [{ rules: [rule("a", "Deny", { mode: "Audit" })] }, "allow +Audit p/a"],
      "one rule beside another": [
        { rules: [rule("a", "Deny", { mode: "Audit" }), rule("b", "Hold", { mode: "Enforce" })] },
        "hold p/b +Audit p/a",
      ],
      "what fails": [
        { rules: [rule("a", "Deny", { mode: "Warn", when: "object.nothing" + " == 1" })] },
        "allow +Warn p/a",
      ],
      "what does not compile": [
        { rules: [rule("a", "Deny", { mode: "Audit", when: "nothing" })] },
        "allow +Audit p/a",
      ],
    };
    for (const [what, [spec, wanted]] of Object.entries(cases))
      it(what, async () => expect(await told(spec)).to.equal(wanted));
  });

  it("says of what it only tries what it would have done", async () => {
    const spec = {
      rules: [rule("a", "Deny", { mode: "Audit" }), rule("b", "Hold", { mode: "Warn", when: "x" })],
    };
    expect(await judgedBy([policy(spec as AgentPolicySpec)], POD)).to.have.deep.property("observed", [
      { name: "p/a", message: "because of a", action: "Deny", mode: "Audit" },
      {
        name: "p/b",
        message: "could not tell: undeclared reference to 'x' (line 1, column 1)",
        action: "Hold",
        mode: "Warn",
      },
    ]);
  });
});

describe("what cannot be told", () => {
  const cases: Record<string, [AgentPolicySpec, string]> = {
    "an expression that fails": [
      { rules: [rule("a", "Hold", { when: "object.nothing == 1" })] },
      "could-not-tell: rule p/a failed: no such key: nothing (line 1, column 1)",
    ],
    "an expression that does not compile": [
      { rules: [rule("a", "Hold", { when: "object.x ==" })] },
      "could-not-tell: rule p/a failed: ",
    ],
    "an expression that is no bool": [
      { rules: [rule("a", "Hold", { when: "'a'" })] },
      "could-not-tell: rule p/a failed: must be a bool, is a string (line 1, column 1)",
    ],
    "a messageExpression that does not compile": [
      { rules: [rule("a", "Hold", { messageExpression: "1" })] },
      "could-not-tell: rule p/a failed: its messageExpression does not compile",
    ],
    "a selector that is none": [
      { rules: [rule("a", "Hold", { matchConstraints: { objectSelector: { matchLabels: { "-": "" } } } })] },
      "could-not-tell: rule p/a failed: its matchConstraints are not valid",
    ],
    "a selector of the policy that is none": [
      { matchConstraints: { namespaceSelector: { matchLabels: { "-": "" } } }, rules: [rule("a", "Hold")] },
      "could-not-tell: rule p/a failed: its policy's matchConstraints are not valid",
    ],
    "a variable that fails": [
      {
        variables: [{ name: "v", expression: "object.nothing" }],
        rules: [rule("a", "Hold", { when: "variables.v == 1" })],
      },
      "could-not-tell: rule p/a failed: no such key",
    ],
    "a variable that does not compile": [
      {
        variables: [{ name: "v", expression: "nothing" }],
        rules: [rule("a", "Hold", { when: "variables.v == 1" })],
      },
      "could-not-tell: rule p/a failed: ",
    ],
    "a parameter without its kind": [
      { paramRef: { name: "x" }, rules: [rule("a", "Hold")] },
      "could-not-tell: rule p/a failed: its policy's paramKind and paramRef go together",
    ],
    "a loop within loops": [
      {
        rules: [
          rule("a", "Hold", {
            when: "object.l.all(a, object.l.all(b, object.l.all(c, object.l.all(d, a == d))))",
          }),
        ],
      },
      "could-not-tell: rule p/a failed: too expensive",
    ],
  };
  for (const [what, [spec, why]] of Object.entries(cases)) {
    it(`denies: ${what}`, async () =>
      expect(await told(spec)).to.satisfy((text: string) => text.startsWith(why)));

    it(`leaves the other rules of the policy alone: ${what}`, async () => {
      const rules = [...(spec.rules ?? []), rule("z", "Deny", { when: "true" })];
      const broken = spec.paramRef !== undefined || spec.matchConstraints !== undefined;
      expect(await told({ ...spec, rules })).to.match(broken ? /^could-not-tell/ : /^deny p\/z/);
    });

    it(`leaves what the rule is not about alone: ${what}`, async () => {
      const secrets = { resourceRules: [{ apiGroups: [""], operations: ["*"], resources: ["secrets"] }] };
      const rules = (spec.rules ?? []).map((one) => ({
        ...one,
        matchConstraints: { ...one.matchConstraints, ...secrets },
      }));
      expect(await told({ ...spec, rules })).to.equal("allow");
    });
  }

  it("denies whatever a policy is about that is none", async () => {
    const misshapen = { rules: [{ name: "a", action: "Allow" }] } as unknown as AgentPolicySpec;
    expect(await told(misshapen)).to.equal(
      "could-not-tell: rule p failed: the policy is not valid at spec.rules[0].action",
    );
  });

  it("tells which rules failed, and of no other", async () => {
    const rules = [rule("a", "Hold", { when: "object.nothing == 1" }), rule("b", "Hold")];
    const verdict = await judgedBy([policy({ rules })], POD);
    expect(verdict).to.have.deep.property("failed", [
      { name: "p/a", message: "no such key: nothing (line 1, column 1)" },
    ]);
  });

  it("denies in a namespace that is not known", async () => {
    const given = { namespace: () => ({ known: false as const, why: "not found" }) };
    expect(shown(await judgedBy([], POD, given))).to.equal("could-not-tell: namespace demo: not found");
    expect(shown(await judgedBy([], request(), given))).to.equal("allow");
  });

  it("denies where something cannot be looked up", async () => {
    const failing = () => Promise.reject(new Error("secret"));
    expect(shown(await judgedBy([], POD, { namespace: failing }))).to.equal(
      "could-not-tell: what the policies ask about could not be looked up",
    );
  });

  it("does not stand against a rule that denies", async () => {
    const rules = [rule("a", "Hold", { when: "object.nothing == 1" }), rule("b", "Deny")];
    expect(await told({ rules })).to.equal("deny p/b");
  });

  it("is told of five rules at most", async () => {
    const rules = Array.from({ length: 7 }, (_, i) => rule(`r${i}`, "Hold", { when: "object.nothing == 1" }));
    const verdict = await told({ rules });
    expect(verdict.match(/failed/g)).to.have.length(5);
    expect(verdict).to.match(/; and 2 more$/);
  });

  it("quotes nothing of the request", async () => {
    const object: JsonObject = { metadata: { name: "x" }, data: { pw: "hunter2", "hunter2-key": "a" } };
    const expressions = [
      "int(object.data.pw) == 1",
      "object.data[object.data.pw] == 'x'",
      "object.data.pw.matches(object.data.pw + '(')",
      "timestamp(object.data.pw) > timestamp('2020-01-01T00:00:00Z')",
      "quantity(object.data.pw).isGreaterThan(quantity('1'))",
      "object.data.all(k, int(k) == 1)",
      "duration(object.data.pw) > duration('1s')",
    ];
    for (const when of expressions) {
      const verdict = await told({ rules: [rule("a", "Hold", { when })] }, { ...POD, object });
      expect(verdict, when).to.match(/^could-not-tell: rule p\/a failed/);
      expect(verdict, when).not.to.contain("hunter2");
    }
  });
});

describe("a budget", () => {
  const long = "object.l.all(a, object.l.all(b, a <= b || a >= b))";
  const asked = { ...POD, object: { l: Array.from({ length: 1000 }, (_, i) => i) } };

  it("is of one expression", async () =>
    expect(await told({ rules: [rule("a", "Hold", { when: long })] }, asked)).to.equal(
      "could-not-tell: rule p/a failed: budget exceeded",
    ));

  it("is of all of a request together", async () => {
    const small = { ...asked, object: { l: Array.from({ length: 170 }, (_, i) => i) } };
    const rules = Array.from({ length: 16 }, (_, i) => rule(`r${i}`, "Hold", { when: `!(${long})` }));
    expect(await told({ rules: rules.slice(0, 1) }, small)).to.equal("allow");
    expect(await told({ rules }, small)).to.match(/^could-not-tell: .*budget exceeded/);
  });

  it("of what is only tried is one of its own", async () => {
    const tried = Array.from({ length: 12 }, (_, i) =>
      rule(`t${i}`, "Deny", { mode: "Audit", when: `!(${long})` }),
    );
    const verdict = await told(
      { rules: [...tried, rule("z", "Hold", { when: "object.l.size() == 1000" })] },
      asked,
    );
    expect(verdict).to.match(/^hold p\/z \+Audit/);
  });

  it("lets others have their turn", async () => {
    const small = { ...asked, object: { l: Array.from({ length: 170 }, (_, i) => i) } };
    const all = Array.from({ length: 10 }, (_, i) => ruleOf({ when: `!(${long})` }, `p${i}`));
    let turns = 0;
    let isOver = false;
    const count = () => {
      turns++;
      if (!isOver) setImmediate(count);
    };
    setImmediate(count);
    const verdict = await judgedBy(all, small);
    isOver = true;
    expect(shown(verdict)).to.equal("allow");
    expect(turns).to.be.greaterThan(2);
  });
});

describe("parameters", () => {
  const spec = (given: AgentPolicySpec["paramRef"] = { name: "limits" }): AgentPolicySpec => ({
    paramKind: { apiVersion: "v1", kind: "ConfigMap" },
    paramRef: given,
    rules: [rule("a", "Hold", { when: "params.data.max == '1'" })],
  });
  const asking = async (given: AgentPolicySpec, object: JsonObject | null, asked = POD) => {
    const keys: string[] = [];
    const param = (kind: { apiVersion: string; kind: string }, namespace: string, name: string) => {
      keys.push(`${kind.apiVersion} ${kind.kind} ${namespace}/${name}`);
      return Promise.resolve({ known: true as const, object });
    };
    return [shown(await judgedBy([policy(given)], asked, { param })), ...keys];
  };

  it("are the target's namespace's, or those of the one that is named", async () => {
    const one = { data: { max: "1" } };
    expect(await asking(spec(), one)).to.deep.equal(["hold p/a", "v1 ConfigMap demo/limits"]);
    expect(await asking(spec({ name: "limits", namespace: "ops" }), one)).to.deep.equal([
      "hold p/a",
      "v1 ConfigMap ops/limits",
    ]);
    expect(await asking(spec(), one, request())).to.deep.equal(["hold p/a", "v1 ConfigMap /limits"]);
    expect(await asking(spec(), { data: { max: "2" } })).to.deep.equal(["allow", "v1 ConfigMap demo/limits"]);
  });

  it("must exist, but where the policy says otherwise", async () => {
    expect((await asking(spec(), null))[0]).to.equal(
      "could-not-tell: rule p/a failed: its parameters do not exist",
    );
    expect((await asking(spec({ name: "limits", parameterNotFoundAction: "Deny" }), null))[0]).to.match(
      /^could-not/,
    );
    expect((await asking(spec({ name: "limits", parameterNotFoundAction: "Allow" }), null))[0]).to.equal(
      "allow",
    );
  });

  it("must be known", async () => {
    const param = () => ({ known: false as const, why: "no answer" });
    expect(shown(await judgedBy([policy(spec())], POD, { param }))).to.equal(
      "could-not-tell: rule p/a failed: its parameters are not known: no answer",
    );
  });

  it("are not asked for where the policy is not about the request", async () => {
    const secrets = { resourceRules: [{ apiGroups: [""], operations: ["*"], resources: ["secrets"] }] };
    expect(await asking({ ...spec(), matchConstraints: secrets }, null)).to.deep.equal(["allow"]);
  });
});

describe("access checks", () => {
  const when = "!authorizer.group('').resource('pods').namespace('prod').check('delete').allowed()";

  it("are asked once for all rules of a request, of whoever asks", async () => {
    const asked: [string, AccessCheck][] = [];
    const access = async (user: { username: string }, check: AccessCheck) => {
      asked.push([user.username, check]);
      return { allowed: false, reason: "" };
    };
    const policies = [ruleOf({ when }, "a"), ruleOf({ when }, "b")];
    expect(shown(await judgedBy(policies, POD, { access }))).to.equal("hold a/r,b/r");
    expect(asked).to.deep.equal([
      ["ci-bot", { group: "", resource: "pods", namespace: "prod", verb: "delete" }],
    ]);
  });

  it("are about the request, as authorizer.requestResource", async () => {
    const asked: AccessCheck[] = [];
    const access = async (_: unknown, check: AccessCheck) => {
      asked.push(check);
      return { allowed: true, reason: "" };
    };
    const policies = [ruleOf({ when: "authorizer.requestResource.check('custom').allowed()" })];
    expect(shown(await judgedBy(policies, podExec(), { access }))).to.equal("hold p/r");
    expect(asked).to.deep.equal([
      { group: "", resource: "pods", subresource: "exec", namespace: "demo", name: "web", verb: "custom" },
    ]);
  });

  it("that nobody answers have errored", async () => {
    const access = () => Promise.reject(new Error("gone"));
    const errored = "authorizer.group('').resource('pods').check('get').errored()";
    expect(shown(await judgedBy([ruleOf({ when: errored })], POD, { access }))).to.equal("hold p/r");
  });

  it("work in conditions, in variables and in annotations", async () => {
    const access = async () => ({ allowed: true, reason: "" });
    const check = "authorizer.path('/x').check('get').allowed()";
    const spec: AgentPolicySpec = {
      variables: [{ name: "may", expression: check }],
      matchConditions: [{ name: "may", expression: check }],
      rules: [rule("a", "Hold", { when: "variables.may" })],
    };
    const namespace = () => ({
      known: true as const,
      object: namespaceObject("demo", { annotations: { "hoop.dev/deny": `!${check}` } }),
    });
    expect(shown(await judgedBy([policy(spec)], POD, { access, namespace }))).to.equal("hold p/a");
  });

  it("are none in a messageExpression", async () => {
    const messageExpression = "authorizer.path('/x').check('get').reason()";
    expect(await told({ rules: [rule("a", "Hold", { messageExpression })] })).to.match(/^could-not-tell/);
  });
});

describe("variables of a request", () => {
  const holds = async (when: string, asked: AdmissionRequest = POD) =>
    expect(shown(await judgedBy([ruleOf({ when })], asked)), when).to.equal("hold p/r");

  it("are Kubernetes' own", async () => {
    await holds("request.operation == 'CREATE' && request.name == 'web' && request.namespace == 'demo'");
    await holds(
      "request.kind.kind == 'Pod' && request.resource.resource == 'pods' && request.resource.group == ''",
    );
    await holds("request.requestKind.kind == 'Pod' && request.requestResource.resource == 'pods'");
    await holds("request.userInfo.username == 'ci-bot' && 'hoop:agents' in request.userInfo.groups");
    await holds("!request.dryRun && request.options.kind == 'CreateOptions'");
    await holds("oldObject == null && object.metadata.name == 'web'");
    await holds("object == null && oldObject.metadata.name == 'x'", podDelete("x"));
    await holds("!has(request.subResource) && !has(request.requestSubResource)");
    await holds("request.subResource == 'exec' && object.command == ['id']", podExec());
    await holds("namespaceObject.metadata.name == 'demo'");
    await holds("namespaceObject == null", request());
    await holds("!has(request.name)", request({ name: "" }));
  });

  it("tell who the agent is", async () => {
    await holds("agent.username == 'ci-bot' && agent.uid == '' && agent.session == ''");
    await holds("'authentication.kubernetes.io/credential-id' in agent.extra");
  });

  it("tell where Hoop is, and by which of its APIs a request comes", async () => {
    await holds("hoop.namespace == 'hoop-system' && hoop.through == 'admission'");
    await holds("hoop.through == 'secure-secrets'", { ...POD, through: "secure-secrets" });
  });

  it("are as exact as the request is", async () => {
    const text =
      '{"a":9007199254740993,"b":9223372036854775807,"c":9223372036854775808,"d":1.5,"e":-9223372036854775808}';
    const asked = { ...POD, object: parseJson(text) as JsonObject };
    await holds("object.a == 9007199254740993 && object.a != 9007199254740992", asked);
    await holds("object.b == 9223372036854775807 && type(object.b) == int", asked);
    await holds("type(object.c) == double && object.c == 9223372036854775808.0", asked);
    await holds("object.d == 1.5 && object.e == -9223372036854775808", asked);
  });

  it("may be called as JavaScript's own are", async () => {
    const object = JSON.parse('{"metadata":{"labels":{"constructor":"a","__proto__":"b","toString":"c"}}}');
    const asked = { ...POD, object };
    await holds(
      "object.metadata.labels.constructor == 'a' && object.metadata.labels['__proto__'] == 'b'",
      asked,
    );
    await holds("object.metadata.labels.size() == 3 && !has(object.metadata.labels.valueOf)", asked);
    await holds("!has(object.constructor) && !('hasOwnProperty' in object.metadata)", asked);
  });

  it("are the same for rules that look at them one after another", async () => {
    const all = ["a", "b"].map((name) =>
      ruleOf({ when: "object.spec.containers.exists(c, c.name == 'main')" }, name),
    );
    expect(shown(await judgedBy(all, POD))).to.equal("hold a/r,b/r");
  });
});

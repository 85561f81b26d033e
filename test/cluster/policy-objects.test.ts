/** AgentPolicies as people keep them with kubectl, and what agents then may do: followed while Hoop runs. */
import { expect } from "chai";
import { until, untilDocumented } from "../support/control-plane.ts";
import { deployment, PRIVILEGED } from "../support/objects.ts";
import { type Ended, startTestbed, type Testbed } from "../support/testbed.ts";

interface Policy {
  metadata: { generation: number; resourceVersion: string };
  status?: {
    observedGeneration?: number;
    rules?: string;
    problems?: { rule?: string; path: string; line?: number; column?: number; message: string }[];
    conditions?: {
      type: string;
      status: string;
      reason: string;
      message: string;
      observedGeneration: number;
    }[];
  };
}

const CONFIGMAPS = {
  resourceRules: [{ apiGroups: [""], operations: ["CREATE"], resources: ["configmaps"] }],
};

describe("AgentPolicies", function () {
  this.timeout(180_000);
  let bed: Testbed;

  before(async function () {
    this.timeout(1_200_000);
    bed = await startTestbed();
    await bed.must("human", ["create", "namespace", "quiet"]);
  });
  after(() => bed?.stop());

  const policy = (name: string, spec: object) => ({
    ...{ apiVersion: "policy.hoop.dev/v1alpha1", kind: "AgentPolicy", metadata: { name } },
    spec: { matchConstraints: CONFIGMAPS, ...spec },
  });
  const apply = (name: string, spec: object) => bed.apply(policy(name, spec));
  const remove = (name: string) => bed.must("human", ["delete", "agentpolicy", name]);
  const named = async (name: string) =>
    JSON.parse(await bed.must("human", ["get", "agentpolicy", name, "-o", "json"])) as Policy;
  const readyOf = ({ status }: Policy) => status?.conditions?.find(({ type }) => type === "Ready");
  /** As soon as its status is about what it says now. */
  const settled = async (name: string): Promise<Policy> => {
    let seen = await named(name);
    await until(`${name} has a status`, async () => {
      seen = await named(name);
      return seen.status?.observedGeneration === seen.metadata.generation;
    });
    return seen;
  };
  const ready = async (name: string) => {
    const seen = await settled(name);
    expect(readyOf(seen), JSON.stringify(seen.status)).to.include({ status: "True", reason: "InForce" });
  };
  const writes = (name = "probe", namespace = "demo", more: readonly string[] = ["--dry-run=server"]) =>
    bed.kubectl("agent", ["create", "configmap", name, "-n", namespace, ...more]);
  /** Of the agent's dry run, until it is as wanted: a policy is in force within the delay of a watch. */
  const untilSaid = async (
    what: string,
    fits: (ended: Ended) => boolean,
    ...where: string[]
  ): Promise<Ended> => {
    let last = await writes(...where);
    await until(what, async () => {
      last = await writes(...where);
      return fits(last);
    });
    return last;
  };
  const denied = (rule: string) => (ended: Ended) =>
    ended.code !== 0 && ended.output.includes(`(rule ${rule})`);
  const allowed = ({ code, stderr }: Ended) => code === 0 && stderr === "";

  it("deny, hold and warn, applied from the client or by the server, and are Ready", async () => {
    const rules = [
      { name: "no", action: "Deny", when: 'object.metadata.name == "probe"', message: "never that" },
    ];
    const input = JSON.stringify(policy("plain", { rules }));
    await bed.must("human", ["apply", "-f", "-"], { input });
    await ready("plain");
    const { output } = await untilSaid("it is denied", denied("plain/no"));
    expect(output).to.contain("denied for agents: never that (rule plain/no)");

    await bed.must("human", ["apply", "--server-side", "--force-conflicts", "-f", "-"], {
      input: JSON.stringify(policy("plain", { rules: rules.map((rule) => ({ ...rule, action: "Hold" })) })),
    });
    await untilSaid(
      "a dry run says that it would be held",
      ({ code, stderr }) => code === 0 && /plain\/no/.test(stderr),
    );
    const held = bed.start("agent", ["create", "configmap", "probe", "-n", "demo"]);
    const approval = await bed.pending("probe");
    expect(approval.spec.rules).to.deep.equal([{ name: "plain/no", message: "never that" }]);
    expect((await bed.decide(approval, "Approve")).code).to.equal(0);
    const ended = await held.ended;
    expect(ended.code, ended.output).to.equal(0);
    await bed.must("human", ["delete", "configmap", "probe", "-n", "demo"]);
    await remove("plain");
    await untilSaid("it is nobody's business again", allowed);
  });

  it("are shown with how many of their rules are in force", async () => {
    await apply("shown", { rules: [{ name: "a", action: "Deny", when: "false" }] });
    await ready("shown");
    expect(await bed.must("human", ["get", "apol"])).to.match(
      /^NAME +READY +RULES +AGE\nshown +True +1 +\d+s\n$/,
    );
    expect(await bed.must("human", ["get", "agentpolicies", "-o", "wide"])).to.match(
      /shown +True +1 +in force: 1 rule +\d+s/,
    );
    const version = async () => (await named("shown")).metadata.resourceVersion;
    const before = await version();
    await apply("other", { rules: [{ name: "a", action: "Deny", when: "false" }] });
    await ready("other");
    expect(await version(), "its status is written once").to.equal(before);
    for (const name of ["shown", "other"]) await remove(name);
  });

  it("are explained by kubectl", async () => {
    await untilDocumented(bed.controlPlane, "apis/policy.hoop.dev/v1alpha1");
    let stdout = "";
    // The document of the group may be older than that of this kind.
    await until("kubectl knows them", async () => {
      const explained = await bed.kubectl("human", ["explain", "agentpolicy.spec.rules"]);
      ({ stdout } = explained);
      return explained.code === 0;
    });
    expect(stdout)
      .to.match(/GROUP: +policy\.hoop\.dev/)
      .and.contain("Of all rules that fire");
    for (const field of ["action", "approval", "matchConstraints", "messageExpression", "mode", "when"])
      expect(stdout).to.match(new RegExp(`^  ${field}\\t`, "m"));
  });

  it("try a rule: Warn is told by kubectl and recorded, Audit only recorded, and neither hinders", async () => {
    const rules = ["Warn", "Audit"].map((mode) => ({
      ...{
        name: mode.toLowerCase(),
        action: "Deny",
        mode,
        messageExpression: '"not " + object.metadata.name',
      },
    }));
    await apply("tried", { rules });
    await ready("tried");
    await untilSaid("the client is warned", ({ stderr }) => stderr.includes("(rule tried/warn)"));
    const { code, stderr, output } = await writes("passes", "demo", []);
    expect(code, output).to.equal(0);
    expect(stderr).to.equal("Warning: hoop: would be denied: not passes (rule tried/warn)\n");
    const record = (await bed.records()).findLast(
      ({ target }) => (target as { name: string }).name === "passes",
    );
    expect(record).to.deep.include({ verdict: "allow" });
    expect(record?.["observed"]).to.deep.equal([
      { name: "tried/warn", message: "not passes", action: "Deny", mode: "Warn" },
      { name: "tried/audit", message: "not passes", action: "Deny", mode: "Audit" },
    ]);
    await bed.must("human", ["delete", "configmap", "passes", "-n", "demo"]);
    await remove("tried");
    await untilSaid("nobody is warned any more", allowed);
  });

  it("switch a rule of the catalogue for some requests", async () => {
    const input = JSON.stringify(deployment("root", PRIVILEGED));
    const asked = () => bed.kubectl("agent", ["create", "--dry-run=server", "-f", "-"], { input });
    expect((await asked()).stderr).to.contain("privileged-container");
    await bed.apply({
      ...policy("switched", {}),
      spec: {
        catalogue: [{ rule: "privileged-container", mode: "Off", when: 'object.metadata.name == "root"' }],
      },
    });
    await ready("switched");
    await until("that rule is off", async () => !(await asked()).stderr.includes("privileged-container"));
    await remove("switched");
    await until("it is on again", async () => (await asked()).stderr.includes("privileged-container"));
  });

  it("follow the labels of namespaces", async () => {
    await apply("of-namespaces", {
      matchConstraints: { ...CONFIGMAPS, namespaceSelector: { matchLabels: { stage: "prod" } } },
      rules: [{ name: "prod", action: "Deny" }],
    });
    await ready("of-namespaces");
    expect(allowed(await writes())).to.equal(true);
    await bed.must("human", ["label", "namespace", "demo", "stage=prod"]);
    await untilSaid("the label counts", denied("of-namespaces/prod"));
    await bed.must("human", ["label", "namespace", "demo", "stage-"]);
    await untilSaid("it does not any more", allowed);
    await remove("of-namespaces");
  });

  describe("with params", () => {
    const limits = (namespace: string, pods: string) => ({
      ...{ apiVersion: "v1", kind: "ResourceQuota", metadata: { name: "limits", namespace } },
      spec: { hard: { pods } },
    });
    const paramKind = { apiVersion: "v1", kind: "ResourceQuota" };
    const LONG = "size(object.metadata.name) > int(params.spec.hard.pods)";

    it("say that Hoop may not read them, deny meanwhile, and are in force once it may", async () => {
      await bed.apply(limits("demo", "3"));
      await apply("bounded", {
        paramKind,
        paramRef: { name: "limits" },
        rules: [
          {
            ...{ name: "short", action: "Deny", when: LONG },
            messageExpression: '"names have " + params.spec.hard.pods + " letters"',
          },
        ],
      });
      await until("the status says so", async () => {
        const ready = readyOf(await named("bounded"));
        return ready?.status === "False" && /spec\.paramRef: .*forbidden/.test(ready.message);
      });
      expect((await named("bounded")).status?.rules).to.equal("0/1");
      const { code, output } = await writes("abc");
      expect(code).to.not.equal(0);
      expect(output).to.contain("could not tell").and.contain("bounded/short");
      const rule = { apiGroups: [""], resources: ["resourcequotas"], resourceNames: ["limits"] };
      const rbac = { apiVersion: "rbac.authorization.k8s.io/v1" };
      const apiGroup = "rbac.authorization.k8s.io";
      await bed.apply([
        {
          ...{ ...rbac, kind: "ClusterRole", metadata: { name: "hoop-params" } },
          rules: [{ ...rule, verbs: ["get", "list", "watch"] }],
        },
        {
          ...{ ...rbac, kind: "ClusterRoleBinding", metadata: { name: "hoop-params" } },
          roleRef: { apiGroup, kind: "ClusterRole", name: "hoop-params" },
          subjects: [{ apiGroup, kind: "User", name: "system:serviceaccount:hoop-system:hoop" }],
        },
      ]);
      await untilSaid("short names pass", allowed, "abc");
      await until("it is Ready", async () => readyOf(await named("bounded"))?.status === "True");
      const long = await writes("abcd");
      expect(long.output).to.contain("names have 3 letters (rule bounded/short)");
    });

    it("follow them, in the request's namespace", async () => {
      await bed.apply(limits("demo", "5"));
      await untilSaid("the change counts", allowed, "abcd");
      const elsewhere = await writes("abcd", "default");
      expect(elsewhere.output).to.contain("could not tell").and.contain("bounded/short");
      await bed.apply(limits("default", "1"));
      await untilSaid("there are some there", denied("bounded/short"), "abcd", "default");
      expect(allowed(await writes("abcd"))).to.equal(true);
    });

    it("do without them where the policy says so", async () => {
      await apply("bounded", {
        paramKind,
        paramRef: { name: "limits", parameterNotFoundAction: "Allow" },
        rules: [{ name: "short", action: "Deny", when: LONG }],
      });
      await untilSaid("it is nothing to a namespace without", allowed, "abcd", "quiet");
      expect(denied("bounded/short")(await writes("abcd", "default"))).to.equal(true);
      await remove("bounded");
      await untilSaid("it is gone", allowed, "abcd", "default");
    });

    it("of a kind that is not served deny, and say so", async () => {
      await apply("strange", {
        paramKind: { apiVersion: "example.com/v1", kind: "Limit" },
        paramRef: { name: "limits", parameterNotFoundAction: "Allow" },
        rules: [{ name: "any", action: "Deny", when: "params.x == 1" }],
      });
      await until("the status says so", async () =>
        /serves no Limit in example\.com\/v1/.test(readyOf(await named("strange"))?.message ?? ""),
      );
      const { code, output } = await writes();
      expect(code).to.not.equal(0);
      expect(output).to.contain("could not tell").and.contain("strange/any");
      await remove("strange");
      await untilSaid("it is gone", allowed);
    });
  });

  it("can be written while Hoop is away; what is broken then denies what it matches, and the rest goes on", async () => {
    await apply("before", {
      rules: [{ name: "two", action: "Deny", when: 'object.metadata.name == "two"' }],
    });
    await ready("before");
    await bed.stopHoop();
    await apply("broken", {
      rules: [
        {
          ...{ name: "wrong", action: "Hold", when: "true &&\n  nonsense" },
          matchConstraints: {
            resourceRules: [{ apiGroups: [""], operations: ["CREATE"], resources: ["services"] }],
          },
        },
        { name: "one", action: "Deny", when: 'object.metadata.name == "one"' },
      ],
      matchConstraints: {
        resourceRules: [{ apiGroups: [""], operations: ["CREATE"], resources: ["configmaps", "services"] }],
      },
    });
    await bed.startHoop();
    const { status, ...seen } = await settled("broken");
    expect(status?.rules).to.equal("1/2");
    const [problem, ...others] = status?.problems ?? [];
    expect(others).to.deep.equal([]);
    expect(problem).to.include({ rule: "wrong", path: "spec.rules[0].when", line: 2, column: 3 });
    expect(problem?.message).to.contain("nonsense");
    const condition = readyOf({ status, ...seen } as Policy);
    expect(condition).to.include({ status: "False", reason: "Broken" });
    expect(condition?.message).to.match(/^spec\.rules\[0\]\.when, line 2, column 3: .*nonsense/);

    const service = await bed.kubectl("agent", [
      "create",
      "service",
      "clusterip",
      "s",
      "-n",
      "demo",
      "--tcp=80",
    ]);
    expect(service.code).to.not.equal(0);
    expect(service.output).to.contain("could not tell").and.contain("broken/wrong");
    expect(denied("broken/one")(await writes("one"))).to.equal(true);
    expect(denied("before/two")(await writes("two"))).to.equal(true);
    expect(allowed(await writes("three"))).to.equal(true);
    for (const name of ["before", "broken"]) await remove(name);
  });
});

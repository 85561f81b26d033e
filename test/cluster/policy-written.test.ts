/** What people write of what agents may do is checked at once, their other writes cost nothing, and annotations count. */
import { expect } from "chai";
import { until } from "../support/control-plane.ts";
import { type Ended, startTestbed, type Testbed, type Who } from "../support/testbed.ts";

const BROKEN = "true &&\n  nonsense";

describe("policies and annotations as people write them", function () {
  this.timeout(180_000);
  let bed: Testbed;
  let sa: Who;
  let checked: object[];

  before(async function () {
    this.timeout(1_200_000);
    checked = [];
    bed = await startTestbed({
      settings: { agents: { serviceAccounts: ["demo/bot"] } },
      onLog: (_level, fields, message) => {
        if (message === "configuration checked") checked.push(fields);
      },
    });
    const groups = ["hoop:agents", "system:serviceaccounts", "system:serviceaccounts:demo"];
    sa = { kubeconfig: await bed.controlPlane.kubeconfig("system:serviceaccount:demo:bot", groups) };
    await bed.must("human", ["create", "serviceaccount", "bot", "-n", "demo"]);
    // The API server takes up a new registration within seconds.
    await until(
      "what is broken is refused",
      async () => (await writePolicy("nonsense", "--dry-run=server")).code !== 0,
    );
  });
  after(() => bed?.stop());

  const policy = (when: string) => ({
    ...{ apiVersion: "policy.hoop.dev/v1alpha1", kind: "AgentPolicy", metadata: { name: "written" } },
    spec: {
      matchConstraints: {
        resourceRules: [{ apiGroups: [""], operations: ["CREATE"], resources: ["configmaps"] }],
      },
      rules: [{ name: "a", action: "Deny", when }],
    },
  });
  const writePolicy = (when: string, ...more: string[]) =>
    bed.kubectl("human", ["apply", "-f", "-", ...more], { input: JSON.stringify(policy(when)) });
  const annotate = (what: string[], ...annotations: string[]) =>
    bed.kubectl("human", ["annotate", "--overwrite", ...what, ...annotations]);

  describe("are refused", () => {
    it("where a policy does not compile, naming field, line and column", async () => {
      const created = await bed.kubectl("human", ["create", "-f", "-"], {
        input: JSON.stringify(policy(BROKEN)),
      });
      expect(created.code).to.equal(1);
      expect(created.stderr).to.match(
        /^The AgentPolicy "written" is invalid: spec\.rules\[0\]\.when: line 2, column 3: .*nonsense/,
      );
      for (const way of [[], ["--server-side"]]) {
        const { code, stderr } = await writePolicy(BROKEN, ...way);
        expect(code).to.equal(1);
        expect(stderr).to.contain("spec.rules[0].when: line 2, column 3: ").and.contain("nonsense");
      }
    });

    it("where the shape is wrong, by the API server itself", async () => {
      const spec = {
        rules: [{ name: "a", action: "Deny", approval: { count: 0 } }],
        paramRef: { name: "x" },
      };
      const input = JSON.stringify({ ...policy(""), spec });
      const { code, stderr } = await bed.kubectl("human", ["create", "-f", "-"], { input });
      expect(code).to.equal(1);
      expect(stderr)
        .to.contain("spec.rules[0].approval.count: Invalid value: 0")
        .and.contain("approval is for what is held")
        .and.contain("paramKind and paramRef are needed together");
      const reading = await bed.kubectl("human", ["create", "-f", "-"], {
        input: JSON.stringify({
          ...policy(""),
          spec: { ...spec, paramKind: { apiVersion: "v1", kind: "Secret" } },
        }),
      });
      expect(reading.stderr).to.contain("Secrets are no params");
    });

    it("where an annotation of a Namespace or a ServiceAccount does not compile", async () => {
      for (const what of [
        ["namespace", "demo"],
        ["serviceaccount", "bot", "-n", "demo"],
      ]) {
        const { code, stderr } = await annotate(
          what,
          `hoop.dev/deny=${BROKEN}`,
          "hoop.dev/approvers=0 of sre",
        );
        expect(code, what[0]).to.equal(1);
        expect(stderr)
          .to.contain("metadata.annotations[hoop.dev/deny]: line 2, column 3: ")
          .and.contain("metadata.annotations[hoop.dev/approvers]: must be such as");
      }
    });
  });

  it("are told where they are odd, and stored", async () => {
    const { code, stderr } = await writePolicy('object.metadata.name == "never"');
    expect(code, stderr).to.equal(0);
    expect(stderr).to.equal("");
    const everything = { ...policy(""), spec: { rules: [{ name: "a", action: "Hold", mode: "Audit" }] } };
    const told = await bed.kubectl("human", ["apply", "-f", "-"], { input: JSON.stringify(everything) });
    expect(told.code, told.stderr).to.equal(0);
    expect(told.stderr).to.contain("Warning: spec.rules[0]: holds everything that agents do");
    const unknown = await annotate(["namespace", "demo"], "hoop.dev/denny=true");
    expect(unknown.code).to.equal(0);
    expect(unknown.stderr).to.contain("there is no such annotation of Hoop's");
    await annotate(["namespace", "demo"], "hoop.dev/denny-");
    await bed.must("human", ["delete", "agentpolicy", "written"]);
  });

  it("are told of params that Hoop may not read, until it may", async () => {
    const spec = {
      ...policy("true").spec,
      paramKind: { apiVersion: "v1", kind: "LimitRange" },
      paramRef: { name: "limits", namespace: "platform" },
    };
    const apply = (more: object = {}) =>
      bed.kubectl("human", ["apply", "--dry-run=server", "-f", "-"], {
        input: JSON.stringify({ ...policy(""), spec: { ...spec, ...more } }),
      });
    const { code, stderr } = await apply();
    expect(code, stderr).to.equal(0);
    expect(stderr).to.contain(
      "Warning: spec.paramRef: Hoop may not read limitranges limits in platform: until it may, what this policy is " +
        "about is refused to agents; grant get, list, watch to its ServiceAccount",
    );
    expect((await apply({ paramKind: { apiVersion: "x.io/v1", kind: "Limit" } })).stderr).to.contain(
      "Warning: spec.paramKind: the cluster serves no Limit in x.io/v1: until it does",
    );
    const meta = { name: "hoop-params", namespace: "platform" };
    await bed.apply([
      { apiVersion: "v1", kind: "Namespace", metadata: { name: "platform" } },
      {
        ...{ apiVersion: "rbac.authorization.k8s.io/v1", kind: "Role", metadata: meta },
        rules: [
          {
            ...{ apiGroups: [""], resources: ["limitranges"], resourceNames: ["limits"] },
            verbs: ["get", "list", "watch"],
          },
        ],
      },
      {
        ...{ apiVersion: "rbac.authorization.k8s.io/v1", kind: "RoleBinding", metadata: meta },
        roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: "hoop-params" },
        subjects: [{ kind: "ServiceAccount", name: "hoop", namespace: "hoop-system" }],
      },
    ]);
    await until("Hoop may read them", async () => (await apply()).stderr === "");
  });

  it("are the only writes of people that Hoop is asked about", async () => {
    const before = checked.length;
    const bystander = { apiVersion: "v1", kind: "Namespace", metadata: { name: "bystander" } };
    const account = {
      ...{ apiVersion: "v1", kind: "ServiceAccount" },
      metadata: { name: "bystander", namespace: "demo", annotations: { "example.com/a": "b" } },
    };
    await bed.apply([bystander, account]);
    await bed.must("human", ["label", "namespace", "bystander", "a=b"]);
    await annotate(["namespace", "bystander"], "example.com/deny=true", "hoop.dev/reason=because");
    await annotate(["serviceaccount", "bystander", "-n", "demo"], "example.com/a=c");
    await bed.must("human", ["create", "configmap", "bystander", "-n", "demo"]);
    await annotate(["configmap", "bystander", "-n", "demo"], "hoop.dev/deny=nonsense");
    expect(checked.length).to.equal(before);
    await annotate(["namespace", "bystander"], "hoop.dev/deny=false");
    expect(checked.length).to.equal(before + 1);
    await bed.must("human", ["label", "namespace", "bystander", "a=c", "--overwrite"]);
    await annotate(["namespace", "bystander"], "hoop.dev/deny-");
    expect(checked.length).to.equal(before + 1);
    for (const what of ["configmap", "serviceaccount"])
      await bed.must("human", ["delete", what, "bystander", "-n", "demo"]);
  });

  describe("in annotations", () => {
    const create = (who: Who, ...more: string[]) =>
      bed.kubectl(who, ["create", "configmap", "probe", "-n", "demo", ...more]);
    const untilSaid = async (what: string, fits: (ended: Ended) => boolean, who: Who = "agent") => {
      let last = await create(who, "--dry-run=server");
      await until(what, async () => {
        last = await create(who, "--dry-run=server");
        return fits(last);
      });
      return last;
    };
    const denied = (rule: string) => (ended: Ended) =>
      ended.code !== 0 && ended.output.includes(`(rule ${rule})`);
    const allowed = ({ code, stderr }: Ended) => code === 0 && stderr === "";

    it("of a Namespace hold, and name who decides", async () => {
      const isNew = 'request.operation == "CREATE" && object.metadata.name == "probe"';
      expect(
        (
          await annotate(
            ["namespace", "demo"],
            `hoop.dev/require-approval=${isNew}`,
            "hoop.dev/approvers=sre, security",
          )
        ).code,
      ).to.equal(0);
      await untilSaid("it would be held", ({ stderr }) => stderr.includes("require-approval@namespace/demo"));
      const held = bed.start("agent", ["create", "configmap", "probe", "-n", "demo"]);
      const approval = await bed.pending("probe");
      expect(approval.spec.rules.map(({ name }) => name)).to.deep.equal(["require-approval@namespace/demo"]);
      expect(approval.spec.approvers).to.deep.equal([{ groups: ["security", "sre"], count: 1 }]);
      const outsider = await bed.decide(approval, "Approve");
      expect(outsider.code, outsider.output).to.not.equal(0);
      const ann = await bed.controlPlane.kubeconfig("ann", ["sre"]);
      await bed.must("human", [
        "create",
        "clusterrolebinding",
        "ann",
        "--clusterrole=hoop-approver",
        "--user=ann",
      ]);
      const decided = await bed.decide(approval, "Approve", "", { kubeconfig: ann });
      expect(decided.code, decided.output).to.equal(0);
      const ended = await held.ended;
      expect(ended.code, ended.output).to.equal(0);
      await bed.must("human", ["delete", "configmap", "probe", "-n", "demo"]);
      await annotate(["namespace", "demo"], "hoop.dev/require-approval-", "hoop.dev/approvers-");
      await untilSaid("it is not any more", allowed);
    });

    it("of the agent's ServiceAccount are for that agent alone", async () => {
      await annotate(
        ["serviceaccount", "bot", "-n", "demo"],
        'hoop.dev/deny=request.resource.resource == "configmaps"',
      );
      await untilSaid("the bot is denied", denied("deny@serviceaccount/demo/bot"), sa);
      expect(allowed(await create("agent", "--dry-run=server"))).to.equal(true);
      await annotate(["serviceaccount", "bot", "-n", "demo"], "hoop.dev/deny-");
      await untilSaid("it is not any more", allowed, sa);
    });

    it("of an object are for what is done to it; a broken one denies, and an Event says so", async () => {
      await bed.must("human", ["create", "configmap", "guarded", "-n", "demo"]);
      const what = ["configmap", "guarded", "-n", "demo"];
      expect((await annotate(what, 'hoop.dev/deny=request.operation == "UPDATE"')).code).to.equal(0);
      const label = () => bed.kubectl("agent", ["label", ...what, "a=b", "--overwrite"]);
      expect(denied("deny@object")(await label())).to.equal(true);
      await annotate(what, "hoop.dev/deny=nonsense");
      const { code, output } = await label();
      expect(code).to.not.equal(0);
      expect(output).to.contain("could not tell").and.contain("deny@object");
      let events = "";
      await until("an Event says so", async () => {
        events = await bed.must("human", ["events", "-n", "demo", "--for=configmap/guarded"]);
        return events.includes("BrokenAnnotation");
      });
      expect(events).to.contain("hoop.dev/deny cannot be read").and.contain("line 1, column 1");
      await label();
      const again = await bed.must("human", [
        "events",
        "-n",
        "demo",
        "--for=configmap/guarded",
        "--no-headers",
      ]);
      expect(again.trim().split("\n")).to.have.length(1);
    });

    it("are not for agents to write", async () => {
      for (const what of [
        ["namespace", "demo"],
        ["serviceaccount", "bot", "-n", "demo"],
        ["configmap", "guarded", "-n", "demo"],
      ]) {
        const { code, output } = await bed.kubectl("agent", [
          "annotate",
          "--overwrite",
          ...what,
          "hoop.dev/deny=false",
        ]);
        expect(code, what[0]).to.not.equal(0);
        expect(output).to.contain("(rule hoop-annotations)");
      }
    });
  });
});

/** Who is an agent, by objects in the cluster: followed while Hoop runs, without a restart of anything. */
import { expect } from "chai";
import { startTestbed, type Testbed, type Who } from "../support/testbed.ts";

describe("AgentProfiles", function () {
  this.timeout(120_000);
  let bed: Testbed;
  let bot: Who;
  let member: Who;

  before(async function () {
    this.timeout(1_200_000);
    bed = await startTestbed();
    bot = { kubeconfig: await bed.controlPlane.kubeconfig("bot") };
    member = { kubeconfig: await bed.controlPlane.kubeconfig("someone", ["team:bots"]) };
    await bed.must("human", ["create", "serviceaccount", "plain", "-n", "default"]);
    const subjects = ["bot", "someone"].map((name) => ({
      ...{ apiGroup: "rbac.authorization.k8s.io", kind: "User", name },
    }));
    await bed.apply({
      ...{ apiVersion: "rbac.authorization.k8s.io/v1", kind: "ClusterRoleBinding" },
      ...{ metadata: { name: "bots" }, subjects },
      roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "cluster-admin" },
    });
    await untilDone(bot, ["get", "serviceaccounts"]);
  });
  after(() => bed?.stop());

  /** What an API server is told takes effect a moment later. */
  const untilDone = async (who: Who, args: string[]) => {
    while ((await bed.kubectl(who, args)).code !== 0);
  };
  const profile = (name: string, spec: object) => ({
    ...{ apiVersion: "policy.hoop.dev/v1alpha1", kind: "AgentProfile", metadata: { name }, spec },
  });
  const ready = (name: string) =>
    bed.must("human", ["wait", `agentprofile/${name}`, "--for=condition=Ready", "--timeout=300s"]);
  /** Whether what is denied to agents is denied to whoever this is. */
  const isAgent = async (who: Who) => {
    const { code, output } = await bed.kubectl(who, ["create", "token", "plain", "-n", "default"]);
    if (code === 0) return false;
    expect(output).to.contain("rule token-request");
    return true;
  };
  const until = async (who: Who, wanted: boolean) => {
    while ((await isAgent(who)) !== wanted);
  };

  it("make agents of users, groups and ServiceAccounts, and are Ready once the API server sends Hoop what they do", async () => {
    expect(await isAgent(bot)).to.equal(false);
    await bed.apply(profile("bots", { users: ["bot"], groups: ["team:bots"] }));
    await ready("bots");
    for (const who of [bot, member]) await until(who, true);
    expect(await bed.must("human", ["get", "agentprofiles"])).to.match(
      /^NAME +READY +AGE\nbots +True +[\dms]+\n$/,
    );
  });

  it("are followed as they change and go", async () => {
    await bed.apply(profile("bots", { groups: ["team:bots"] }));
    await until(bot, false);
    await until(member, true);
    await bed.must("human", ["delete", "agentprofile", "bots"]);
    await until(member, false);
  });

  it("are recorded whenever they say something else, also where they name the same agents", async () => {
    const session = { serviceAccount: { namespace: "default", name: "plain" } };
    const told = async () => {
      const { items } = JSON.parse(
        await bed.must("human", ["get", "records", "-n", "hoop-system", "-o", "json"]),
      ) as { items: { metadata: { name: string }; spec: { kind: string } }[] };
      const last = items
        .filter(({ spec }) => spec.kind === "configuration")
        .map(({ metadata }) => metadata.name);
      const newest = String(Math.max(...last.map(Number)));
      const one = JSON.parse(
        await bed.must("human", ["get", "record", newest, "-n", "hoop-system", "-o", "json"]),
      ) as { payload: { profiles: { name: string; spec: object }[] } };
      return one.payload.profiles.map(({ name, spec }) => JSON.stringify([name, spec]));
    };
    for (const portForward of [false, true]) {
      const spec = { users: ["nobody"], session: { ...session, portForward } };
      await bed.apply(profile("recorded", spec));
      while (!(await told()).some((one) => one.startsWith('["recorded"') && one.includes(`:${portForward}`)));
    }
    await bed.must("human", ["delete", "agentprofile", "recorded"]);
  });

  it("count from Hoop's first moment after a restart, also those that were made meanwhile", async () => {
    await bed.stopHoop();
    await bed.apply(profile("later", { users: ["bot"] }));
    await bed.startHoop();
    await ready("later");
    await until(bot, true);
  });

  it("and their definition can go, and come back", async () => {
    const definition = "customresourcedefinition/agentprofiles.policy.hoop.dev";
    const yaml = await bed.must("human", ["get", definition, "-o", "json"]);
    await bed.must("human", ["delete", definition]);
    await until(bot, false);
    const { metadata, spec } = JSON.parse(yaml) as { metadata: { name: string }; spec: object };
    const anew = { apiVersion: "apiextensions.k8s.io/v1", kind: "CustomResourceDefinition", spec };
    await bed.apply({ ...anew, metadata: { name: metadata.name } });
    await bed.must("human", ["wait", definition, "--for=condition=Established", "--timeout=300s"]);
    await untilDone("human", ["get", "agentprofiles"]);
    await bed.apply(profile("again", { users: ["bot"] }));
    await ready("again");
    await until(bot, true);
  });

  it("name owners, who decide nothing that these agents ask for", async () => {
    const carol: Who = { kubeconfig: await bed.controlPlane.kubeconfig("carol") };
    const roleRef = { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "hoop-approver" };
    await bed.apply([
      profile("owned", { users: ["bot"], owners: { users: ["approver"], groups: ["team:a"] } }),
      {
        ...{ apiVersion: "rbac.authorization.k8s.io/v1", kind: "ClusterRoleBinding", roleRef },
        ...{ metadata: { name: "carol" }, subjects: [{ ...roleRef, kind: "User", name: "carol" }] },
      },
    ]);
    await ready("owned");
    // A role that asks for what the last profile says: until Hoop has seen it, the approval names no owners.
    for (let attempt = 0; ; attempt++) {
      const name = `asked-${attempt}`;
      const blocked = bed.start(bot, ["create", "role", name, "--verb=get", "--resource=pods"]);
      const approval = await bed.pending(name);
      const isOwned = approval.spec.agent.owners !== undefined;
      if (isOwned) {
        expect(approval.spec.agent.owners).to.deep.equal({ users: ["approver"], groups: ["team:a"] });
        const { code, output } = await bed.decide(approval, "Approve");
        expect(code, output).to.equal(1);
        expect(output).to.contain("the owners of an agent do not decide what it asks for");
      }
      // Who may has the right to by RBAC, of which the API server learns in its own time.
      while ((await bed.decide(approval, "Approve", "", carol)).code !== 0);
      expect((await blocked.ended).code).to.equal(0);
      if (isOwned) break;
    }
    await bed.must("human", ["delete", "agentprofile", "owned"]);
  });

  const REFUSED: readonly [string, object, string][] = [
    ["nobody", {}, "at least one of users, groups, serviceAccounts, extras and tokens"],
    ["everybody", { groups: ["system:authenticated"] }, "the cluster's own groups are no agents"],
    ["administrators", { groups: ["system:masters"] }, "the cluster's own groups are no agents"],
    [
      "the control plane",
      { users: ["system:kube-controller-manager"] },
      "the cluster's own users are no agents",
    ],
    [
      "ports of those who may forward none",
      { users: ["bot"], session: { serviceAccount: { namespace: "w", name: "b" }, forwardedPorts: [80] } },
      "forwardedPorts needs portForward: true",
    ],
  ];
  for (const [whom, spec, why] of REFUSED) {
    it(`do not name ${whom}`, async () => {
      const input = JSON.stringify(profile("wrong", spec));
      const { code, output } = await bed.kubectl("human", ["create", "-f", "-"], { input });
      expect(code).not.to.equal(0);
      expect(output).to.contain(why);
    });
  }

  it("are not for agents to write", async () => {
    const input = JSON.stringify(profile("mine", { users: ["somebody-else"] }));
    for (const args of [
      ["create", "-f", "-"],
      ["delete", "agentprofile", "again"],
      ["patch", "agentprofile", "again", "--type=merge", "-p", '{"spec":{"users":["nobody"]}}'],
      ["patch", "agentprofile", "again", "--subresource=status", "--type=merge", "-p", '{"status":{}}'],
    ]) {
      const { code, output } = await bed.kubectl("agent", args, { input });
      expect(code, args.join(" ")).not.to.equal(0);
      expect(output).to.match(/rule hoop-polic|hoop: /);
    }
  });
});

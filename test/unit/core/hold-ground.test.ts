/** What a held request refers to, how many of one agent may wait, and whose agent it is. */
import { expect } from "chai";
import { agentMatcher } from "#core/agents.ts";
import type { Granted, State } from "#core/digest/refers-to.ts";
import { expireOpen } from "#core/hold/expire.ts";
import type { Referent } from "#core/ports.ts";
import { AGENT, podCreate, podDelete, reviewPorts, user } from "../../support/reviews.ts";
import { code, sure, World } from "../../support/world.ts";

const BOB = user("bob");
const GROUPS = { groups: ["hoop:agents"], users: [], serviceAccounts: [], extras: {} };

/** A world in which what is referred to is as `states` says, by name; what it does not name is not there. */
async function worldOf(states: Map<string, Referent>, asked: string[] = []): Promise<World> {
  const world = await World.begin();
  const referent = async ({ kind, namespace, name }: { kind: string; namespace: string; name: string }) => {
    asked.push(`${kind} ${namespace}/${name}`);
    return states.get(name) ?? { known: true as const, state: { kind: "absent" as const } };
  };
  world.ports = { ...world.ports, cluster: { ...world.ports.cluster, referent } };
  return world;
}

const known = (state: State): Referent => ({ known: true, state });
const version = (resourceVersion: string) => known({ kind: "version", uid: "u", resourceVersion });
const granted = (...roles: Granted[]) => known({ kind: "granted", granted: roles });
const runsScript = () => podCreate("app", { volumes: [{ name: "s", configMap: { name: "script" } }] });

describe("what a held request refers to", () => {
  it("is looked up, shown, and asked for again each time", async () => {
    const asked: string[] = [];
    const world = await worldOf(new Map([["script", version("7")]]), asked);
    await world.sendAndWait(runsScript());
    const [shown, ...more] = (await world.only()).spec.change.refersTo ?? [];
    expect(more).to.deep.equal([]);
    const named = { kind: "ConfigMap", namespace: "demo", name: "script" };
    expect(shown).to.deep.equal({ ...named, exists: true, resourceVersion: "7", version: shown?.version });
    expect(shown?.version).to.match(/^[0-9a-f]{12}$/);
    const count = asked.length;
    await world.sendAndWait(runsScript());
    expect(await world.approvals()).to.have.length(1);
    expect(asked.length).to.be.above(count);
    expect(new Set(asked)).to.deep.equal(new Set(["ConfigMap demo/script"]));
  });

  it("ends the approval when it changes while the request waits: the decision then lets nothing through", async () => {
    const states = new Map([["script", version("7")]]);
    const world = await worldOf(states);
    const answer = world.send(runsScript());
    await world.untilSleeping(1);
    const { name } = (await world.only()).metadata;
    states.set("script", version("8"));
    expect((await world.decide(BOB, { verdict: "Approve" }, name)).kind).to.equal("decided");
    await world.untilSleeping(1);
    world.clock.advance(25_000);
    expect((await answer)?.allowed).to.equal(false);
    const [first, second] = await world.approvals();
    expect(first?.status.phase).to.equal("Void");
    expect(first?.status.conditions.map(({ message }) => message).join()).to.contain(
      "what it refers to has changed since: ConfigMap demo/script",
    );
    expect(second?.status.phase).to.equal("Pending");
  });

  it("is shown of a Secret without what its object is to the API server", async () => {
    const world = await worldOf(new Map([["key", version("7")]]));
    await world.sendAndWait(podCreate("app", { volumes: [{ name: "k", secret: { secretName: "key" } }] }));
    const [shown] = (await world.only()).spec.change.refersTo ?? [];
    expect(Object.keys(shown ?? {}).sort()).to.deep.equal(["exists", "kind", "name", "namespace", "version"]);
  });

  it("ends a Pending approval, too, and when what was there is gone", async () => {
    const states = new Map([["script", version("7")]]);
    const world = await worldOf(states);
    await world.sendAndWait(runsScript());
    states.delete("script");
    await world.sendAndWait(runsScript());
    const phases = (await world.approvals()).map(({ status }) => status.phase);
    expect(phases).to.deep.equal(["Void", "Pending"]);
  });

  it("denies as could-not-tell when nobody knows how it is", async () => {
    const world = await worldOf(new Map([["script", { known: false, why: "the API server is away" }]]));
    const answer = sure(await world.send(runsScript()));
    expect(answer.refusal).to.include({ code: 500 });
    expect(answer.refusal?.message).to.contain("the API server is away");
    expect(await world.approvals()).to.deep.equal([]);
  });

  it("is no more than a hundred things", async () => {
    const asked: string[] = [];
    const world = await worldOf(new Map(), asked);
    const volumes = Array.from({ length: 101 }, (_, at) => ({
      name: `v${at}`,
      configMap: { name: `c${at}` },
    }));
    const answer = sure(await world.send(podCreate("app", { volumes })));
    expect(answer.refusal?.message).to.contain("it refers to 101 ");
    expect(asked).to.deep.equal([]);
  });

  it("is the same whatever the order in which the API server lists bindings", async () => {
    const one: Granted = {
      role: "Role a",
      namespace: "demo",
      rules: [{ verbs: ["get"], apiGroups: [""], resources: ["pods"] }],
    };
    const other: Granted = {
      role: "ClusterRole b",
      namespace: "",
      rules: [{ verbs: ["*"], nonResourceURLs: ["/x\u202e"] }],
    };
    const states = new Map([["robot", granted(one, other)]]);
    const world = await worldOf(states);
    const asRobot = () =>
      podCreate("app", { automountServiceAccountToken: true, serviceAccountName: "robot" });
    await world.sendAndWait(asRobot());
    states.set("robot", granted(other, one));
    await world.sendAndWait(asRobot());
    expect((await world.only()).spec.change.refersTo?.[0]?.rights).to.deep.equal([
      "* /x\\u{202e} everywhere (ClusterRole b)",
      "get pods in namespace demo (Role a)",
    ]);
    states.set("robot", granted(one));
    await world.sendAndWait(asRobot());
    expect(await world.approvals()).to.have.length(2);
  });
});

describe("how many requests of one agent wait", () => {
  it("is limited: one more is denied, until one of them is decided", async () => {
    const world = await World.begin({ maxPendingPerAgent: 2 });
    for (const name of ["a", "b"]) await world.sendAndWait(podDelete(name));
    const refusal = sure(await world.send(podDelete("c"))).refusal;
    expect(refusal).to.include({ code: 403 });
    expect(refusal?.message).to.contain("2 of your requests wait for people already");
    expect(await world.approvals()).to.have.length(2);
    // What waits may be asked for again, and what takes the place of another is no more.
    expect(code(await world.sendAndWait(podDelete("a")))).to.equal(429);
    await world.sendAndWait(podDelete("b", "another uid"));
    expect((await world.approvals()).map(({ status }) => status.phase)).to.deep.equal([
      "Pending",
      "Void",
      "Pending",
    ]);
    // Somebody else's do not count.
    const other = { ...podDelete("c"), userInfo: user("other-bot", ["hoop:agents"]) };
    expect(code(await world.sendAndWait(other))).to.equal(429);
    const [first] = await world.approvals();
    await world.decide(BOB, { verdict: "Deny" }, first?.metadata.name);
    expect(code(await world.sendAndWait(podDelete("c")))).to.equal(429);
  });

  it("is over with their time", async () => {
    const world = await World.begin({ maxPendingPerAgent: 1 });
    await world.sendAndWait(podDelete("a"));
    expect(code(await world.send(podDelete("b")))).to.equal(403);
    world.clock.advance(3_600_000);
    await expireOpen(world);
    expect(code(await world.sendAndWait(podDelete("b")))).to.equal(429);
  });
});

describe("an agent's owners", () => {
  const owned = (users: string[], groups: string[] = []) =>
    agentMatcher(GROUPS, "", [
      { agents: { ...GROUPS, groups: [], users: [AGENT] }, owners: { users, groups } },
      { agents: { ...GROUPS, groups: [], users: ["somebody-else"] }, owners: { users: ["eve"], groups: [] } },
    ]);
  const EVE = user("eve");
  const ANN = user("ann", ["team-a"]);

  it("do not decide what it asks for; others do", async () => {
    const world = await World.begin({ agents: owned(["bob"], ["team-a"]) });
    await world.sendAndWait(podDelete("web"));
    expect((await world.only()).spec.agent.owners).to.deep.equal({ users: ["bob"], groups: ["team-a"] });
    for (const owner of [BOB, ANN])
      for (const verdict of ["Approve", "Deny"] as const)
        expect(await world.decide(owner, { verdict })).to.deep.equal({
          kind: "forbidden",
          why: "the owners of an agent do not decide what it asks for",
        });
    expect((await world.decide(EVE, { verdict: "Approve" })).kind).to.equal("decided");
  });

  it("are those of when it was asked, and those of the moment", async () => {
    const world = await World.begin({ agents: owned(["bob"]) });
    await world.sendAndWait(podDelete("web"));
    const later = await reviewPorts(world.store, world.clock, { agents: owned([], ["team-a"]) });
    world.ports = { ...world.ports, agents: later.agents };
    for (const owner of [BOB, ANN])
      expect(await world.decide(owner, { verdict: "Approve" })).to.have.property("kind", "forbidden");
    expect((await world.decide(EVE, { verdict: "Approve" })).kind).to.equal("decided");
  });

  it("are nobody where no profile says so", async () => {
    expect(agentMatcher(GROUPS, "").owners(user(AGENT, ["hoop:agents"]))).to.equal(undefined);
    const world = await World.begin();
    await world.sendAndWait(podDelete("web"));
    expect((await world.only()).spec.agent).not.to.have.property("owners");
  });
});

describe("a reason", () => {
  it("is shown with nothing invisible in it, and cut where nobody reads on", async () => {
    const world = await World.begin();
    const reason = `ok\u001b[2J\u202e${"x".repeat(2_000)}`;
    await world.sendAndWait(podCreate("app", {}, { annotations: { "hoop.dev/reason": reason } }));
    const shown = (await world.only()).spec.reason ?? "";
    expect(shown.startsWith("ok\\u{1b}[2J\\u{202e}xxx")).to.equal(true);
    expect(shown)
      .to.match(/x… \(\d+ more characters\)$/)
      .and.have.length.below(1_100);
  });
});

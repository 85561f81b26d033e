/** The life of sessions on a real control plane: who may begin one and when, in whose name it acts, and what ends it. */
import { expect } from "chai";
import { until } from "../support/installation.ts";
import { printed } from "../support/output.ts";
import { hoop } from "../support/plugin.ts";
import { asUserOf } from "../support/raw.ts";
import { type Begun, begin, profiled, through } from "../support/session.ts";
import { startTestbed, type Testbed, type Who } from "../support/testbed.ts";

const ALL = ["get", "list", "watch", "create", "update", "patch", "delete"];
const RULES = [
  { apiGroups: [""], resources: ["configmaps", "namespaces"], verbs: ALL },
  { apiGroups: ["hoop.dev"], resources: ["approvals"], verbs: ["get", "list", "watch"] },
];
const DAYS = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
const PROFILES = "/apis/policy.hoop.dev/v1alpha1/agentprofiles";

interface SessionObject {
  metadata: { name: string; uid: string };
  status: {
    phase: string;
    approval?: string;
    message?: string;
    startedAt: string;
    expiresAt: string;
    path: string;
  };
}

describe("the life of a session", function () {
  this.timeout(120_000);
  let bed: Testbed;
  let bot: Who;
  let team: Who;

  before(async function () {
    this.timeout(1_200_000);
    bed = await startTestbed({ alsoAuthorized: `"team" in request.groups` });
    bot = { kubeconfig: await bed.controlPlane.kubeconfig("bot") };
    team = { kubeconfig: await bed.controlPlane.kubeconfig("teammate", ["team", "hoop:agents"]) };
    const approval = { approvers: [{ count: 1 }], reason: "it may delete namespaces" };
    await bed.apply([
      ...profiled("bot", { maxSessions: 100 }, RULES),
      { apiVersion: "v1", kind: "Namespace", metadata: { name: "doomed" } },
      profile("asked", { users: ["bot"], session: { serviceAccount: ACCOUNT, approval } }),
      profile("shut", { users: ["bot"], session: { serviceAccount: ACCOUNT, windows: [closedNow()] } }),
      profile("short", { users: ["bot"], session: { serviceAccount: ACCOUNT } }),
      profile("team", { groups: ["team"], require: "session", session: { serviceAccount: ACCOUNT } }),
      {
        ...{
          apiVersion: "rbac.authorization.k8s.io/v1",
          kind: "ClusterRoleBinding",
          metadata: { name: "team" },
        },
        roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "cluster-admin" },
        subjects: [{ apiGroup: "rbac.authorization.k8s.io", kind: "Group", name: "team" }],
      },
    ]);
    await bed.must("human", ["wait", "agentprofiles", "--all", "--for=condition=Ready", "--timeout=300s"]);
  });
  after(() => bed?.stop());

  const ACCOUNT = { namespace: "work", name: "bot" };
  const profile = (name: string, spec: object) => ({
    ...{ apiVersion: "policy.hoop.dev/v1alpha1", kind: "AgentProfile", metadata: { name }, spec },
  });
  /** A day that is neither today nor a neighbour of today, in whatever time zone. */
  const closedNow = () => ({ days: [DAYS[(new Date().getUTCDay() + 3) % 7]], from: "08:00", to: "09:00" });

  const made = async (
    as: Who,
    spec: object,
    name?: string,
  ): Promise<{ code: number; output: string; stdout: string }> =>
    bed.kubectl(as, ["create", "-f", "-", "-o", "json"], {
      input: JSON.stringify({
        ...{ apiVersion: "hoop.dev/v1alpha1", kind: "Session", spec },
        metadata: { namespace: "demo", ...(name === undefined ? { generateName: "task-" } : { name }) },
      }),
    });
  const session = async (name: string) =>
    JSON.parse(
      await bed.must("human", ["get", "session", name, "-n", "demo", "-o", "json"]),
    ) as SessionObject;
  const inPhase = (name: string, phase: string) =>
    until(`session ${name} is ${phase}`, async () => {
      const found = await session(name);
      return found.status.phase === phase && found;
    });
  const pendingOne = async (spec: object = {}): Promise<Begun & { approval: string }> => {
    const { code, stdout, output } = await made(bot, { profile: "asked", reason: "release 42", ...spec });
    expect(code, output).to.equal(0);
    const { metadata, status } = JSON.parse(stdout) as SessionObject;
    expect(status.phase).to.equal("Pending");
    const one = { name: metadata.name, path: status.path };
    return { ...one, who: await through(bed, bot, one), approval: status.approval ?? "" };
  };
  /** Without discovery before it, of which kubectl tells what went wrong first. */
  const maps = (as: Who) => bed.kubectl(as, ["get", "--raw", "/api/v1/namespaces/demo/configmaps"]);

  it("waits for people where its profile says so, and its time counts from then", async () => {
    const { name, who, approval } = await pendingOne({ duration: "20m" });
    expect((await maps(who)).output).to.contain("it is Pending");
    // Its agent may see what it waits for, and not decide it.
    const seen = await bed.must(bot, ["get", "approval", approval, "-n", "demo", "-o", "json"]);
    expect(seen)
      .to.contain("it may delete namespaces")
      .and.contain("namespaces everywhere (ClusterRole work-of-bot)");
    const found = await bed.pending(name, "CREATE");
    expect((await bed.decide(found, "Approve", "", bot)).code).to.equal(1);
    const { output } = await hoop(bed, "human", ["show", approval, "-n", "demo"]);
    expect(output).to.contain("actsAs: work/bot").and.contain("lasts: 1200s from the approval on");
    expect((await bed.decide(found, "Approve")).code).to.equal(0);
    const { status } = await inPhase(name, "Active");
    expect(Date.parse(status.expiresAt) - Date.parse(status.startedAt)).to.equal(1_200_000);
    expect((await maps(who)).code).to.equal(0);
    expect(
      (await bed.approvals("demo")).find(({ metadata }) => metadata.name === approval)?.status.phase,
    ).to.equal("Used");
  });

  it("ends when they deny it", async () => {
    const { name, who } = await pendingOne();
    await bed.decide(await bed.pending(name, "CREATE"), "Deny", "not today");
    const { status } = await inPhase(name, "Denied");
    expect(status.message).to.equal("denied by approver: not today");
    expect((await maps(who)).output).to.contain("it is Denied (denied by approver: not today)");
  });

  it("waits on while Hoop is restarted, and begins when it was approved", async () => {
    const { name } = await pendingOne();
    await bed.stopHoop();
    // Nobody looks at what is written now.
    const when = "claims.ref ==\n  nobody";
    await bed.apply(
      profile("wrong", { tokens: [{ issuer: "https://id", when }], session: { serviceAccount: ACCOUNT } }),
    );
    await bed.startHoop();
    const found = await bed.pending(name, "CREATE");
    await until("Hoop takes decisions again", async () => (await bed.decide(found, "Approve")).code === 0);
    await inPhase(name, "Active");
    const ready = await until("the profile is looked at", async () => {
      const path = "jsonpath={.status.conditions[0]}";
      const told = await bed.must("human", ["get", "agentprofile", "wrong", "-o", path]);
      return told !== "" && told;
    });
    expect(ready).to.contain('"status":"False"').and.contain("spec.tokens[0].when: line 2, column 3");
  });

  it("leaves nothing to approve when it is deleted first", async () => {
    const { name, approval } = await pendingOne();
    await bed.must(bot, ["delete", "session", name, "-n", "demo"]);
    const found = (await bed.approvals("demo")).find(({ metadata }) => metadata.name === approval);
    expect(found?.status.phase).to.equal("Void");
  });

  it("begins in the windows of its profile alone, and under no name that means another", async () => {
    const { code, output } = await made(bot, { profile: "shut" });
    expect(code).to.equal(1);
    expect(output).to.contain("spec.profile: Invalid value: none of the windows is open");
    expect((await made(bot, { profile: "bot" }, "current")).output).to.contain(
      "metadata.name: Invalid value",
    );
  });

  it("is told in its agent's own name, and so is what it asks people for", async () => {
    const { name, who } = await begin(bed, bot, { profile: "bot" });
    await bed.must(who, ["create", "configmap", "mine", "-n", "demo"]);
    const blocked = bed.start(who, ["delete", "namespace", "doomed", "--wait=false"]);
    const found = await bed.pending("doomed", "DELETE");
    expect(found.spec.agent).to.deep.include({
      username: "bot",
      session: { namespace: "demo", name, profile: "bot", actingAs: "system:serviceaccount:work:bot" },
    });
    // In the session and beside it they are its own.
    for (const as of [who, bot])
      expect(await bed.must(as, ["get", "approvals", "-A"])).to.contain(found.metadata.name);
    await bed.decide(found, "Approve");
    const { code, output } = await blocked.ended;
    expect(code, output).to.equal(0);
    const { stdout } = await hoop(bed, "human", [
      "records",
      "--agent",
      "bot",
      "--kind",
      "admission",
      "-o",
      "json",
    ]);
    expect(stdout)
      .to.contain(`"session": "demo/${name}"`)
      .and.contain('"actingAs": "system:serviceaccount:work:bot"');
    const records = await bed.records();
    const writes = records.filter((entry) => entry["session"] === `demo/${name}`);
    expect(writes.map(({ operation }) => operation)).to.include.members(["CREATE", "DELETE"]);
    for (const entry of writes) expect((entry["agent"] as { username: string }).username).to.equal("bot");
  });

  it("is nobody's who only says that he comes out of it", async () => {
    const { name } = await begin(bed, bot, { profile: "bot" });
    const { metadata } = await session(name);
    const human = await asUserOf(bed.kubeconfig("human"));
    const extras = (agent: string, uid = metadata.uid) => ({
      "impersonate-user": "system:serviceaccount:work:bot",
      "impersonate-extra-hoop.dev%2Fsession": `demo/${name}`,
      "impersonate-extra-hoop.dev%2Fsession-uid": uid,
      "impersonate-extra-hoop.dev%2Fagent": agent,
      "impersonate-extra-hoop.dev%2Fprofile": "bot",
    });
    const write = (headers: Record<string, string>) =>
      human({
        ...{ method: "POST", path: "/api/v1/namespaces/demo/configmaps", headers },
        body: { apiVersion: "v1", kind: "ConfigMap", metadata: { generateName: "forged-" } },
      });
    const read = (headers: Record<string, string>) =>
      human({ path: "/apis/hoop.dev/v1alpha1/namespaces/demo/approvals", headers });
    for (const headers of [extras("alice"), extras("bot", "another")]) {
      const refused = await write(headers);
      expect(refused.code, refused.text).to.equal(403);
      expect(refused.text)
        .to.contain("there is no such session of this user")
        .and.contain("rule no-such-session");
      expect((await read(headers)).code).to.equal(403);
    }
    expect((await read({ ...extras("bot"), "impersonate-user": "alice" })).code).to.equal(403);
    await bed.must("human", ["delete", "session", name, "-n", "demo"]);
    expect((await write(extras("bot"))).text).to.contain("no such session");
  });

  it("is cut within moments when its profile goes", async () => {
    const { name, who } = await begin(bed, bot, { profile: "short" });
    const watch = bed.start(who, ["get", "configmaps", "-n", "demo", "-w"]);
    await printed(watch, /^\S+ +\d+ +\d/m);
    await bed.must("human", ["delete", "agentprofile", "short"]);
    expect((await watch.ended).output).to.match(/Forbidden +the session has ended/);
    const { status } = await inPhase(name, "Revoked");
    expect(status.message).to.contain("there is no such AgentProfile that names you");
    expect((await maps(who)).output).to.contain("it is Revoked");
  });

  it("is extended by its agent up to what the profile allows", async () => {
    const { name } = await begin(bed, bot, { profile: "bot", duration: "10m" });
    const patch = (duration: string) =>
      bed.kubectl(bot, [
        "patch",
        "session",
        name,
        "-n",
        "demo",
        "--type=merge",
        "-p",
        JSON.stringify({ spec: { duration } }),
      ]);
    expect((await patch("30m")).code).to.equal(0);
    const { status } = await session(name);
    expect(Date.parse(status.expiresAt) - Date.parse(status.startedAt)).to.equal(1_800_000);
    expect((await patch("9h")).output).to.contain("the profile allows at most 8h, from its beginning on");
  });

  it("is the only way for agents whose profile requires one", async () => {
    const direct = await bed.kubectl(team, ["get", "configmaps", "-n", "demo"]);
    expect(direct.output)
      .to.contain("agents of AgentProfile team work in sessions alone")
      .and.contain("kubectl hoop login --profile team -n NAMESPACE");
    for (const args of [
      ["get", "--raw", "/metrics"],
      ["create", "configmap", "direct", "-n", "demo"],
      ["delete", "namespace", "demo"],
    ])
      expect((await bed.kubectl(team, args)).output, args.join(" ")).to.contain("rule session-required");
    for (const args of [
      ["api-resources", "--api-group=apps"],
      ["auth", "whoami"],
      ["get", "sessions", "-A"],
      ["get", "approvals", "-A"],
    ])
      expect((await bed.kubectl(team, args)).output, args.join(" ")).to.not.contain("session-required");
    expect((await bed.kubectl(team, ["auth", "can-i", "get", "pods"])).output).to.contain(
      "no - hoop: agents of",
    );
    const { who } = await begin(bed, team, { profile: "team" });
    await bed.must(who, ["create", "configmap", "by-session", "-n", "demo"]);
  });

  it("is the only way where no authorization webhook is asked, too: then nothing is written directly", async () => {
    const account = { kubeconfig: await bed.controlPlane.kubeconfig("system:serviceaccount:work:bot") };
    const { code, output } = await bed.kubectl(account, ["create", "configmap", "direct", "-n", "demo"]);
    expect(code).to.equal(1);
    expect(output).to.contain("work in sessions alone").and.contain("rule session-required");
  });

  it("is shown for what is done with one credential directly, too", async () => {
    await bed.must("agent", ["create", "configmap", "direct", "-n", "demo"]);
    const [entry] = (await bed.records())
      .filter(({ target, kind }) => kind === "admission" && (target as { name?: string }).name === "direct")
      .filter(({ agent }) => (agent as { username: string }).username === "agent");
    const name = String(entry?.["session"]);
    expect(name).to.match(/^direct-[0-9a-f]{12}$/);
    const selector = `--field-selector=spec.session.name=${name}`;
    expect(await bed.must("human", ["get", "records", "-n", "demo", selector])).to.contain("direct");
  });

  it("needs a profile that can work: what cannot is refused with line and column", async () => {
    const wrong = profile("refused", {
      tokens: [{ issuer: "https://id", when: "claims.ref ==\n  nobody" }],
      session: {
        serviceAccount: ACCOUNT,
        windows: [{ from: "08:00", to: "18:00", timeZone: "Mars/Olympus" }],
      },
    });
    const human = await asUserOf(bed.kubeconfig("human"));
    const { code, text } = await human({ method: "POST", path: PROFILES, body: wrong });
    expect(code).to.equal(422);
    expect(text).to.contain("line 2, column 3").and.contain("spec.session.windows[0].timeZone");
  });
});

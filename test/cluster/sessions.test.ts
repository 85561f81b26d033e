/** An unmodified kubectl through a session: on a real control plane, as its agent and as the scoped ServiceAccount. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { HARMLESS, pod } from "../support/objects.ts";
import { interrupt, printed } from "../support/output.ts";
import { type Begun, begin, profiled, through } from "../support/session.ts";
import { startTestbed, type Testbed, type Who } from "../support/testbed.ts";

const ALL = ["get", "list", "watch", "create", "update", "patch", "delete"];
const RULES = [
  { apiGroups: [""], resources: ["configmaps", "pods"], verbs: ALL },
  { apiGroups: [""], resources: ["pods/log"], verbs: ["get"] },
  { apiGroups: [""], resources: ["pods/exec"], verbs: ["get", "create"] },
  {
    apiGroups: ["hoop.dev"],
    resources: ["secure-secrets"],
    verbs: ["get", "list", "watch", "create", "update", "patch"],
  },
];

describe("a session", function () {
  this.timeout(120_000);
  let bed: Testbed;
  let bot: Who;
  let session: Begun;

  before(async function () {
    this.timeout(1_200_000);
    bed = await startTestbed({ node: true });
    bot = { kubeconfig: await bed.controlPlane.kubeconfig("bot") };
    await bed.defaultAccount("demo");
    await bed.apply([...profiled("bot", {}, RULES), pod("web", { ...HARMLESS, nodeName: "node-1" })]);
    session = await begin(bed, bot, { profile: "bot", reason: "a test" });
  });
  after(() => bed?.stop());

  const inside = (args: string[], input?: string) =>
    bed.kubectl(session.who, args, input === undefined ? {} : { input });
  const done = (args: string[], input?: string) =>
    bed.must(session.who, args, input === undefined ? {} : { input });

  it("acts as the ServiceAccount of its profile", async () => {
    const [line = ""] = (await done(["auth", "whoami", "-o", "jsonpath={.status.userInfo.username}"])).split(
      "\n",
    );
    expect(line).to.equal("system:serviceaccount:work:bot");
  });

  it("serves discovery, explain, create, get and both ways to apply", async () => {
    expect(await done(["api-resources", "--api-group=apps"])).to.contain("deployments");
    expect(await done(["explain", "pod.spec.containers"])).to.contain("containers");
    await done(["create", "configmap", "one", "-n", "demo", "--from-literal=a=1"]);
    expect(await done(["get", "configmap", "one", "-n", "demo"])).to.match(/^NAME +DATA +AGE\none +1 /);
    const map = (a: string) =>
      JSON.stringify({
        apiVersion: "v1",
        kind: "ConfigMap",
        metadata: { name: "two", namespace: "demo" },
        data: { a },
      });
    await done(["apply", "-f", "-"], map("1"));
    await done(["apply", "-f", "-"], map("2"));
    await done(["apply", "--server-side", "--force-conflicts", "-f", "-"], map("3"));
    expect(await done(["get", "configmap", "two", "-n", "demo", "-o", "jsonpath={.data.a}"])).to.equal("3");
  });

  it("shows changes as they come, and logs as they are written", async () => {
    const watch = bed.start(session.who, ["get", "configmaps", "-n", "demo", "-w", "-o", "name"]);
    await printed(watch, /configmap\/two/);
    const seen = printed(watch, /configmap\/three/);
    await done(["create", "configmap", "three", "-n", "demo"]);
    await seen;
    await interrupt(watch);
    const logs = bed.start(session.who, ["logs", "-f", "-n", "demo", "web"]);
    await printed(logs, /./);
    await interrupt(logs);
  });

  it("waits for people as long as its client does, and then runs a command in a pod", async () => {
    const command = ["exec", "-i", "-n", "demo", "web", "--", "head", "-n", "1"];
    const blocked = bed.start(session.who, command, "first\nsecond\n");
    const approval = await bed.pending("web", "CONNECT");
    expect((await bed.decide(approval, "Approve")).code).to.equal(0);
    const { code, stdout, output } = await blocked.ended;
    expect(stdout, output).to.equal("first\n");
    expect(code).to.equal(0);
  });

  it("shows Secrets without their values, takes back what it shows, and changes what is changed", async () => {
    const value = "correct-horse-battery";
    const secret = { apiVersion: "v1", kind: "Secret", metadata: { name: "db", namespace: "demo" } };
    await bed.apply({ ...secret, stringData: { password: value, user: "app" } });
    const yaml = await done(["get", "secret", "db", "-n", "demo", "-o", "yaml"]);
    expect(yaml)
      .to.match(/kind: Secret\n/)
      .and.not.contain(Buffer.from(value).toString("base64"));
    expect(await done(["get", "secrets", "-n", "demo"])).to.match(/^NAME +TYPE +DATA +AGE\ndb +Opaque +2 /m);
    const before = await bed.must("human", ["get", "secret", "db", "-n", "demo", "-o", "jsonpath={.data}"]);
    await done(["replace", "-f", "-"], yaml);
    expect(await bed.must("human", ["get", "secret", "db", "-n", "demo", "-o", "jsonpath={.data}"])).to.equal(
      before,
    );
    const printing = [
      "exec",
      "-n",
      "demo",
      "web",
      "--",
      "sh",
      "-c",
      `printf '%s' correct-horse; sleep 0.1; echo -battery`,
    ];
    const blocked = bed.start(session.who, printing);
    expect((await bed.decide(await bed.pending("web", "CONNECT"), "Approve")).code).to.equal(0);
    expect((await blocked.ended).stdout).to.equal("[masked: Secret value]\n");
    const missing = await inside(["get", "secret", "none", "-n", "demo"]);
    expect(missing.output).to.contain('secrets "none" not found');
  });

  it("masks what looks like a secret elsewhere, and refuses to have it written back", async () => {
    const env = [{ name: "DB_PASSWORD", value: "hunter2hunter2" }];
    await bed.apply(pod("env", { ...HARMLESS, containers: [{ name: "main", image: "app:1", env }] }));
    const yaml = await done(["get", "pod", "env", "-n", "demo", "-o", "yaml"]);
    expect(yaml).to.contain("[masked: value]").and.not.contain("hunter2hunter2");
    const { code, output } = await inside(["replace", "-f", "-"], yaml);
    expect(code).to.equal(1);
    expect(output).to.contain("would overwrite the value");
  });

  it("may do what that ServiceAccount may, and no more", async () => {
    const { code, output } = await inside(["get", "nodes"]);
    expect(code).to.equal(1);
    expect(output).to.contain('User "system:serviceaccount:work:bot" cannot list resource "nodes"');
  });

  it("is nobody else's, and no other credential's of the same agent", async () => {
    const again: Who = { kubeconfig: await bed.controlPlane.kubeconfig("bot", ["again"]) };
    const refused = await bed.kubectl(await through(bed, again, session), [
      "get",
      "configmaps",
      "-n",
      "demo",
    ]);
    expect(refused.output).to.contain("begun with another credential");
    const agent = await bed.kubectl(await through(bed, "agent", session), [
      "get",
      "configmaps",
      "-n",
      "demo",
    ]);
    expect(agent.output).to.match(/sessions.hoop.dev "task-\w+" not found/);
  });

  it("ends at once when it is deleted, with all that goes on in it", async () => {
    const watch = bed.start(session.who, ["get", "configmaps", "-n", "demo", "-w", "-o", "name"]);
    const logs = bed.start(session.who, ["logs", "-f", "-n", "demo", "web"]);
    await Promise.all([printed(watch, /configmap\/two/), printed(logs, /./)]);
    await bed.must("human", ["delete", "session", session.name, "-n", "demo"]);
    await Promise.all([watch.ended, logs.ended]);
    const over =
      /task-\w+" not found: it was killed or deleted, or never was: begin another one \(kubectl hoop login\)/;
    expect((await inside(["get", "configmaps", "-n", "demo"])).output).to.match(over);
    // Also to whoever asks first what there is.
    const cache = await mkdtemp(join(tmpdir(), "hoop-cache-"));
    const uncached = await inside(["get", "things", "-n", "demo", `--cache-dir=${cache}`]);
    await rm(cache, { recursive: true, force: true });
    expect(uncached.output).to.match(over).and.not.to.contain("unknown");
  });

  it("is in the ledger from its beginning to its end, with all that was asked in it", async () => {
    const raw = await bed.must("human", ["get", "--raw", "/apis/hoop.dev/v1alpha1/records"]);
    const specs = (JSON.parse(raw) as { items: { spec: Record<string, unknown> }[] }).items.map(
      ({ spec }) => spec,
    );
    const life = specs.filter(({ kind }) => kind === "session");
    expect(life.map(({ event }) => event)).to.deep.equal(["begun", "revoked"]);
    expect(life[0]).to.deep.include({ profile: "bot", reason: "a test" });
    const calls = specs.filter(({ kind }) => kind === "brokered");
    const asked = calls.filter(({ event }) => event === "request");
    const answered = new Set(calls.filter(({ event }) => event === "response").map(({ call }) => call));
    expect(asked.filter(({ call }) => !answered.has(call))).to.deep.equal([]);
    expect(
      asked.map(({ verb, target }) => [verb, (target as { subresource?: string })?.subresource]),
    ).to.deep.include.members([
      ["create", "exec"],
      ["get", "log"],
    ]);
    expect(raw).not.to.contain("hunter2hunter2");
  });
});

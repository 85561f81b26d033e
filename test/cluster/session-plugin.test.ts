/** The plugin's commands around sessions, as an agent and a person type them. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { until } from "../support/installation.ts";
import { HARMLESS, pod } from "../support/objects.ts";
import { printed } from "../support/output.ts";
import { hoop, startedHoop } from "../support/plugin.ts";
import { profiled } from "../support/session.ts";
import { startTestbed, type Testbed, type Who } from "../support/testbed.ts";

const RULES = [
  { apiGroups: [""], resources: ["configmaps", "pods"], verbs: ["get", "list", "watch", "create"] },
  { apiGroups: [""], resources: ["pods/exec"], verbs: ["get", "create"] },
  { apiGroups: ["hoop.dev"], resources: ["approvals", "records"], verbs: ["get", "list", "watch"] },
];

describe("sessions by the plugin", function () {
  this.timeout(120_000);
  let bed: Testbed;
  let bot: Who;
  let directory: string;
  let session: string;
  let inside: Who;

  before(async function () {
    this.timeout(1_200_000);
    bed = await startTestbed({ node: true });
    directory = mkdtempSync(join(tmpdir(), "hoop-session-"));
    bot = { kubeconfig: await bed.controlPlane.kubeconfig("bot") };
    await bed.defaultAccount("demo");
    await bed.apply([...profiled("bot", {}, RULES), pod("web", { ...HARMLESS, nodeName: "node-1" })]);
    const kubeconfig = join(directory, "session.kubeconfig");
    inside = { kubeconfig };
    const args = ["login", "--profile=bot", "-n", "demo", "--reason", "a tour", "--to", kubeconfig];
    // Hoop has to hear of the profile first.
    const begun = await until("a session is begun", async () => {
      const asked = await hoop(bed, bot, args);
      return asked.code === 0 && asked;
    });
    session = /^session\.hoop\.dev\/(\S+) in demo: by profile bot, until /.exec(begun.stdout)?.[1] ?? "";
    expect(session, begun.output).to.match(/^bot-/);
  });
  after(async () => {
    await bed?.stop();
    rmSync(directory, { recursive: true, force: true });
  });

  const replayed = async (...args: string[]) => {
    const { code, stdout, output } = await hoop(bed, "human", ["replay", session, ...args]);
    expect(code, output).to.equal(0);
    return stdout;
  };

  it("begins one, in whose kubeconfig kubectl just works", async () => {
    const one = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "one" }, data: { a: "1" } };
    const input = JSON.stringify(one);
    // The API server takes up within moments that the ServiceAccount is an agent's.
    const tried = ["create", "--dry-run=server", "-o", "yaml", "-f", "-"];
    await until("what is made in the session is stamped", async () =>
      (await bed.must(inside, tried, { input })).includes("hoop.dev/agent: bot"),
    );
    await bed.must(inside, ["create", "-f", "-"], { input });
    expect(await bed.must(inside, ["get", "configmap", "one", "-o", "name"])).to.equal("configmap/one\n");
    expect((await hoop(bed, "human", ["sessions"])).stdout).to.match(
      new RegExp(`^demo +${session} +bot +bot +Active `, "m"),
    );
  });

  it("plays what a command in a pod wrote, and tells who let it through", async () => {
    const blocked = bed.start(inside, ["exec", "-i", "web", "--", "head", "-n", "1"], "first\nsecond\n");
    await bed.decide(await bed.pending("web", "CONNECT"), "Approve");
    expect((await blocked.ended).stdout).to.equal("first\n");
    const told = await until("its end is recorded", async () => {
      const text = await replayed();
      return /kubectl exec .* exit 0$/m.test(text) && text;
    });
    expect(told).to.match(/kubectl exec +exec pods\/web -n demo -c \S+ -i -- head -n 1 +exit 0$/m);
    expect(await replayed("-o", "wide")).to.match(
      / exit 0 +(POST|GET) \/api\/v1\/namespaces\/demo\/pods\/web\/exec\?/,
    );
    expect(told).to.match(/exec pods\/web -n demo +approved by approver after \d/);
    expect(await replayed("--play")).to.equal("first\n");
    const [header = "", ...lines] = (await replayed("--asciicast")).trimEnd().split("\n");
    expect(JSON.parse(header)).to.include({ version: 2 });
    expect(lines.map((line) => JSON.parse(line).slice(1))).to.deep.include(["o", "first\n"]);
  });

  it("tells how a command in a pod failed, and that there is nothing to play of one that was refused", async () => {
    const failing = bed.start(inside, ["exec", "web", "--", "sh", "-c", "exit 3"], "");
    await bed.decide(await bed.pending("web", "CONNECT"), "Approve");
    expect((await failing.ended).output).to.contain("exit status 3");
    // kwok says it in words alone.
    await until("its end is recorded", async () =>
      /-- sh -c 'exit 3' +.*exit status 3$/m.test(await replayed()),
    );
    const refused = bed.start(inside, ["exec", "web", "--", "rm", "-r", "/"], "");
    await bed.decide(await bed.pending("web", "CONNECT"), "Deny", "not during the release");
    await refused.ended;
    const [, record] =
      /^\S+ +(\d+) .* rm -r \/ +403: .*not during the release/m.exec(
        await until("its answer is recorded", async () => {
          const text = await replayed();
          return /-- rm -r \/ +403/.test(text) && text;
        }),
      ) ?? [];
    const { code, stdout, stderr } = await hoop(bed, "human", ["replay", session, `--play=${record}`]);
    expect([code, stdout]).to.deep.equal([1, ""]);
    expect(stderr).to.match(/nothing was recorded of it: 403: .*not during the release/);
  });

  it("tells what a write changed, in full where that is asked for, and why another was refused", async () => {
    const story = await replayed();
    expect(story).to.match(
      /create configmaps\/one -n demo +allowed\n(?: {4}\+.*\n)* {4}\+data:\n {4}\+ {2}a: "1"\n/,
    );
    expect(story).to.match(/^ {4}\+ {4}hoop\.dev\/agent: bot$/m);
    await bed.kubectl(inside, ["delete", "configmap", "one"]);
    expect(await replayed()).to.match(
      /delete configmaps\/one -n demo.* +403: configmaps "one" is forbidden: /,
    );
    expect(await replayed("--json")).to.contain('"diff": "+apiVersion: v1');
  });

  it("finds words in what was typed and shown", async () => {
    const found = async (words: string) =>
      (await hoop(bed, "human", ["records", "--session", session, "--search", words])).stdout;
    expect(await found("first")).to.match(/ stream +bot +/);
    expect(await found('"kubectl exec"')).to.match(/ request +bot +/);
    expect(await found("neverever")).to.equal("");
  });

  it("shows what was sent and answered", async () => {
    const bodies = await replayed("--bodies");
    expect(bodies)
      .to.match(/^ {4}> kind: ConfigMap$/m)
      .and.match(/^ {4}< kind: ConfigMap$/m);
    const { items } = JSON.parse(await replayed("--json"));
    const made = items.find(({ spec }: { spec: { method?: string } }) => spec.method === "POST");
    expect(made.payload.body.data).to.deep.equal({ a: "1" });
  });

  it("shows the session in itself what was sent and answered", async () => {
    const { code, stdout, output } = await hoop(bed, inside, ["replay", `demo/${session}`, "--bodies"]);
    expect(code, output).to.equal(0);
    expect(stdout).to.match(/^ {4}> kind: ConfigMap$/m);
  });

  it("says in the session that a command is held, and what was decided", async () => {
    const command = ["kubectl", "exec", "web", "--", "head", "-n", "1"];
    const running = startedHoop(bed, inside, ["run", "--", ...command]);
    await running.said("hoop: held: exec pods/web waits for ");
    await bed.decide(await bed.pending("web", "CONNECT"), "Deny");
    const { code, output } = await running.ended;
    expect(output).to.match(/^hoop: \S+: denied by approver/m);
    expect(code).to.equal(77);
  });

  it("shows what goes on while it does, until the session is taken back", async () => {
    const watch = startedHoop(bed, "human", ["watch", session]);
    await printed(watch, /session begun/);
    const seen = printed(watch, /configmaps\/live/);
    await bed.kubectl(inside, ["get", "configmap", "live"]);
    await seen;
    const killed = await hoop(bed, "human", ["kill", "--agent=bot", "--yes"]);
    expect(killed.output).to.equal(`session.hoop.dev/${session} ended\n`);
    const { code, output } = await watch.ended;
    expect(output).to.contain("session revoked");
    expect(code).to.equal(0);
    expect((await bed.kubectl(inside, ["get", "configmap", "one"])).output).to.contain("not found");
  });

  it("ends the one that a kubeconfig is of", async () => {
    const args = ["login", "--profile=bot", "-n", "demo", "--to", join(directory, "session.kubeconfig")];
    expect((await hoop(bed, bot, args)).code).to.equal(0);
    const { code, output } = await hoop(bed, inside, ["logout"]);
    expect(output).to.match(/^session\.hoop\.dev\/bot-\S+ ended\n$/);
    expect(code).to.equal(0);
    expect((await hoop(bed, "human", ["sessions"])).output).to.contain("No active sessions");
  });
});

/** What lasts through a session, as an unmodified kubectl does it: commands, copies and ports of pods. */
import { once } from "node:events";
import { appendFile, mkdtemp, readFile, rm } from "node:fs/promises";
import { request } from "node:http";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { setTimeout as delay } from "node:timers/promises";
import { expect } from "chai";
import { HARMLESS, pod } from "../support/objects.ts";
import { interrupt, printed } from "../support/output.ts";
import { type Begun, begin, profiled } from "../support/session.ts";
import { type Blocked, startTestbed, type Testbed, type Who } from "../support/testbed.ts";

const RULES = [
  { apiGroups: [""], resources: ["pods"], verbs: ["get", "list"] },
  {
    apiGroups: [""],
    resources: ["pods/exec", "pods/attach", "pods/portforward"],
    verbs: ["get", "create"],
  },
];

describe("what lasts in a session", function () {
  this.timeout(120_000);
  let bed: Testbed;
  let files: string;
  let bot: Who;
  let open: Begun;
  let closed: Begun;

  before(async function () {
    this.timeout(1_200_000);
    bed = await startTestbed({ node: true });
    files = await mkdtemp(join(tmpdir(), "hoop-streams-"));
    bot = { kubeconfig: await bed.controlPlane.kubeconfig("bot") };
    const shy = { kubeconfig: await bed.controlPlane.kubeconfig("shy") };
    await bed.defaultAccount("demo");
    await bed.apply([
      ...profiled("bot", { portForward: true, forwardedPorts: [80] }, RULES),
      ...profiled("shy", { exec: { stdin: false, tty: false } }, RULES),
      pod("web", { ...HARMLESS, nodeName: "node-1" }),
    ]);
    open = await begin(bed, bot, { profile: "bot" });
    closed = await begin(bed, shy, { profile: "shy" });
  });
  after(async () => {
    await bed?.stop();
    await rm(files, { recursive: true, force: true });
  });

  /** Starts it, and lets it through. */
  async function approved(who: Who, args: string[]): Promise<Blocked> {
    // Its standard input is at its end: a command ends when it has read that, too.
    const blocked = bed.start(who, args, "");
    const approval = await Promise.race([bed.pending("web", "CONNECT"), blocked.ended]);
    if ("output" in approval) throw new Error(`it did not wait: ${approval.output}`);
    expect((await bed.decide(approval, "Approve")).code).to.equal(0);
    return blocked;
  }

  const command = (...words: string[]) => ["exec", "-i", "-n", "demo", "web", "--", ...words];

  it("is a command: what it writes on either channel, and how it ends, as without a session", async () => {
    const args = command("sh", "-c", "echo out; echo err >&2; exit 7");
    const direct = await bed.kubectl("human", args);
    const { code, stdout, stderr } = await (await approved(open.who, args)).ended;
    expect({ code, stdout, stderr }).to.deep.equal({
      ...{ code: direct.code, stdout: direct.stdout, stderr: direct.stderr },
    });
    expect([stdout, code === 0]).to.deep.equal(["out\n", false]);
    expect(stderr).to.match(/^err$/m);
  });

  // Into a pod is not tried: kwok keeps a command that reads its input to the end waiting, without a session as well.
  it("is a copy out of a pod, byte for byte", async () => {
    const made = await approved(open.who, command("sh", "-c", "seq 1 40000 > numbers"));
    expect((await made.ended).code).to.equal(0);
    const to = join(files, "numbers");
    const copy = await approved(open.who, ["cp", "-n", "demo", "web:numbers", to]);
    const { code, output } = await copy.ended;
    expect(code, output).to.equal(0);
    const numbers = Array.from({ length: 40_000 }, (_, at) => `${at + 1}\n`).join("");
    expect(await readFile(to, "utf8")).to.equal(numbers);
  });

  it("is what a container says, by attaching to it", async () => {
    const attached = await approved(open.who, ["attach", "-n", "demo", "web"]);
    let isSeen = false;
    const seen = printed(attached, /said since/).finally(() => {
      isSeen = true;
    });
    // Only what comes from then on is shown, and nobody tells when that is.
    while (!isSeen) {
      await appendFile(bed.controlPlane.podLog, `${new Date().toISOString()} stdout F said since\n`);
      await delay(50);
    }
    await seen;
    await interrupt(attached);
  });

  it("is a forwarded port, of which the record has number, counts and hashes", async () => {
    const forwarding = await approved(open.who, ["port-forward", "-n", "demo", "pod/web", ":80"]);
    const [, port] = /127\.0\.0\.1:(\d+)/.exec(await printed(forwarding, /Forwarding from 127/)) ?? [];
    const asked = request({ port, host: "127.0.0.1" });
    asked.end();
    const [answer] = await once(asked, "response");
    expect(await text(answer)).to.equal("hello from a pod\n");
    await interrupt(forwarding);
    const root = "/apis/hoop.dev/v1alpha1";
    const raw = await bed.must("human", ["get", "--raw", `${root}/records`]);
    expect(raw).to.contain("/portforward").and.not.contain("hello from a pod");
    // Its port was written before anything went there.
    const { items } = JSON.parse(raw) as {
      items: { metadata: { name: string }; spec: { event?: string; target?: { subresource?: string } } }[];
    };
    const told = items.find(
      ({ spec }) => spec.event === "stream" && spec.target?.subresource === "portforward",
    );
    const path = `${root}/namespaces/demo/records/${told?.metadata.name}`;
    const { payload } = JSON.parse(await bed.must("human", ["get", "--raw", path])) as { payload: object };
    expect(payload).to.deep.include({ ports: [80] });
  });

  it("is told which port the profile does not allow", async () => {
    const forwarding = await approved(open.who, ["port-forward", "-n", "demo", "pod/web", ":81"]);
    const [, port = ""] = /127\.0\.0\.1:(\d+)/.exec(await printed(forwarding, /Forwarding from 127/)) ?? [];
    const asked = connect(Number(port), "127.0.0.1").on("error", () => {});
    const { code, output } = await forwarding.ended;
    asked.destroy();
    expect(code).to.equal(1);
    const wants = (await bed.approvals("demo")).map(({ spec }) => spec.change.wants);
    expect(wants).to.include("forward ports of pod web: 80 alone, as the profile of the session says");
    expect(output).to.match(/an error occurred forwarding \d+ -> 81: the profile does not allow port 81"/);
  });

  it("is told that the session has ended, as a command that fails", async () => {
    const { who, name } = await begin(bed, bot, { profile: "bot" });
    const running = await approved(who, command("sh", "-c", "echo running; sleep 60"));
    await printed(running, /running/);
    await bed.must("human", ["delete", "session", name, "-n", "demo"]);
    const { code, stderr } = await running.ended;
    expect({ code, stderr }).to.deep.equal({ code: 1, stderr: "error: the session has ended\n" });
  });

  it("is told why people refuse it", async () => {
    const blocked = bed.start(open.who, command("true"), "");
    await bed.decide(await bed.pending("web", "CONNECT"), "Deny", "not during the release");
    const { code, output } = await blocked.ended;
    expect(code).to.equal(1);
    expect(output).to.contain("not during the release").and.not.contain("SPDY");
  });

  const REFUSED: readonly [string, () => [Begun, string[], Record<string, string>?], string][] = [
    [
      "a port that the profile does not allow",
      () => [closed, ["port-forward", "-n", "demo", "pod/web", ":80"]],
      "the profile does not allow port-forward",
    ],
    ["input that the profile does not allow", () => [closed, command("true")], "no standard input"],
    [
      "a command by SPDY",
      () => [open, command("true"), { KUBECTL_REMOTE_COMMAND_WEBSOCKETS: "false" }],
      "KUBECTL_REMOTE_COMMAND_WEBSOCKETS",
    ],
    [
      "a port by SPDY",
      () => [
        open,
        ["port-forward", "-n", "demo", "pod/web", ":80"],
        { KUBECTL_PORT_FORWARD_WEBSOCKETS: "false" },
      ],
      "KUBECTL_PORT_FORWARD_WEBSOCKETS",
    ],
  ];
  for (const [what, asked, why] of REFUSED)
    it(`is refused: ${what}`, async () => {
      const [session, args, env = {}] = asked();
      const { code, output } = await bed.kubectl(session.who, args, { env });
      expect(code).to.equal(1);
      expect(output).to.contain(why);
    });
});

/** `kubectl hoop secret`: single values of Secrets, set and revealed by an agent, who waits for a person. */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { expect } from "chai";
import { hoop, startedHoop } from "../support/plugin.ts";
import { type SecretsOf, secretsOf } from "../support/secure-secrets.ts";
import { startTestbed, type Testbed } from "../support/testbed.ts";

const VALUE = "correct-horse-battery-staple";
const NEXT = "another-value-altogether";
const run = promisify(execFile);
const base64 = (text: string) => Buffer.from(text).toString("base64");

describe("kubectl hoop secret", function () {
  this.timeout(120_000);
  let bed: Testbed;
  let shop: SecretsOf;

  before(async function () {
    this.timeout(1_200_000);
    bed = await startTestbed({ settings: { hold: { maxWaitSeconds: 8 } } });
    await bed.must("human", ["create", "namespace", "shop"]);
    shop = secretsOf(bed, "shop");
  });
  after(() => bed?.stop());

  const seed = (name: string) => shop.seed(name, { password: VALUE, user: "app" });

  it("sets one value from standard input, once a person has let it through", async () => {
    await seed("set");
    // Nobody else on this machine has this one.
    const typed = `never-an-argument-${process.pid}`;
    const running = startedHoop(bed, "agent", ["secret", "set", "shop/set", "password"], `${typed}\n`);
    await running.said("hoop: held: update secrets/set waits for 1 person");
    const approval = await bed.pending("set");
    const { stdout: processes } = await run("ps", ["-A", "-o", "args"]);
    expect(processes).to.contain("secret set shop/set password").and.not.to.contain(typed);
    expect(processes).not.to.contain(base64(typed));
    await bed.decide(approval, "Approve");
    const { code, stdout, output } = await running.ended;
    expect(code, output).to.equal(0);
    expect(stdout).to.equal("securesecret.hoop.dev/set changed, password set\n");
    expect(await shop.real("set")).to.deep.equal({ password: typed, user: "app" });
    expect(JSON.stringify(approval) + output)
      .not.to.contain(typed)
      .and.not.to.contain(base64(typed));
  });

  it("exits with 75 while nobody has decided, and goes on with --wait", async () => {
    await seed("later");
    const set = ["secret", "set", "shop/later", "password"];
    const held = await startedHoop(bed, "agent", set, NEXT).ended;
    expect(held.code, held.output).to.equal(75);
    expect(held.stderr).to.contain("HELD, not refused. approval=update-secret-later-");
    const waiting = startedHoop(bed, "agent", [...set, "--wait"], NEXT);
    await waiting.said("hoop: held: ");
    await bed.decide(await bed.pending("later"), "Approve");
    const { code, output } = await waiting.ended;
    expect(code, output).to.equal(0);
    expect((await shop.real("later"))["password"]).to.equal(NEXT);
  });

  it("makes a Secret where it is told to", async () => {
    const missing = await startedHoop(bed, "agent", ["secret", "set", "shop/new", "token"], NEXT).ended;
    expect(missing).to.include({ code: 1 });
    const running = startedHoop(bed, "agent", ["secret", "set", "shop/new", "token", "--create"], NEXT);
    await bed.decide(await bed.pending("new"), "Approve");
    const { code, output } = await running.ended;
    expect(code, output).to.equal(0);
    expect(await shop.real("new")).to.deep.equal({ token: NEXT });
  });

  it("reveals one value, with nothing beside it on standard output; and a denied one to nobody", async () => {
    await seed("revealed");
    const reveal = ["secret", "reveal", "shop/revealed", "password", "--reason", "to restore a backup"];
    const running = startedHoop(bed, "agent", reveal);
    const approval = await bed.pending("revealed");
    expect(approval.spec).to.have.property("reason", "to restore a backup");
    await bed.decide(approval, "Approve");
    expect(await running.ended).to.include({ code: 0, stdout: VALUE });
    const again = startedHoop(bed, "agent", reveal);
    await bed.decide(await bed.pending("revealed"), "Deny", "once is enough");
    const { code, stdout, stderr } = await again.ended;
    expect({ code, stdout }).to.deep.equal({ code: 77, stdout: "" });
    expect(stderr).to.contain("once is enough");
  });

  it("completes names and keys", async () => {
    await seed("completed");
    const { stdout } = await hoop(bed, "agent", ["__complete", "secret", "set", "shop/completed", ""]);
    expect(stdout).to.equal("password\tup to 64 B\nuser\tup to 64 B\n:4\n");
  });
});

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { expect } from "chai";
import { type MadeLedger, madeLedger, PUBLIC_KEY } from "../../support/ledger/made.ts";
import { hoop } from "./scripted.ts";

/** After the last entry. */
const now = Date.parse("2030-03-01T00:00:00Z");

describe("kubectl hoop review", function () {
  this.timeout(60_000);
  let scratch: string;
  let made: MadeLedger;
  before(async () => {
    scratch = mkdtempSync(join(tmpdir(), "hoop-review-"));
    made = await madeLedger(scratch, 300);
  });
  after(() => rmSync(scratch, { recursive: true, force: true }));

  it("is a page, with what makes it incomplete before all else", async () => {
    const args = ["review", made.file, "--agent", "agent-3", "--since", "2030-01-01", "--key", PUBLIC_KEY];
    const { code, stdout, stderr } = await hoop(args, { now });
    expect(code, stderr).to.equal(0);
    const [title, period, groups, from, ...rest] = stdout.split("\n");
    expect(title).to.equal("ACCESS REVIEW of agent-3");
    expect(period).to.match(
      /^From 2030-01-01T00:00:00\.000000Z up to 2030-03-01T00:00:00\.000000Z: \d+ records/,
    );
    expect(groups).to.equal("Groups: hoop:agents, system:authenticated");
    expect(from).to.contain(`all ${made.entries} entries held against the checkpoint with root`);
    expect(rest.slice(0, 3).every((line) => line.startsWith("! "))).to.equal(true);
    expect(stdout).to.match(/! Record \d+, .*payloads from before .* were erased/);
    expect(stdout).to.match(/USED \(AU-2\)\n {2}VERB +RESOURCE +NAMESPACE +COUNT/);
    expect(stdout).to.match(/\n {2}create +configmaps +demo +43 +43 +0 +0 /);
  });

  it("is a table of every agent, each line with its control and its records", async () => {
    const { code, stdout } = await hoop(["review", made.published, "--all", "-o", "csv"], { now });
    expect(code).to.equal(0);
    const lines = stdout.trimEnd().split("\r\n");
    expect(lines[0]).to.match(/^agent,section,control,verb,/);
    expect(lines.filter((line) => /^agent-\d,used,AU-2,create,,configmaps,,demo/.test(line))).to.have.length(
      7,
    );
    expect(lines.filter((line) => /^agent-\d,erasure,AU-6,/.test(line))).to.have.length(7);
  });

  it("is complete as JSON", async () => {
    const { stdout } = await hoop(["review", made.file, "--agent", "agent-3", "-o", "json"], { now });
    const { from, reviews } = JSON.parse(stdout);
    expect(from).to.deep.include({
      size: made.entries,
      keysFromLedger: true,
      begins: "2030-01-01T00:00:00.000000Z",
    });
    const [{ used, rightsWhy }] = reviews;
    expect(used[0]).to.deep.include({ verb: "create", resource: "configmaps", count: 43 });
    expect(used[0].records.flat()).to.include(used[0].newest);
    expect(rightsWhy).to.contain("without a cluster");
  });

  it("is of nobody else where an agent has no records", async () => {
    const { code, stdout } = await hoop(["review", made.file, "--agent", "ci/nobody"], { now });
    expect(code).to.equal(0);
    expect(stdout).to.contain("ACCESS REVIEW of system:serviceaccount:ci:nobody");
    expect(stdout).to.contain(": 0 records of it");
  });

  it("is not made of a ledger that is not what was signed", async () => {
    const db = new DatabaseSync(made.older);
    db.exec("UPDATE lines SET line = replace(line, 'agent-3', 'agent-4') WHERE number = 4");
    db.close();
    const { code, stdout, stderr } = await hoop(["review", made.older, "--agent", "agent-3"], { now });
    expect({ code, stdout }).to.deep.equal({ code: 1, stdout: "" });
    expect(stderr).to.contain("are not those that were signed").and.to.contain("kubectl hoop verify");
  });

  for (const args of [[], ["--agent", "a", "--all"]])
    it(`asks for one agent or all: ${args.join(" ")}`, async () => {
      const { code, stderr } = await hoop(["review", made.file, ...args]);
      expect({ code, stderr }).to.deep.equal({
        code: 2,
        stderr: "error: name one agent with --agent, or --all\n",
      });
    });
});

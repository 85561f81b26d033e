/** kill -9 among holds and decisions: a few rounds of what `npm run crash` does for long. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { type Violation, violations } from "../support/crash/check.ts";
import type { RecordSeen, Victim } from "../support/crash/evidence.ts";
import { ledgerViolations } from "../support/crash/ledger.ts";
import { planned } from "../support/crash/plan.ts";
import { leftViolations, proofViolations } from "../support/crash/proof.ts";
import { type Arena, allRecords, arenaOf, arenaOptions, crashRound } from "../support/crash/round.ts";
import { figuresOf } from "../support/crash/summary.ts";
import { startTestbed, type Testbed } from "../support/testbed.ts";

const HOLDS = 30;
const ROUNDS: readonly Victim[] = ["hoop", "kube-apiserver", "etcd"];

const told = (broken: readonly Violation[]) => broken.map(({ rule, what }) => `${rule}: ${what}`);

describe("what was decided, pending and recorded outlives kill -9", () => {
  let bed: Testbed;
  let arena: Arena;
  const seed = Math.floor(Math.random() * 1_000_000);
  const records: RecordSeen[][] = [];

  let directory: string;

  before(async () => {
    directory = mkdtempSync(join(tmpdir(), "hoop-arena-"));
    bed = await startTestbed(arenaOptions(directory));
    arena = await arenaOf(bed);
  });
  after(async () => {
    await arena?.victims.hoop.kill();
    await bed?.stop();
    rmSync(directory, { recursive: true, force: true });
  });

  for (const [i, victim] of ROUNDS.entries())
    it(`of ${victim}, among ${HOLDS} holds (seed ${seed}, round ${i + 1})`, async () => {
      const evidence = await crashRound(
        arena,
        planned(seed, i + 1, HOLDS, { first: victim, more: victim === "hoop" ? 1 : 0 }),
        `crash-${i + 1}`,
      );
      const { kills, allows, denials } = figuresOf(evidence);
      expect(kills[victim]).to.be.greaterThan(0);
      expect(Math.min(allows, denials)).to.be.greaterThan(0);
      expect(told(violations(evidence))).to.deep.equal([]);
      expect(told(await proofViolations(bed))).to.deep.equal([]);
      records.push(evidence.records);
    }).timeout(300_000);

  it("and the ledger has only grown", async () => {
    expect(told(ledgerViolations(records, await allRecords(arena.admin)))).to.deep.equal([]);
  });

  it("and what Hoop leaves when it ends, published and backed up, proves itself without it", async () => {
    await arena.victims.hoop.stop();
    expect(told(await leftViolations(bed, directory))).to.deep.equal([]);
  });
});

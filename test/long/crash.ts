/**
 * `npm run crash -- --kills 500 --holds 60 --seed N`: kill -9 of Hoop, kube-apiserver and etcd, at any moment and before
 * and after each of Hoop's steps that leave something behind, while agents write and wait and people decide; and a check
 * of what is left after each round. `--each K`: kills of Hoop in one round, beside those that each round begins with.
 * `--from R` begins with that round of the seed. Before that, without a cluster, kill -9 at every step of commits,
 * backups, restores, publishing, a new key and a migration, the first `--times` times that it comes to it (0: leaves that
 * out). Ends with 1 where a promise was broken; what shows it is kept, in the
 * folder it names.
 */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { type Violation, violations } from "../support/crash/check.ts";
import type { Evidence, RecordSeen } from "../support/crash/evidence.ts";
import { ledgerViolations } from "../support/crash/ledger.ts";
import { planned } from "../support/crash/plan.ts";
import { leftViolations, proofViolations } from "../support/crash/proof.ts";
import { type Arena, allRecords, arenaOf, arenaOptions, crashRound } from "../support/crash/round.ts";
import { stageOf } from "../support/crash/steps/kill.ts";
import { SCENARIOS } from "../support/crash/steps/scenarios.ts";
import { type Figures, figuresOf, stepsKilledAt, sum } from "../support/crash/summary.ts";
import { startTestbed } from "../support/testbed.ts";

/** Then a new one: what earlier rounds left makes each later one slower. */
const ROUNDS_PER_CONTROL_PLANE = 10;

const { values } = parseArgs({
  options: {
    kills: { type: "string", default: "500" },
    each: { type: "string", default: "12" },
    holds: { type: "string", default: "60" },
    seed: { type: "string", default: String(Date.now() % 1_000_000) },
    from: { type: "string", default: "1" },
    times: { type: "string", default: "2" },
  },
});
const [kills, each, holds, seed, from, times] = [
  values.kills,
  values.each,
  values.holds,
  values.seed,
  values.from,
  values.times,
].map(wholeNumber) as [number, number, number, number, number, number];

function wholeNumber(given: string): number {
  if (/^\d{1,9}$/.test(given)) return Number(given);
  throw new Error(`--kills, --each, --holds, --seed, --from and --times are whole numbers, not ${given}`);
}

const line = ({ kills: killed, ...figures }: Figures) =>
  Object.entries({ ...killed, ...figures })
    .map(([name, value]) => `${name} ${value}`)
    .join(" · ");

let keptIn: string | undefined;

async function keep(arena: Arena, round: number, evidence: Evidence, broken: Violation[]): Promise<string> {
  keptIn ??= await mkdtemp(join(tmpdir(), "hoop-crash-"));
  const file = join(keptIn, `round-${round}.json`);
  await writeFile(file, JSON.stringify({ broken, evidence, logs: arena.logs }, null, 1));
  return file;
}

function report(broken: readonly Violation[]): void {
  for (const { rule, what } of broken.slice(0, 20)) console.log(`  ✘ ${rule}: ${what}`);
}

async function runRound(arena: Arena, round: number): Promise<Evidence> {
  const began = Date.now();
  const evidence = await crashRound(arena, planned(seed, round, holds, { more: each }), `crash-${round}`);
  const broken = violations(evidence);
  total += broken.length;
  const figures = figuresOf(evidence);
  all.push(figures);
  for (const { step } of evidence.kills) if (step !== undefined) killedAt.add(step.replace(/#\d+$/, ""));
  done += evidence.kills.length;
  const took = ((Date.now() - began) / 1_000).toFixed(1);
  console.log(
    `round ${round} · seed ${seed} · ${took} s · kills so far ${done} · ${line(figures)} · violations ${broken.length}`,
  );
  report(broken);
  if (broken.length > 0) console.log(`  all of it: ${await keep(arena, round, evidence, broken)}`);
  return evidence;
}

/** Rounds on one control plane, as many as are needed, and what its ledger is after them. Gives the round to go on with. */
async function runRounds(first: number): Promise<number> {
  const directory = await mkdtemp(join(tmpdir(), "hoop-arena-"));
  const bed = await startTestbed(arenaOptions(directory));
  const arena = await arenaOf(bed);
  let round = first;
  try {
    const seen: RecordSeen[][] = [];
    const broken: Violation[] = [];
    for (; round < first + ROUNDS_PER_CONTROL_PLANE && done < kills; round++) {
      seen.push((await runRound(arena, round)).records);
      broken.push(...(await proofViolations(bed)));
    }
    broken.push(...ledgerViolations(seen, await allRecords(arena.admin)));
    for (const step of arena.victims.hoop.steps()) steps.add(step);
    await arena.victims.hoop.stop();
    broken.push(...(await leftViolations(bed, directory)));
    total += broken.length;
    report(broken);
    console.log(`  ${stepsKilledAt(killedAt, [...steps].sort())}`);
    if (broken.length === 0) await rm(directory, { recursive: true, force: true });
  } finally {
    await arena.victims.hoop.kill();
    await bed.stop();
  }
  return round;
}

/** Every step of what is done without a cluster. */
async function runSteps(): Promise<void> {
  for (const scenario of SCENARIOS) {
    const stage = await stageOf(scenario);
    const known = await stage.steps();
    let killed = 0;
    for (const step of known)
      for (let nth = 1; nth <= times; nth++) {
        const result = await stage.kill(step, nth);
        total += result.problems.length;
        report(result.problems.map((what) => ({ rule: `${scenario}, ${step}#${nth}`, what })));
        if (!result.killed) break;
        killed += 1;
      }
    stage.remove();
    stepKills += killed;
    console.log(`${scenario} · killed ${killed} times at ${known.length} steps · violations so far ${total}`);
  }
}

let stepKills = 0;
const all: Figures[] = [];
const steps = new Set<string>();
const killedAt = new Set<string>();
let total = 0;
let done = 0;
if (times > 0) await runSteps();
for (let round = from; done < kills; ) round = await runRounds(round);
console.log(`\n${stepKills} kills at steps without a cluster`);
console.log(`${all.length} rounds · seed ${seed} · ${line(sum(all))} · violations ${total}`);
process.exit(total === 0 ? 0 : 1);

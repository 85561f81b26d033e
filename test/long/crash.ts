/**
 * `npm run crash -- --rounds 100 --holds 200 --seed N`: kill -9 of Hoop, kube-apiserver and etcd while agents wait and
 * people decide, and a check of what is left after each round. `--from R` begins with that round of the seed.
 * Ends with 1 where a promise was broken; what shows it is kept, in the folder it names.
 */
import { mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { type Violation, violations } from "../support/crash/check.ts";
import type { Evidence, RecordSeen } from "../support/crash/evidence.ts";
import { ledgerViolations } from "../support/crash/ledger.ts";
import { planned } from "../support/crash/plan.ts";
import { proofViolations } from "../support/crash/proof.ts";
import { ARENA, type Arena, allRecords, arenaOf, crashRound } from "../support/crash/round.ts";
import { type Figures, figuresOf, sum } from "../support/crash/summary.ts";
import { startTestbed } from "../support/testbed.ts";

/** Then a new one: what earlier rounds left makes each later one slower. */
const ROUNDS_PER_CONTROL_PLANE = 20;

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "100" },
    holds: { type: "string", default: "200" },
    seed: { type: "string", default: String(Date.now() % 1_000_000) },
    from: { type: "string", default: "1" },
  },
});
const [rounds, holds, seed, from] = [values.rounds, values.holds, values.seed, values.from].map(Number);
if (![rounds, holds, seed, from].every((value) => Number.isSafeInteger(value)))
  throw new Error("--rounds, --holds, --seed and --from are whole numbers");

const line = ({ kills, ...figures }: Figures) =>
  Object.entries({ ...kills, ...figures })
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
  const evidence = await crashRound(arena, planned(seed ?? 0, round, holds ?? 0), namespaceOf(round));
  const broken = violations(evidence);
  total += broken.length;
  const figures = figuresOf(evidence);
  all.push(figures);
  const took = ((Date.now() - began) / 1_000).toFixed(1);
  console.log(`round ${round} · seed ${seed} · ${took} s · ${line(figures)} · violations ${broken.length}`);
  report(broken);
  if (broken.length > 0) console.log(`  all of it: ${await keep(arena, round, evidence, broken)}`);
  return evidence;
}

const namespaceOf = (round: number) => `crash-${round}`;

/** The rounds on one control plane, and what its ledger is after them. */
async function runRounds(numbers: readonly number[]): Promise<void> {
  const bed = await startTestbed(ARENA);
  const arena = await arenaOf(bed);
  try {
    const seen: RecordSeen[][] = [];
    const proofs: Violation[] = [];
    for (const round of numbers) {
      seen.push((await runRound(arena, round)).records);
      proofs.push(...(await proofViolations(bed)));
    }
    const broken = [...proofs, ...ledgerViolations(seen, await allRecords(arena.admin))];
    total += broken.length;
    report(broken);
  } finally {
    await arena.victims.hoop.kill();
    await bed.stop();
  }
}

const all: Figures[] = [];
let total = 0;
const numbers = Array.from({ length: rounds ?? 0 }, (_, i) => (from ?? 1) + i);
while (numbers.length > 0) await runRounds(numbers.splice(0, ROUNDS_PER_CONTROL_PLANE));
console.log(`\n${all.length} rounds · seed ${seed} · ${line(sum(all))} · violations ${total}`);
process.exit(total === 0 ? 0 : 1);

/**
 * Compares ROUNDS times as many random policies and expressions as the test does, from SEED on, and prints each
 * difference. Fails where one is more generous than Kubernetes.
 */
import { startCluster } from "../support/agreement/cluster.ts";
import { compare } from "../support/agreement/compare.ts";

const rounds = Number(process.env["ROUNDS"] ?? 10);
const seed = Number(process.env["SEED"] ?? Date.now() % 1_000_000);
const SIZE = { expressions: 1_500, objects: 20, policies: 600 };

const counted = { compileVerdicts: 0, verdicts: 0, differences: 0, generous: 0 };
for (let round = 0; round < rounds; round++) {
  const cluster = await startCluster();
  try {
    const { compileVerdicts, verdicts, differences } = await compare(cluster, {
      ...SIZE,
      seed: seed + round,
    });
    for (const one of differences)
      console.log(`${one.generous ? "GENEROUS " : ""}seed ${seed + round}: ${JSON.stringify(one)}`);
    counted.compileVerdicts += compileVerdicts;
    counted.verdicts += verdicts;
    counted.differences += differences.length;
    counted.generous += differences.filter(({ generous }) => generous).length;
  } finally {
    await cluster.stop();
  }
  console.log(`seed ${seed} to ${seed + round}: ${JSON.stringify(counted)}`);
}
process.exit(counted.generous === 0 ? 0 : 1);

/**
 * Compares COUNT random expressions with Kubernetes', by thousands, from SEED on, and prints each difference. Fails
 * where one is more generous than Kubernetes.
 */
import { compare, type Difference, isGenerous } from "./compare.ts";

const ROUND = 5_000;
const count = Number(process.env["COUNT"] ?? 50_000);
const seed = Number(process.env["SEED"] ?? Date.now() % 1_000_000);

const all: Difference[] = [];
for (let done = 0; done < count; done += ROUND) {
  const found = await compare(Math.min(ROUND, count - done), seed + done);
  for (const one of found) console.log(`${isGenerous(one) ? "GENEROUS " : ""}${JSON.stringify(one)}`);
  all.push(...found);
}
const generous = all.filter(isGenerous).length;
console.log(
  `seed ${seed}: ${count} expressions, ${all.length} differ, ${generous} more generous than Kubernetes`,
);
process.exitCode = generous === 0 ? 0 : 1;

/**
 * What Hoop costs people: their writes where it is registered beside their writes where it is not, in pairs that follow
 * one another at once. That no call is made is counted at both ends.
 */
import type { Body } from "./bodies.ts";
import { rotated, type Target, turn } from "./measure.ts";

export interface Share {
  body: string;
  concurrency: number;
  /** What stands against what. */
  name: string;
  pairs: number;
  /** kube-apiserver's CPU per write, the one over the other: the mean, and its 95 % interval. */
  ratio: number;
  low: number;
  high: number;
}

export interface PeopleOptions {
  bodies: readonly Body[];
  concurrency: number;
  seconds: number;
  pairs: number;
  apiserver: number;
}

/** `floor`: what the others are compared to. */
export async function shares(
  floor: Target,
  others: readonly Target[],
  options: PeopleOptions,
): Promise<Share[]> {
  const found: Share[] = [];
  for (const body of options.bodies) {
    const { concurrency, pairs } = options;
    console.log(`people, ${body.name}, ${concurrency} at once, ${pairs} rounds`);
    const costs = await costsOf([floor, ...others], body, options);
    const floors = costs.get(floor) ?? [];
    for (const target of others) {
      const logs = (costs.get(target) ?? []).map((cost, n) => Math.log(cost / (floors[n] ?? Number.NaN)));
      found.push({ body: body.name, concurrency, name: target.name, pairs, ...interval(logs) });
    }
  }
  return found;
}

/** CPU seconds of the API server a write, by round. */
async function costsOf(
  targets: readonly Target[],
  body: Body,
  { concurrency, seconds, pairs, apiserver }: PeopleOptions,
): Promise<Map<Target, number[]>> {
  const costs = new Map<Target, number[]>(targets.map((target) => [target, []]));
  for (let round = 0; round < pairs; round++)
    for (const target of rotated(targets, round)) {
      const { times, apiserverSeconds } = await turn(target, body, concurrency, seconds, apiserver);
      costs.get(target)?.push(apiserverSeconds / Math.max(1, times.length));
    }
  return costs;
}

/** Two-sided 95 % points of Student's t, by degrees of freedom. */
const STUDENT: readonly [number, number][] = [
  [1, 12.71],
  [2, 4.3],
  [3, 3.18],
  [4, 2.78],
  [5, 2.57],
  [7, 2.36],
  [9, 2.26],
  [11, 2.2],
  [14, 2.14],
  [19, 2.09],
  [29, 2.05],
  [59, 2.0],
];

function interval(logs: readonly number[]): Pick<Share, "ratio" | "low" | "high"> {
  const mean = logs.reduce((sum, value) => sum + value, 0) / logs.length;
  const squares = logs.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  const freedom = logs.length - 1;
  // Of the row below, so that the interval is rather too wide.
  const student = STUDENT.findLast(([least]) => least <= freedom)?.[1] ?? Number.POSITIVE_INFINITY;
  const half = student * Math.sqrt(squares / Math.max(1, freedom) / logs.length);
  return { ratio: Math.exp(mean), low: Math.exp(mean - half), high: Math.exp(mean + half) };
}

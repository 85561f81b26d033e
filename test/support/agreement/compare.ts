/** The same policies in the API server and here, the same requests, and where they part. */
import type { Cluster } from "./cluster.ts";
import { compareExpressions } from "./compare-expressions.ts";
import { comparePolicies } from "./compare-policies.ts";
import { judgeWith, lookupsIn } from "./ours.ts";
import { Tally } from "./tally.ts";
import { prepare } from "./writes.ts";

export interface Size {
  seed: number;
  /** Random expressions, of each of two kinds. */
  expressions: number;
  /** Objects on which each that is accepted is tried. */
  objects: number;
  /** Random policies. */
  policies: number;
}

/** Compares all of it on a cluster that nothing else uses. */
export async function compare(cluster: Cluster, size: Size): Promise<Tally> {
  const tally = new Tally();
  await prepare(cluster);
  const judge = judgeWith(lookupsIn(cluster));
  await compareExpressions(cluster, judge, size, tally);
  await comparePolicies(cluster, judge, size, tally);
  return tally;
}

/** Random policies, and writes of every kind. */
import fc from "fast-check";
import type { CompiledPolicy } from "#core/policy/compile.ts";
import { object } from "../../conformance/cel/random.ts";
import { install, isAccepted, PER_BATCH, type Said, saidBy, untilInForce } from "./batches.ts";
import type { Cluster, Written } from "./cluster.ts";
import { compiled, type Judge } from "./ours.ts";
import { agentSpec, type Candidate, candidate } from "./policies.ts";
import { type Pair, reviewOf, type Tally } from "./tally.ts";
import { isNamespaced, store, writesOf } from "./writes.ts";

interface Both {
  given: Candidate;
  policy: CompiledPolicy;
}

/** What it says of a request here. */
export async function saidHere(judge: Judge, review: string, policy: CompiledPolicy): Promise<Said> {
  const { verdict } = await judge(review, [policy]);
  switch (verdict.kind) {
    case "deny":
      return { kind: "denied", message: verdict.rules[0]?.message ?? "" };
    case "could-not-tell":
      return { kind: "failed" };
    default:
      return { kind: "quiet" };
  }
}

export const shown = (said: Said): string => (said.kind === "denied" ? `denied: ${said.message}` : said.kind);

/** Those that both take. */
async function takenByBoth(cluster: Cluster, all: readonly Candidate[], tally: Tally): Promise<Both[]> {
  const taken: Both[] = [];
  for (const given of all) {
    const ours = compiled("any", agentSpec(given, "fires where it is true")) !== undefined;
    const theirs = await isAccepted(cluster, given);
    tally.compiled(given, ours, theirs);
    const policy = compiled("any", agentSpec(given, "fires where it is not true"));
    if (ours && theirs && policy !== undefined) taken.push({ given, policy });
  }
  return taken;
}

interface Batch {
  name: string;
  policies: readonly Both[];
  hasParams: boolean;
}

function batchesOf(all: readonly Both[]): Batch[] {
  const batches: Batch[] = [];
  for (const hasParams of [true, false]) {
    const some = all.filter(({ given }) => (given.paramRef !== undefined) === hasParams);
    for (let at = 0; at < some.length; at += PER_BATCH)
      batches.push({ name: `b${batches.length}`, policies: some.slice(at, at + PER_BATCH), hasParams });
  }
  return batches;
}

async function pairs(judge: Judge, { name, policies }: Batch, written: Written): Promise<Pair[]> {
  const review = reviewOf(written);
  return Promise.all(
    policies.map(async ({ given, policy }, index): Promise<Pair> => {
      const ours = shown(await saidHere(judge, review, policy));
      const said = saidBy(written, `${name}-${index}`);
      const generous = ours === "quiet" && said.kind !== "quiet";
      const asked = { policy: given, review: JSON.parse(review).request };
      return { asked, ours, theirs: shown(said), kind: `policy ${said.kind}`, generous };
    }),
  );
}

export async function comparePolicies(
  cluster: Cluster,
  judge: Judge,
  { seed, policies: numRuns }: { seed: number; policies: number },
  tally: Tally,
): Promise<void> {
  const taken = await takenByBoth(cluster, fc.sample(candidate, { numRuns, seed }), tally);
  const contents = fc.sample(object, { numRuns: 40, seed });
  const batches = batchesOf(taken);
  for (const [n, { name, policies }] of batches.entries()) {
    await store(cluster, name, contents[n % contents.length] ?? {});
    const given = policies.map((both) => both.given);
    await install(cluster, name, given);
  }
  await untilInForce(cluster, "last");
  for (const [n, batch] of batches.entries()) {
    const own = [...contents.slice(n % contents.length), ...contents];
    for (const write of writesOf(batch.name, own)) {
      // A cluster-scoped write has no namespace to look for params in, which denies it whatever the binding says.
      if (batch.hasParams && !isNamespaced(write)) continue;
      await tally.judged(cluster, write, (written) => pairs(judge, batch, written));
    }
  }
}

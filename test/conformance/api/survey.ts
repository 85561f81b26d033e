/** All that differs, by kind, with one example each: where to begin when much does. */
import fc from "fast-check";
import { judge } from "./known.ts";
import type { Oracle } from "./oracle.ts";
import type { Found, Judgement } from "./run-steps.ts";
import { anySteps, report, type SequenceOptions } from "./sequences.ts";

interface Kind {
  count: number;
  example: readonly Found[];
}

/** Goes on after what cannot have changed anything; a run ends where the two sides may be in different states. */
export async function survey(oracle: Oracle, { seed, sequences, steps }: SequenceOptions): Promise<string> {
  const kinds = new Map<string, Kind>();
  for (const sequence of fc.sample(anySteps(steps), { seed, numRuns: sequences })) {
    const { found } = await oracle.run(sequence, leniently);
    const unknown = found.filter((each) => judge(each) === "unexpected");
    for (const [index, all] of Map.groupBy(unknown, ({ index }) => index)) {
      const [first] = all;
      if (first === undefined || index < 0) continue;
      const kind = kindOf(all);
      const before = kinds.get(kind);
      kinds.set(kind, { count: (before?.count ?? 0) + 1, example: before?.example ?? all });
    }
  }
  const sorted = [...kinds].sort(([, a], [, b]) => b.count - a.count);
  return sorted.map(([kind, { count, example }]) => `## ${count}× ${kind}\n${report(example)}`).join("\n\n");
}

/** What only reads has changed nothing, whatever it was answered. */
function leniently(found: Found): Judgement {
  const judgement = judge(found);
  const isRead = found.step.method === "GET" && !found.path.startsWith("frames");
  return judgement === "unexpected" && isRead ? "known" : judgement;
}

/** Two findings are of one kind when the same request differs at the same places, names and numbers aside. */
function kindOf(found: readonly Found[]): string {
  const [first] = found;
  const step = first?.step;
  const where = step?.path.replace(/.*gadgets/, "gadgets").replace(/\/[abc]\b/, "/NAME");
  const code = found.find(({ path }) => path === "code");
  const paths = code
    ? [`code ${code.ours} for ${code.theirs}`]
    : [...new Set(found.map(({ path }) => path.replaceAll(/\d+/g, "N")))].slice(0, 3);
  return `${step?.watch ? "WATCH" : step?.method} ${where}: ${paths.join(", ")}`;
}

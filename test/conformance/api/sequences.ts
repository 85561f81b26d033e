/** Runs of random steps, each one replayable by its seed, shrunk when it finds something. */
import fc from "fast-check";
import { judge } from "./known.ts";
import type { Oracle } from "./oracle.ts";
import { reads, watches } from "./reads.ts";
import type { Found } from "./run-steps.ts";
import { type Step, toText } from "./step.ts";
import { writes } from "./writes.ts";

export interface SequenceOptions {
  seed: number;
  sequences: number;
  /** The most a sequence may have. */
  steps: number;
}

const anyStep: fc.Arbitrary<Step> = fc.oneof(
  { weight: 10, arbitrary: writes },
  { weight: 8, arbitrary: reads },
  { weight: 1, arbitrary: watches },
);

export function anySteps(most: number): fc.Arbitrary<Step[]> {
  return fc.array(anyStep, { minLength: 1, maxLength: most, size: "max" });
}

/** Resolves with the number of steps that agreed; rejects with the shortest sequence found that does not. */
export async function agreeOnSequences(oracle: Oracle, options: SequenceOptions): Promise<number> {
  const { seed, sequences, steps } = options;
  let agreed = 0;
  const property = fc.asyncProperty(anySteps(steps), async (sequence) => {
    const { found, judgement } = await oracle.run(sequence, judge);
    if (judgement === "unexpected")
      throw new Error(report(found.filter((each) => judge(each) === "unexpected")));
    agreed += judgement === "known" ? sequence.length : (found.at(-1)?.index ?? 0);
  });
  const result = await fc.check(property, { seed, numRuns: sequences });
  if (!result.failed) return agreed;
  const [sequence] = result.counterexample ?? [[]];
  const error = result.errorInstance;
  throw new Error(
    `after ${result.numRuns} sequences (--seed ${seed}), shortened ${result.numShrinks} times:\n` +
      `${(sequence ?? []).map((each, i) => `${i}. ${toText(each)}`).join("\n")}\n` +
      (error instanceof Error ? error.message : String(error)),
  );
}

/** What differs first tells most; the rest follows from it. */
const MOST_SHOWN = 6;

export function report(found: readonly Found[]): string {
  return found
    .slice(0, MOST_SHOWN)
    .map(({ step, index, path, ours, theirs }) =>
      [
        `step ${index}: ${toText(step)}`,
        `  ${path}`,
        `    ours:   ${shown(ours)}`,
        `    theirs: ${shown(theirs)}`,
      ].join("\n"),
    )
    .join("\n");
}

function shown(value: unknown): string {
  return value === undefined ? "(nothing)" : JSON.stringify(value);
}

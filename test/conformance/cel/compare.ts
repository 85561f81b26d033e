/** Random expressions over random objects, here and in Kubernetes. */
import fc from "fast-check";
import type { Json } from "#core/cel/input.ts";
import { INPUT } from "./cases.ts";
import { mutated } from "./mutated.ts";
import { type Answer, ask } from "./oracle.ts";
import { answer, gist, type Question } from "./ours.ts";
import { object, question } from "./random.ts";

export interface Difference extends Question {
  readonly object: Json;
  readonly ours: Answer;
  readonly theirs: Answer;
}

/** How often a question that is answered otherwise is put again: Go goes through maps in any order. */
const AGAIN = 8;

const given = (asked: Question, own: Json) => ({ ...asked, variables: { ...INPUT, object: own } });

/** What is asked: of the kind that signatures allow, and of the kind that typing goes wrong. */
const KINDS: readonly fc.Arbitrary<Question & { variables: Record<string, Json> }>[] = [
  fc.tuple(question, object).map(([asked, own]) => given(asked, own)),
  mutated.map((expression) => given({ expression }, INPUT["object"] ?? null)),
];

/** The differences among that many questions of each kind. */
export async function compare(count: number, seed: number): Promise<Difference[]> {
  const questions = KINDS.flatMap((kind) => fc.sample(kind, { numRuns: count, seed }));
  const said = await ask(questions);
  const found = questions.flatMap((one, i) => {
    const [ours, theirs] = [answer(one, one.variables), said[i] ?? {}];
    return gist(ours) === gist(theirs) ? [] : [{ one, ours, theirs }];
  });
  const again = await ask(found.flatMap(({ one }) => Array.from({ length: AGAIN }, () => one)));
  return found
    .filter(
      ({ ours }, i) => !again.slice(i * AGAIN, (i + 1) * AGAIN).some((said) => gist(said) === gist(ours)),
    )
    .map(({ one: { variables, ...asked }, ours, theirs }) => ({
      ...asked,
      object: variables["object"] ?? null,
      ours,
      theirs,
    }));
}

/** Whether there is a value here where Kubernetes has none, or true where Kubernetes has false: what must not be. */
export const isGenerous = ({ ours, theirs }: Difference): boolean =>
  ours.value !== undefined && (theirs.value === undefined || JSON.stringify(ours.value) === '["bool",true]');

/** Random expressions, each as a rule here and as a variable or a validation there. */
import fc from "fast-check";
import type { CompiledPolicy } from "#core/policy/compile.ts";
import { mutated } from "../../conformance/cel/mutated.ts";
import { object, question } from "../../conformance/cel/random.ts";
import { type Cluster, GROUP, things, type Write } from "./cluster.ts";
import { type Asked, accepted, installed, type Outcome } from "./expressions.ts";
import { compiled, type Judge } from "./ours.ts";
import { type Pair, reviewOf, type Tally } from "./tally.ts";
import { thing } from "./writes.ts";

const PARAMS = {
  paramKind: { apiVersion: `${GROUP}/v1`, kind: "Limit" },
  paramRef: { name: "most", namespace: "default", parameterNotFoundAction: "Deny" as const },
};
/** As many as share a budget in Kubernetes. */
const RULES = 20;

const ruleOf = ({ expression }: Asked, index: number) => ({
  name: `e${index}`,
  action: "Deny" as const,
  when: expression,
});

/** Whether it compiles, with its variables. */
function compiles(asked: Asked): boolean {
  const variables = [...(asked.composed ?? [])];
  return compiled("one", { ...PARAMS, variables, rules: [ruleOf(asked, 0)] }) !== undefined;
}

/** Policies that hold these expressions as rules named `eINDEX`; those with variables apart. */
function policiesOf(asked: readonly Asked[]): CompiledPolicy[] {
  const rules = asked.map(ruleOf);
  const isPlain = (index: number) => asked[index]?.composed === undefined;
  const plain = rules.filter((_, index) => isPlain(index));
  const specs = rules.flatMap((rule, index) =>
    isPlain(index) ? [] : [{ variables: [...(asked[index]?.composed ?? [])], rules: [rule] }],
  );
  for (let at = 0; at < plain.length; at += RULES)
    specs.push({ variables: [], rules: plain.slice(at, at + RULES) });
  return specs.map((spec, n) => {
    const policy = compiled(`p${n}`, { ...PARAMS, ...spec });
    if (policy === undefined) throw new Error("compiles alone, and not together");
    return policy;
  });
}

const OUTCOMES = {
  fired: "true",
  quiet: "false",
  failed: "error",
  "not-matched": "not matched",
  off: "off",
} as const;

/** By the rules' names. */
async function outcomesHere(
  judge: Judge,
  review: string,
  policies: readonly CompiledPolicy[],
): Promise<Map<string, string>> {
  const outcomes = new Map<string, string>();
  for (const policy of policies) {
    const { steps } = await judge(review, [policy]);
    for (const [rule, { outcome }] of steps)
      outcomes.set(rule.slice(rule.indexOf("/") + 1), OUTCOMES[outcome]);
  }
  return outcomes;
}

/** Of an expression whose value is another: somebody may ask for the opposite. */
const isGenerous = (ours: string, theirs: Outcome) => ours !== "error" && ours !== theirs;

export async function compareExpressions(
  cluster: Cluster,
  judge: Judge,
  { seed, expressions: numRuns, objects }: { seed: number; expressions: number; objects: number },
  tally: Tally,
): Promise<void> {
  const asked: Asked[] = [
    ...fc.sample(question, { numRuns, seed }),
    ...fc.sample(mutated, { numRuns, seed }).map((expression) => ({ expression })),
  ];
  const theirs = await accepted(cluster, asked);
  for (const [index, one] of asked.entries()) tally.compiled(one, compiles(one), theirs[index] ?? false);
  const both = asked.filter((one, index) => theirs[index] === true && compiles(one));
  const there = await installed(cluster, both);
  const policies = policiesOf(both);
  for (const content of fc.sample(object, { numRuns: objects, seed })) {
    const body = thing(content, { name: "random", labels: { app: "random" } });
    const write: Write = { method: "POST", path: things("default"), body };
    await tally.judged(cluster, write, async (written) => {
      const here = await outcomesHere(judge, reviewOf(written), policies);
      return there.outcomes(written).map((outcome, index): Pair => {
        const ours = here.get(`e${index}`) ?? "missing";
        const generous = isGenerous(ours, outcome);
        const one = { ...both[index], content };
        return { asked: one, ours, theirs: outcome, kind: `expression ${outcome}`, generous };
      });
    });
  }
}

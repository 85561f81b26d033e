/** The same expressions here and in Kubernetes' admission CEL environment. */
import { expect } from "chai";
import { CASES, INPUT } from "./cases.ts";
import { AUTHORIZER, COMPOSED } from "./composed.ts";
import { DIFFERENCES } from "./differences.ts";
import { LIBRARY_CASES } from "./libraries.ts";
import { type Answer, ask } from "./oracle.ts";
import { answer, gist, type Question } from "./ours.ts";

const plain = (expressions: readonly string[]): Question[] =>
  expressions.map((expression) => ({ expression }));

const AREAS: Readonly<Record<string, readonly Question[]>> = {
  ...Object.fromEntries(
    Object.entries({ ...CASES, ...LIBRARY_CASES }).map(([area, all]) => [area, plain(all)]),
  ),
  variables: COMPOSED,
  "access checks": plain(AUTHORIZER),
};

describe("CEL as Kubernetes' admission policies have it", () => {
  const all = Object.values(AREAS).flat();
  const theirs = new Map<Question, Answer>();
  const differs = (question: Question): boolean =>
    gist(answer(question, INPUT)) !== gist(theirs.get(question) ?? {});
  const isListed = ({ expression }: Question): boolean => expression in DIFFERENCES;

  before(async () => {
    const answers = await ask(all.map((question) => ({ ...question, variables: INPUT })));
    expect(answers).to.have.length(all.length);
    all.forEach((question, index) => void theirs.set(question, answers[index] ?? {}));
  });

  for (const [area, questions] of Object.entries(AREAS))
    it(`${area}: the same results, but for what is listed`, () => {
      const found = questions
        .filter((question) => differs(question) && !isListed(question))
        .map((q) => `${q.expression}: ${gist(answer(q, INPUT))}, Kubernetes: ${gist(theirs.get(q) ?? {})}`);
      expect(found).to.deep.equal([]);
    });

  it("every listed difference still occurs, and they are few", () => {
    const different = new Set(all.filter(differs).map(({ expression }) => expression));
    expect(Object.keys(DIFFERENCES).filter((expression) => !different.has(expression))).to.deep.equal([]);
    expect(Object.keys(DIFFERENCES).length / all.length).to.be.below(0.04);
  });

  it("nothing has a value here that Kubernetes gives none", () => {
    const has = (said: Answer | undefined): boolean => said?.value !== undefined;
    const generous = all.filter((question) => has(answer(question, INPUT)) && !has(theirs.get(question)));
    expect(generous).to.deep.equal([]);
  });
});

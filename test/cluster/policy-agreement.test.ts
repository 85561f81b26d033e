/**
 * Random policies as ValidatingAdmissionPolicies of a real API server and as AgentPolicies here, and the same requests:
 * what is accepted, and what is then said. `test/long/policy-agreement.ts` compares as many as one likes.
 */
import { expect } from "chai";
import { install, saidBy, untilInForce } from "../support/agreement/batches.ts";
import { DIFFERENCES, IN_EARNEST } from "../support/agreement/cases.ts";
import { type Cluster, startCluster } from "../support/agreement/cluster.ts";
import { compare } from "../support/agreement/compare.ts";
import { saidHere, shown } from "../support/agreement/compare-policies.ts";
import { compiled, type Judge, judgeWith, lookupsIn } from "../support/agreement/ours.ts";
import { agentSpec, bindingSpec, type Candidate, type NotFound } from "../support/agreement/policies.ts";
import { reviewOf, type Tally } from "../support/agreement/tally.ts";
import { store } from "../support/agreement/writes.ts";

const SIZE = { seed: 1, expressions: 300, objects: 30, policies: 200 };

describe("policies here and in the API server", () => {
  let cluster: Cluster;
  let tally: Tally;
  let judge: Judge;
  const reviews = new Map<string, string>();

  before(async function () {
    this.timeout(300_000);
    cluster = await startCluster();
    tally = await compare(cluster, SIZE);
    judge = judgeWith(lookupsIn(cluster));
    for (const [n, { given }] of Object.values(DIFFERENCES).entries()) {
      await store(cluster, `d${n}`, {});
      await install(cluster, `d${n}`, [given]);
    }
    // What is denied comes to no webhook: the same request before it is.
    for (const [n, [name, { write }]] of Object.entries(IN_EARNEST).entries())
      reviews.set(name, reviewOf(await cluster.write(write(`r${n}`))));
    for (const [n, { given, notFound }] of Object.values(IN_EARNEST).entries())
      await install(cluster, `r${n}`, [given], {
        validationActions: ["Deny"],
        ...bindingSpec(given, notFound),
      });
    await untilInForce(cluster, "all");
  });
  after(() => cluster?.stop());

  const here = async (review: string, given: Candidate, notFound?: NotFound) => {
    const policy = compiled("any", agentSpec(given, "fires where it is not true", notFound));
    if (policy === undefined) throw new Error("does not compile");
    return saidHere(judge, review, policy);
  };

  it(`accept and refuse the same (seed ${SIZE.seed})`, () => {
    expect(tally.compileVerdicts).to.equal(2 * SIZE.expressions + SIZE.policies);
    const words = ["accepted", "refused"];
    expect(tally.differences.filter(({ ours }) => words.includes(ours))).to.deep.equal([]);
  });

  it(`say the same (seed ${SIZE.seed})`, () => {
    expect(tally.verdicts).to.be.above(3_000);
    expect(tally.differences).to.deep.equal([]);
  });

  it("say all there is to say", () => {
    const kinds = [
      "expression true",
      "expression false",
      "expression error",
      "policy quiet",
      "policy denied",
    ];
    expect(tally.kinds).to.include.all.keys(...kinds, "policy failed");
  });

  for (const [n, [name, { given, write, ours, theirs }]] of Object.entries(DIFFERENCES).entries())
    it(`part, as is known: ${name}`, async () => {
      const written = await cluster.write(write(`d${n}`));
      expect(shown(saidBy(written, `d${n}-0`))).to.equal(theirs);
      expect(shown(await here(reviewOf(written), given))).to.equal(ours);
    });

  for (const [n, [name, { given, write, notFound }]] of Object.entries(IN_EARNEST).entries())
    it(`deny the same in earnest: ${name}`, async () => {
      const { code, body } = await cluster.write(write(`r${n}`));
      expect([201, 422], body).to.include(code);
      const { kind } = await here(reviews.get(name) ?? "", given, notFound);
      expect(kind === "quiet").to.equal(code === 201);
    });
});

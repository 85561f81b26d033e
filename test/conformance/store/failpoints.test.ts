/** kill -9 at a few of the steps at which `npm run crash` kills at all of them. */
import { expect } from "chai";
import { chance } from "../../support/crash/chance.ts";
import { stageOf } from "../../support/crash/steps/kill.ts";
import { SCENARIOS } from "../../support/crash/steps/scenarios.ts";

/** Steps that most of these come to. */
const FAR = 200;

describe("kill -9 at a step leaves a store that has all that was answered, proves itself and goes on", () => {
  const seed = Math.floor(Math.random() * 1_000_000);
  let kills = 0;

  for (const scenario of SCENARIOS)
    it(`of ${scenario} (seed ${seed})`, async () => {
      const stage = await stageOf(scenario);
      const luck = chance(seed, scenario);
      // Soon, where each step is another one, as often as later.
      const nth = Math.ceil(FAR ** luck.real());
      try {
        const { killed, problems } = await stage.kill("*", nth);
        expect(problems, `step ${nth}`).to.deep.equal([]);
        if (killed) kills += 1;
      } finally {
        stage.remove();
      }
    }).timeout(60_000);

  it("and killed it was", () => {
    expect(kills).to.be.greaterThan(0);
  });
});

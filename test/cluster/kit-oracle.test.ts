/** The kit beside a CustomResourceDefinition of the same shape: the same requests, the same answers. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { sqliteStore } from "#store/sqlite.ts";
import { gadgets, OUR_GROUP } from "../conformance/api/gadget.ts";
import { judge, KNOWN } from "../conformance/api/known.ts";
import { type Oracle, startOracle } from "../conformance/api/oracle.ts";
import { SCENARIOS } from "../conformance/api/scenarios.ts";
import { agreeOnSequences, report } from "../conformance/api/sequences.ts";
import { serveBehind } from "../support/kit-api.ts";

describe("the kit and a CustomResourceDefinition", function () {
  this.timeout(180_000);
  let directory: string;
  let oracle: Oracle;

  before(async function () {
    this.timeout(1_200_000);
    directory = await mkdtemp(join(tmpdir(), "hoop-oracle-"));
    oracle = await startOracle(OUR_GROUP, async (plane) => {
      const store = await sqliteStore(join(directory, "objects.db"));
      const api = await serveBehind(plane, [gadgets(store)]);
      return async () => {
        await api.close();
        await store.close();
      };
    });
  });
  after(async () => {
    await oracle?.close();
    await rm(directory, { recursive: true, force: true });
  });

  // `test/conformance/api/run.ts` goes on for as long as one likes.
  it("answer random sequences of requests alike", async () => {
    const agreed = await agreeOnSequences(oracle, { seed: 20_261_121, sequences: 50, steps: 40 });
    expect(agreed).to.be.above(400);
  });

  for (const [name, steps] of Object.entries(SCENARIOS))
    it(`answer alike: ${name}`, async () => {
      const { found } = await oracle.run(steps, judge);
      expect(report(found.filter((each) => judge(each) === "unexpected"))).to.equal("");
    });

  for (const { name, example, covers } of KNOWN)
    it(`differ, as is known: ${name}`, async () => {
      const { found } = await oracle.run(example, judge);
      expect(found.some(covers), "it does no longer: take it off the list").to.equal(true);
      expect(report(found.filter((each) => judge(each) === "unexpected"))).to.equal("");
    });
});

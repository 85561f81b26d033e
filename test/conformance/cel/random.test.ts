/** A few random expressions; `long.ts` beside this compares as many as one likes. */
import { expect } from "chai";
import { compare, isGenerous } from "./compare.ts";

const COUNT = 300;

describe("random CEL over random objects, here and in Kubernetes", () => {
  it("has the same results, and is never more generous", async () => {
    const differences = await compare(COUNT, 1);
    expect(differences.filter(isGenerous)).to.deep.equal([]);
    expect(differences.length / COUNT, JSON.stringify(differences)).to.be.below(0.01);
  });
});

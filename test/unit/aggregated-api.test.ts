import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { expect } from "chai";

const ROOT = resolve(import.meta.dirname, "..", "..");
const TEXT = readFileSync(join(ROOT, "docs", "aggregated-api.md"), "utf8");

/** How many items each letter of the contract has. */
const ITEMS: Readonly<Record<string, number>> = {
  ...{ A: 6, B: 8, C: 4, D: 5, E: 6, F: 5, G: 10, H: 10, I: 1, J: 2, K: 5, L: 3 },
};

interface Row {
  item: string;
  what: string;
  done: string[];
  proved: string[];
}

function rows(text: string): Row[] {
  return [...text.matchAll(/^\| ([A-Z]\d+) \| (.*) \| (.*) \| (.*) \|$/gm)].map(
    ([, item = "", what = "", done = "", proved = ""]) => ({
      item,
      what,
      done: filesIn(done),
      proved: filesIn(proved),
    }),
  );
}

function filesIn(cell: string): string[] {
  return [...cell.matchAll(/`([^`]+)`/g)].map(([, name = ""]) =>
    name.replace(/^kit\//, "apiserver-ext/kit/"),
  );
}

describe("the table of the aggregated API's contract", () => {
  it("has one row for each item, in order", () => {
    const expected = Object.entries(ITEMS).flatMap(([letter, count]) =>
      Array.from({ length: count }, (_, at) => `${letter}${at + 1}`),
    );
    expect(rows(TEXT).map(({ item }) => item)).to.deep.equal(expected);
  });

  it("says of each where it is done and what proves it", () => {
    const lacking = rows(TEXT).filter(
      ({ done, proved }) => done.length === 0 || !proved.some((file) => file.startsWith("test/")),
    );
    expect(lacking).to.deep.equal([]);
  });

  it("names only files that are there", () => {
    const mentioned = filesIn(TEXT).filter((name) => /\/.*\.\w+$|^\w+\.ts$/.test(name));
    const named = new Set([...rows(TEXT).flatMap(({ done, proved }) => [...done, ...proved]), ...mentioned]);
    expect(named.size).to.be.greaterThan(50);
    expect([...named].filter((name) => !existsSync(join(ROOT, name)))).to.deep.equal([]);
  });

  it("gives a reason for everything that is left out", () => {
    const leftOut = rows(TEXT).filter(({ what }) => /left out/i.test(what));
    expect(leftOut.length).to.be.greaterThan(5);
    const withoutReason = leftOut.filter(({ what }) => !/left out[^:]*: \S+ \S+/i.test(what));
    expect(withoutReason.map(({ item }) => item)).to.deep.equal([]);
  });
});

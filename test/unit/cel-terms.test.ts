/** The parts of an expression, as they stand in its text. */
import { expect } from "chai";
import { type Term, termOf } from "#core/cel/terms.ts";

/** `text[part, part]`, and so on below. */
function written(term: Term): string {
  const parts = term.parts.map(written).join(" ; ");
  return parts === "" ? term.text : `${term.text} [${parts}]`;
}

describe("the terms of an expression", () => {
  const cases: Record<string, string> = {
    "a.b.c": "a.b.c",
    "1 + 2": "1 + 2",
    "a.b == 1": "a.b == 1 [a.b]",
    "a && b && c": "a && b && c [a ; b ; c]",
    "(a || b) && !c": "(a || b) && !c [a || b [a ; b] ; !c [c]]",
    "a ? b : c": "a ? b : c [a ; b ; c]",
    "has(a.b) && a.?b.orValue('')  == 'x'":
      "has(a.b) && a.?b.orValue('')  == 'x' [has(a.b) ; a.?b.orValue('')  == 'x' [a.?b.orValue('') [a.?b]]]",
    "a.list.exists(x, x.y == b)": "a.list.exists(x, x.y == b) [a.list]",
    "a.map(x, x).filter(x, x > 1).size() > 0":
      "a.map(x, x).filter(x, x > 1).size() > 0 [a.map(x, x).filter(x, x > 1).size() [a.map(x, x).filter(x, x > 1) [a.map(x, x) [a]]]]",
    "a['b'] in ['c', d]": "a['b'] in ['c', d] [a['b'] [a] ; ['c', d] [d]]",
    "!( a )": "!( a ) [a]",
    "-a.b < -1": "-a.b < -1 [-a.b [a.b]]",
    "{'k': a}.k": "{'k': a}.k [{'k': a} [a]]",
  };
  for (const [expression, terms] of Object.entries(cases))
    it(`are told of ${expression}`, () => {
      const term = termOf(expression);
      expect(term === undefined ? undefined : written(term)).to.equal(terms);
    });

  it("say how they come together", () => {
    const kinds = ["a && b", "a || b", "!a", "a == b"].map((text) => termOf(text)?.kind);
    expect(kinds).to.deep.equal(["all", "any", "not", "other"]);
  });

  it("are none of what is no expression", () => {
    expect(termOf("a &&")).to.equal(undefined);
  });
});

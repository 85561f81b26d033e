/** What words a text has, and how they are asked for. */
import { expect } from "chai";
import { hasTerm, termsOf, wordsOf, wordsOfJson } from "#core/ledger/words.ts";

describe("words", () => {
  const texts: Record<string, [text: string, words: string[]]> = {
    "letters and digits, in lower case": ["Deploy nginx:1.25!", ["deploy", "nginx", "1", "25"]],
    "names in their parts": ["kube-system_a/b", ["kube", "system", "a", "b"]],
    "letters of any script": ["Größe ＦＵＬＬ Ⅷ 日本", ["größe", "full", "viii", "日本"]],
    "none of what has none": ["--- \u0000 ** 🙂", []],
    "a long one in pieces": ["x".repeat(250), ["x".repeat(100), "x".repeat(100), "x".repeat(50)]],
  };
  for (const [what, [text, words]] of Object.entries(texts))
    it(`are ${what}`, () => expect(wordsOf(text)).to.deep.equal(words));

  it("are of keys and values in JSON, however they are escaped, and numbers keep their digits", () => {
    const json = String.raw`{"a\u0062":["x\ny",12345678901234567890,true,null,{"c":""}]}`;
    expect(wordsOfJson(json)).to.deep.equal(["ab", "x", "y", "12345678901234567890", "true", "null", "c"]);
  });

  it("are found at once in what would take normalization hours, and in megabytes of escapes", () => {
    const marks = `a${"\u0301\u0327".repeat(500_000)} end`;
    expect(wordsOf(marks).at(-1)).to.equal("end");
    for (const text of ["\\n", '\\"', "x"])
      expect(wordsOfJson(`{"a":"${text.repeat(5_000_000)} end"}`).at(-1)).to.equal("end");
  });

  const questions: Record<string, [asked: string, text: string, found: boolean]> = {
    "every one, in any order": ["nginx deploy", "deploy of nginx", true],
    "not where one is missing": ["nginx deploy", "nginx", false],
    "whole ones": ["ngin", "nginx", false],
    "the beginning of one": ["ngin*", "nginx", true],
    "nothing by its end": ["*inx", "nginx", false],
    "what has no space in it, in a row": ["kube-system", "system kube", false],
    "what stands in quotes, in a row": ['"run as root"', "as root run", false],
    "what stands in quotes, wherever": ['"as root"', "run as root of it", true],
    "the beginning of the last in quotes": ['"as ro"*', "run as root", true],
    "an address": ["10.0.0.1", "to 10.0.0.1:443", true],
    "no address with the same numbers": ["10.0.0.1", "1 0 0 10", false],
    "a row whose beginning stands before it": ["a-a-b", "a a a b", true],
    "the beginning of the last of such a row": ['"a a b"*', "a a a bc", true],
    "no row that is cut off": ["a-b", "b a", false],
  };
  for (const [what, [asked, text, found]] of Object.entries(questions))
    it(`find ${what}`, () => {
      const terms = termsOf(asked);
      if (typeof terms === "string") throw new Error(terms);
      expect(terms.every((term) => hasTerm(wordsOf(text), term))).to.equal(found);
    });

  it("are looked at once each, however long a row of them is asked for", () => {
    let looked = 0;
    const words = new Proxy(Array<string>(20_000).fill("a"), {
      get: (all, at) => {
        looked += 1;
        return Reflect.get(all, at);
      },
    });
    for (const prefix of [false, true]) {
      looked = 0;
      expect(hasTerm(words, { words: [...Array<string>(490).fill("a"), "b"], prefix })).to.equal(false);
      expect(looked).to.be.within(20_000, 200_000);
    }
  });

  it("are refused where there are none, or too many", () => {
    expect(termsOf("- *")).to.equal("there is no word in it");
    expect(termsOf("a ".repeat(21))).to.equal("more than 20 words");
    expect(termsOf("a".repeat(1001))).to.equal("more than 1000 characters");
  });
});

/**
 * The expressions of the CEL specification's own tests, which come with the oracle's modules: what Kubernetes makes of
 * them is what we do.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { go } from "#controlplane/go.ts";
import { INPUT } from "./cases.ts";
import { type Answer, ask, SOURCE } from "./oracle.ts";
import { answer, gist } from "./ours.ts";

const FILES = [
  ...["basic", "comparisons", "conversions", "fields", "fp_math", "integer_math", "lists", "logic", "macros"],
  ...["macros2", "namespace", "optionals", "parse", "plumbing", "string", "string_ext", "timestamps"],
  "type_deduction",
];
const EXPRESSION = /^\s*expr:\s*(?:"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)')/gm;
const LETTERS: Readonly<Record<string, number>> = { n: 10, r: 13, t: 9, a: 7, b: 8, f: 12, v: 11 };

/** A text in the format of protocol buffers: its escapes are bytes of UTF-8. */
function unescaped(text: string): string {
  const parts = text.matchAll(/\\(?:([0-7]{1,3})|x([0-9a-fA-F]{1,2})|(.))|([^\\]+)/gs);
  const bytes = [...parts].map(([, octal, hex, letter, plain]) => {
    if (plain !== undefined) return Buffer.from(plain);
    if (letter !== undefined) return Buffer.from([LETTERS[letter] ?? letter.charCodeAt(0)]);
    return Buffer.from([octal === undefined ? Number.parseInt(hex ?? "", 16) : Number.parseInt(octal, 8)]);
  });
  return Buffer.concat(bytes).toString();
}

async function expressions(): Promise<string[]> {
  const said = await go(SOURCE, ["mod", "download", "-json", "cel.dev/expr"]);
  const { Dir: module } = JSON.parse(said) as { Dir: string };
  const texts = FILES.map((file) =>
    readFileSync(join(module, "tests", "simple", "testdata", `${file}.textproto`), "utf8"),
  );
  const all = texts.flatMap((text) =>
    [...text.matchAll(EXPRESSION)].map(([, a, b]) => unescaped(a ?? b ?? "")),
  );
  return [...new Set(all)];
}

/** Messages of protocol buffers are refused here. */
const MESSAGE = /[A-Za-z]\s*\{/;

describe("the expressions of the CEL specification's tests", () => {
  let all: string[];
  let theirs: Answer[];
  before(async () => {
    all = (await expressions()).filter((expression) => !MESSAGE.test(expression));
    theirs = await ask(all.map((expression) => ({ expression, variables: INPUT })));
  });

  it("are many, and most of them have a value in Kubernetes", () => {
    expect(all.length).to.be.above(1_000);
    expect(theirs.filter((said) => said.value !== undefined).length).to.be.above(500);
  });

  it("have the same results here", () => {
    const found = all.flatMap((expression, i) => {
      const [own, other] = [gist(answer({ expression }, INPUT)), gist(theirs[i] ?? {})];
      return own === other ? [] : [`${expression}: ${own}, Kubernetes: ${other}`];
    });
    expect(found).to.deep.equal([]);
  });
});

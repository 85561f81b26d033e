/** Expressions of the cases, each with a few pieces left out, repeated, exchanged or put in: mostly no CEL any more. */
import fc, { type GeneratorValue } from "fast-check";
import { CASES } from "./cases.ts";
import { LIBRARY_CASES } from "./libraries.ts";

const ALL = Object.values({ ...CASES, ...LIBRARY_CASES })
  .flat()
  .filter((text) => !text.includes("lists.range"));
const PIECE = /[A-Za-z_][A-Za-z0-9_]*|[0-9.]+|\s+|'[^']*'|==|!=|<=|>=|&&|\|\||[\s\S]/g;
const EXTRA = [
  ..."()[]{}.,:?!-+*/%<>=&|'\"`\\@#$~^;".split(""),
  ...[
    "==",
    "&&",
    "||",
    "in",
    "null",
    "true",
    "1",
    "1.5",
    "0x",
    "1u",
    "'",
    "'a'",
    "b'",
    "r'",
    "'''",
    " ",
    "\n",
    "//",
  ],
  ...[
    "object",
    "has(",
    ".?",
    "[?",
    ".map(x, x)",
    "dyn(",
    "-1",
    "é",
    "\u0000",
    "\\u",
    "x",
    ".size()",
    "? 1 : 2",
  ],
];

function edited(pieces: readonly string[], draw: GeneratorValue): string[] {
  const at = draw(fc.nat, Math.max(0, pieces.length - 1));
  const [before, one, after] = [pieces.slice(0, at), pieces[at] ?? "", pieces.slice(at + 1)];
  const other = pieces[draw(fc.nat, Math.max(0, pieces.length - 1))] ?? "";
  const extra = EXTRA[draw(fc.nat, EXTRA.length - 1)] ?? "";
  const edits = [[], [one, one], [other], [extra], [extra, one], [one, extra]];
  return [...before, ...(edits[draw(fc.nat, edits.length - 1)] ?? []), ...after];
}

/** Such an expression. */
export const mutated: fc.Arbitrary<string> = fc.gen().map((draw) => {
  let pieces: string[] = (ALL[draw(fc.nat, ALL.length - 1)] ?? "").match(PIECE) ?? [];
  for (let edits = draw(fc.nat, 2); edits >= 0; edits--) pieces = edited(pieces, draw);
  return pieces.join("");
});

import { expect } from "chai";
import { printable } from "#core/printable.ts";

const CASES: Record<string, [text: string, shown: string]> = {
  "plain text": ["delete namespace prod", "delete namespace prod"],
  "letters of any script": ["é漢字Ωж 😀", "é漢字Ωж 😀"],
  "a terminal sequence": ["\u001b[2K\u009b31mgone", "\\u{1b}[2K\\u{9b}31mgone"],
  "carriage return, backspace, delete, NUL": ["a\rb\bc\u007fd\0", "a\\u{d}b\\u{8}c\\u{7f}d\\u{0}"],
  "bidi embeddings and overrides": [
    "\u202a\u202b\u202c\u202d\u202e",
    "\\u{202a}\\u{202b}\\u{202c}\\u{202d}\\u{202e}",
  ],
  "bidi isolates": ["\u2066\u2067\u2068\u2069", "\\u{2066}\\u{2067}\\u{2068}\\u{2069}"],
  "bidi marks": ["\u200e\u200f\u061c", "\\u{200e}\\u{200f}\\u{61c}"],
  "zero-width characters": [
    "\u200b\u200c\u200d\u2060\ufeff",
    "\\u{200b}\\u{200c}\\u{200d}\\u{2060}\\u{feff}",
  ],
  "soft hyphen, fillers, blank braille": [
    "\u00ad\u3164\u115f\uffa0\u2800",
    "\\u{ad}\\u{3164}\\u{115f}\\u{ffa0}\\u{2800}",
  ],
  "tags and variation selectors": ["\u{e0041}\ufe0f\u{e0100}", "\\u{e0041}\\u{fe0f}\\u{e0100}"],
  "spaces that are no space": ["\u00a0\u2003\u3000", "\\u{a0}\\u{2003}\\u{3000}"],
  "line and paragraph separators": ["\u2028\u2029", "\\u{2028}\\u{2029}"],
  "half a surrogate pair": ["\ud83d|\ude00", "\\u{d83d}|\\u{de00}"],
};

describe("core/printable", () => {
  for (const [name, [text, shown]] of Object.entries(CASES))
    it(`shows ${name}`, () => {
      expect(printable(text)).to.equal(shown);
      expect(printable(text, { multiline: true })).to.equal(shown);
    });

  it("keeps line feeds and tabs only where they are wanted", () => {
    expect(printable("a\n\tb")).to.equal("a\\u{a}\\u{9}b");
    expect(printable("a\n\tb\r\n", { multiline: true })).to.equal("a\n\tb\\u{d}\n");
  });

  it("does not cut", () => {
    expect(printable("x".repeat(100_000))).to.have.lengthOf(100_000);
  });
});

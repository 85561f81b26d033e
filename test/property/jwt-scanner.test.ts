/** Tokens in a stream: for any text around them, and any way to cut it. */
import { expect } from "chai";
import fc from "fast-check";
import { JwtScanner } from "#core/mask/jwt-scanner.ts";

const MASKED = "[masked: token]";
const part = fc.string({ unit: fc.constantFrom(..."aEeyJ09-_"), minLength: 10, maxLength: 40 });
const token = fc.tuple(part, part, part).map(([head, claims, proof]) => `eyJ${head}.${claims}.${proof}`);
/** Without the beginning of a token, or what goes on with it. */
const around = fc
  .string({ unit: fc.constantFrom(..."ey {\n\"':,é"), maxLength: 20 })
  .map((text) => ` ${text} `);
const cuts = fc.array(fc.nat({ max: 300 }), { maxLength: 30 });

function scanned(text: string, at: readonly number[]): string {
  const bytes = Buffer.from(text);
  const ends = [...at.map((one) => Math.min(one, bytes.length)), bytes.length].sort((a, b) => a - b);
  const scanner = new JwtScanner();
  const parts = ends.map((end, index) => scanner.push(bytes.subarray(ends[index - 1] ?? 0, end)));
  return Buffer.concat([...parts, scanner.end()]).toString();
}

describe("JSON Web Tokens in a stream", () => {
  it("are masked, and nothing else is, however it is cut", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(around, token)), around, cuts, (parts, last, at) => {
        const text = parts.map(([before, one]) => before + one).join("") + last;
        // Their first two characters may have been shown before anybody could tell.
        const shown = parts.map(([before]) => `${before}ey${MASKED}`).join("") + last;
        expect(scanned(text, at)).to.equal(shown);
      }),
    );
  });

  it("are told from what only begins as they do", () => {
    const pieces = fc.constantFrom(
      "eyJ",
      "e",
      "ey",
      "eyJhbGciOiJ9.x",
      "eye.J.",
      " ",
      "\n",
      "yJ",
      "eeyyJ.a b.c",
    );
    fc.assert(
      fc.property(fc.array(pieces), cuts, (parts, at) => {
        const text = parts.join(" ");
        expect(scanned(text, at)).to.equal(text);
      }),
    );
  });

  it("are no reason to hold back whatever is longer than any token", () => {
    const text = `eyJ${"a".repeat(200_000)}`;
    expect(new JwtScanner().push(Buffer.from(text)).length).to.be.greaterThan(60_000);
    expect(scanned(text, [])).to.equal(text);
  });
});

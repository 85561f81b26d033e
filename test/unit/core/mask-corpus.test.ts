/** The patterns of masks against what tools write, and against what is like it and is none. */
import { globSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { expect } from "chai";
import { parseAllDocuments } from "yaml";
import { isObject, type Json, type JsonObject } from "#core/admission.ts";
import { mayLookSecret } from "#core/mask/hints.ts";
import { maskAnswer, maskText } from "#core/mask.ts";
import { NEAR_MISSES, POSITIVES } from "../../support/mask-corpus.ts";

const inMap = (text: string): JsonObject => ({ kind: "ConfigMap", data: { "a.txt": text } });

describe("a mask in any text", () => {
  for (const [what, { secret, texts }] of Object.entries(POSITIVES))
    it(`hides ${what}`, () => {
      for (const text of texts) {
        expect(text).to.include(secret.slice(0, 20));
        const masked = maskText(text);
        expect(masked, text).to.include("[masked: ").and.not.include(secret.slice(0, 20));
        expect(maskText(masked), text).to.equal(masked);
        expect(JSON.stringify(maskAnswer(inMap(text)))).not.to.include(secret.slice(0, 20));
        expect(mayLookSecret(Buffer.from(JSON.stringify(inMap(text)))), text).to.equal(true);
      }
    });

  it("finds each of them wherever it begins", () => {
    const tokens = [..."abcdefghijklmnopqrstuvwxyz0123456789"].map((last) => `abcde${last}.0123456789abcdef`);
    const all = Object.values(POSITIVES).flatMap(({ texts }) => texts);
    for (const text of [...all, ...tokens])
      for (const before of ["", " ", "  ", "   "]) {
        const json = JSON.stringify(inMap(before + text));
        expect(mayLookSecret(Buffer.from(json)), json).to.equal(true);
      }
  });

  it("shows all of what Hoop itself is installed with", async () => {
    const files = globSync("deploy/**/*.yaml").filter((one) => !one.includes("/tests/"));
    expect(files.length).to.be.greaterThan(20);
    for (const file of files) {
      const text = await readFile(file, "utf8");
      const code = text.replaceAll(/(?<=^|\s)#.*$/gm, "");
      expect(maskText(code), file).to.equal(code);
      for (const document of parseAllDocuments(text)) {
        const object: unknown = document.toJS();
        if (isObject(object as Json)) expect(maskAnswer(object as JsonObject), file).to.equal(object);
      }
    }
  });

  for (const text of NEAR_MISSES)
    it(`shows ${JSON.stringify(text)}`, () => expect(maskText(text)).to.equal(text));
});

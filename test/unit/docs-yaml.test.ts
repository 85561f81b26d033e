/** Every YAML block of the documentation is what kubectl takes for the same: its parser knows less than YAML 1.2, and more. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { isScalar, parseAllDocuments, visit } from "yaml";

const ROOT = join(import.meta.dirname, "..", "..");

/** What YAML 1.1 takes for a bool and YAML 1.2 for a string. */
const OLD_BOOL = /^(?:y|n|yes|no|on|off)$/i;

/** In `{}` and `[]` kubectl ends an unquoted text at these. */
const ENDS = /[?[\]{}]/;

function misread(block: string): string[] {
  const told: string[] = [];
  for (const document of [...parseAllDocuments(block, { prettyErrors: false })]) {
    told.push(...document.errors.map(({ message }) => message));
    visit(document, {
      Scalar: (_, { type, source = "" }, path) => {
        if (type !== "PLAIN") return;
        const isInFlow = path.some((node) => "flow" in node && node.flow === true);
        if (isInFlow && ENDS.test(source)) told.push(`not quoted: ${source}`);
        if (OLD_BOOL.test(source)) told.push(`a bool to some: ${source}`);
      },
    });
    if (isScalar(document.contents) && document.contents.value !== null) told.push("no object and no list");
  }
  return told;
}

const pages = readdirSync(join(ROOT, "docs"), { recursive: true, encoding: "utf8" })
  .filter((name) => name.endsWith(".md"))
  .map((name) => join("docs", name));

describe("the YAML of the documentation", () => {
  const blocks = ["README.md", ...pages].flatMap((page) => {
    const text = readFileSync(join(ROOT, page), "utf8");
    return [...text.matchAll(/^```yaml\n(.*?)^```$/gms)].map(({ index, 1: yaml = "" }) => ({
      place: `${page}:${text.slice(0, index).split("\n").length + 1}`,
      yaml,
    }));
  });

  it("is found", () => expect(blocks.length).to.be.greaterThan(40));

  for (const { place, yaml } of blocks)
    it(`can be applied as it stands at ${place}`, () => expect(misread(yaml)).to.deep.equal([]));

  for (const wrong of [
    "{ expression: object.spec.?replicas }",
    "[a?b]",
    "mode: Off",
    "- name: y",
    "a: {",
    "just words",
  ])
    it(`would not be, with ${wrong}`, () => expect(misread(wrong)).not.to.deep.equal([]));

  for (const right of [
    '{ expression: "object.spec.?replicas" }',
    "expression: object.spec.?replicas",
    'mode: "Off"',
    "",
  ])
    it(`may have ${JSON.stringify(right)}`, () => expect(misread(right)).to.deep.equal([]));
});

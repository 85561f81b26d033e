/** docs/guides/doctor.md says of each check what the code has. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { CHECKS } from "#core/doctor/examine.ts";

const ROOT = join(import.meta.dirname, "..", "..");
const guide = readFileSync(join(ROOT, "docs", "guides", "doctor.md"), "utf8");

describe("the guide to doctor", () => {
  for (const { id, title, severity, judged, ways, control } of CHECKS)
    it(`has ${id} as it is`, () => {
      expect(guide).to.contain(
        `| \`${id}\` | ${title} | ${severity} | ${judged ?? "the same"} | ${ways.join(", ")} | ${control} |`,
      );
    });

  it("has every finding that the code can make", () => {
    const files = ["core/doctor", "cli/doctor"].flatMap((folder) =>
      readdirSync(join(ROOT, folder)).map((name) => readFileSync(join(ROOT, folder, name), "utf8")),
    );
    const ids = new Set(
      files.flatMap((text) => [...text.matchAll(/\bid: "([a-z-]+)"/g)].map(([, id = ""]) => id)),
    );
    expect(ids.size).to.be.greaterThan(CHECKS.length);
    expect([...ids].filter((id) => !guide.includes(`\`${id}\``))).to.deep.equal([]);
  });

  it("lists every way that a check names", () => {
    const listed = [...guide.matchAll(/^\| (\d[\d–, ]*) \| /gm)].flatMap(([, numbers = ""]) =>
      numbers.split(", ").flatMap((part) => {
        const [from = 0, to = from] = part.split("–").map(Number);
        return Array.from({ length: to - from + 1 }, (_, at) => from + at);
      }),
    );
    const named = [...guide.matchAll(/^\| `.*\| ([\d, ]+) \| [A-Z]{2}-\d+ \|$/gm)].flatMap(
      ([, numbers = ""]) => numbers.split(", ").map(Number),
    );
    expect(named.length).to.be.greaterThan(CHECKS.length);
    expect(named.filter((way) => !listed.includes(way))).to.deep.equal([]);
  });
});

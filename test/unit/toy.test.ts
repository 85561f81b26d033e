import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";

const FOLDER = join(import.meta.dirname, "..", "toy");

describe("the toy API", () => {
  it("is fewer than 80 lines: what an API on the kit costs", () => {
    const lines = readdirSync(FOLDER).flatMap((name) =>
      readFileSync(join(FOLDER, name), "utf8").trimEnd().split("\n"),
    );
    expect(lines.length).to.be.within(1, 79);
  });
});

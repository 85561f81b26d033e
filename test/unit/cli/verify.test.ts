import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { largeLedger } from "../../support/ledger/exported.ts";
import { PUBLIC_KEY } from "../../support/ledger/made.ts";
import { hoop } from "./scripted.ts";

describe("kubectl hoop verify", () => {
  let scratch: string;
  const at = (name: string) => join(scratch, name);
  const verify = async (...args: string[]) => {
    const { stdout, stderr, code } = await hoop(["verify", ...args, "--key", PUBLIC_KEY]);
    return { code, said: `${stdout}${stderr}`.replaceAll(`${scratch}/`, "") };
  };
  before(() => {
    scratch = mkdtempSync(join(tmpdir(), "hoop-verify-"));
  });
  after(() => rmSync(scratch, { recursive: true, force: true }));

  it("says what it was held against, how much has come since, and what is kept", async () => {
    const [file, kept] = [at("hoop.db"), at("kept")];
    await largeLedger(file, 10);
    const first = await verify(file, "--keep", kept);
    expect(first.code, first.said).to.equal(0);
    expect(first.said)
      .to.contain("\nkept     kept, the checkpoint of 11 entries.\n")
      .and.not.to.contain("against");
    expect((await verify(file, "--keep", kept)).said).to.contain(
      "\nagainst  kept, a checkpoint of 11 entries: it is the same ledger, and no longer.\nkept     kept,",
    );
    await largeLedger(file, 5);
    const { said } = await verify(file, "--keep", kept);
    expect(said).to.contain(
      "\nagainst  kept, a checkpoint of 11 entries: it has grown by 5 since, and nothing else.\n" +
        "kept     kept, the checkpoint of 16 entries.\n",
    );
  });

  it("says it for programs", async () => {
    const [file, kept] = [at("json.db"), at("json-kept")];
    await largeLedger(file, 2);
    await verify(file, "--keep", kept);
    const { said } = await verify(file, "--checkpoint", kept, "-o", "json");
    expect(JSON.parse(said).against).to.deep.equal([{ file: "json-kept", entries: 3 }]);
    expect(JSON.parse(said)).to.not.have.property("kept");
  });

  it("says nothing of a history that it does not go on from, but that it is another", async () => {
    const [one, other, kept] = [at("one.db"), at("other.db"), at("one-kept")];
    await largeLedger(one, 3);
    await largeLedger(other, 2);
    await verify(one, "--keep", kept);
    const { code, said } = await verify(other, "--keep", kept);
    expect(code).to.equal(1);
    expect(said).to.contain("FOUND    rolled back").and.not.to.contain("against ");
    expect(said).to.not.contain("kept     ");
  });

  it("says of a part of a ledger which checkpoints it cannot be held against", async () => {
    const [file, part, kept] = [at("part.db"), at("part.jsonl"), at("part-kept")];
    await largeLedger(file, 4);
    await verify(file, "--keep", kept);
    await largeLedger(file, 4);
    await hoop(["export", file, "--key", PUBLIC_KEY, "--kind", "configuration", "-f", part]);
    const { code, said } = await verify(part, "--checkpoint", kept);
    expect(code, said).to.equal(0);
    expect(said).to.contain(
      "against  part-kept, a checkpoint of 5 entries: of this one a part of the ledger cannot tell.\n",
    );
    expect(said).to.contain(
      "against  part.jsonl.checkpoint, a checkpoint of 9 entries: the one that it is of.\n",
    );
  });
});

import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { formatSigner, parseVerifierKey } from "#core/log/keys.ts";
import { addKey, ledgerKeys, passingKeys, verifierKeys } from "#ledger/key-file.ts";
import { thrown } from "../../conformance/store/steps.ts";

const key = (name: string, seed: number) => formatSigner(name, Buffer.alloc(32, seed));

describe("the file of the ledger's keys", () => {
  let directory: string;
  let file: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "hoop-key-"));
    file = join(directory, "ledger.key");
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  it("is made where there is none, for its owner alone, and is the same from then on", async () => {
    const made = await ledgerKeys(file);
    expect(made.origin).to.match(/^hoop\.dev\/ledger\/[0-9a-f]{16}$/);
    expect(made.signers).to.have.length(1);
    expect(await ledgerKeys(file)).to.deep.equal(made);
    expect(statSync(file).mode & 0o077).to.equal(0);
    expect(passingKeys().origin).not.to.equal(made.origin);
  });

  it("takes a new key of the same ledger before the others", async () => {
    const before = await ledgerKeys(file);
    const after = await addKey(file);
    expect(after.origin).to.equal(before.origin);
    expect(after.signers.slice(1)).to.deep.equal(before.signers);
    expect(await ledgerKeys(file)).to.deep.equal(after);
    expect(verifierKeys(after).map((text) => parseVerifierKey(text).name)).to.deep.equal([
      after.origin,
      after.origin,
    ]);
  });

  it("may have comments and empty lines", async () => {
    writeFileSync(file, `# since 2026\n\n${key("a", 1)}\n  ${key("a", 2)}\n`);
    expect(await ledgerKeys(file)).to.deep.equal({ origin: "a", signers: [key("a", 1), key("a", 2)] });
  });

  const WRONG: Record<string, { text: string; says: string }> = {
    "without a key": { text: "# none\n", says: "holds no key" },
    "with something else": { text: `${key("a", 1)}\nhunter2\n`, says: "line 2 of" },
    "of several ledgers": { text: `${key("a", 1)}\n${key("b", 1)}\n`, says: "several ledgers: a, b" },
  };
  for (const [name, { text, says }] of Object.entries(WRONG))
    it(`is refused ${name}, and its content is not told`, async () => {
      writeFileSync(file, text);
      const said = String(await thrown(() => ledgerKeys(file)));
      expect(said).to.contain(says);
      expect(said).not.to.contain("PRIVATE").and.not.to.contain("hunter2");
      expect(readFileSync(file, "utf8")).to.equal(text);
    });

  it("is not made for a new key alone: whose ledger it is would not be known", async () => {
    expect(String(await thrown(() => addKey(file)))).to.contain("there is no");
  });
});

import { expect } from "chai";
import { checkProof, formatProof, parseProof } from "#core/log/proof-file.ts";
import { proveInclusion } from "#core/log/prove.ts";
import { entriesUpTo, entryAt, logOf, readerOf, trust } from "./made.ts";

const SIZE = 300;
const log = logOf(entriesUpTo(SIZE));
const { tile = () => undefined } = readerOf(log);

async function proofOf(index: number): Promise<string> {
  const hashes = await proveInclusion(index, SIZE, tile);
  return formatProof({ index, hashes, checkpoint: log.checkpoints.join("") });
}

describe("a proof that is handed out", () => {
  it("proves its entry to whoever has the log's key", async () => {
    for (const index of [0, 1, 255, 256, 299]) {
      const checked = checkProof(await proofOf(index), entryAt(index), trust);
      expect(checked).to.have.property("kind", "proven");
      expect(checked).to.have.property("index", index);
    }
  });

  it("has the form of the specification", async () => {
    expect(await proofOf(299)).to.match(
      /^c2sp\.org\/tlog-proof@v1\nindex 299\n([A-Za-z0-9+/]{43}=\n){5}\nhoop\.example\.com\/log\n300\n/,
    );
  });

  it("proves no other entry, and not this one to others", async () => {
    const proof = await proofOf(7);
    expect(checkProof(proof, entryAt(8), trust)).to.have.property("kind", "refused");
    expect(checkProof(proof.replace("index 7", "index 8"), entryAt(7), trust)).to.have.property(
      "kind",
      "refused",
    );
    expect(checkProof(proof, entryAt(7), { ...trust, keys: [] })).to.deep.equal({
      kind: "refused",
      reason: "its checkpoint cannot be believed: no known key has signed it",
    });
  });

  it("proves nothing once any character is another", async () => {
    const proof = await proofOf(3);
    for (let at = 0; at < proof.length; at++) {
      const other = proof[at] === "A" ? "B" : "A";
      const altered = proof.slice(0, at) + other + proof.slice(at + 1);
      expect(checkProof(altered, entryAt(3), trust), `${at}`).to.have.property("kind", "refused");
    }
  });

  it("is read only as it would be written", async () => {
    const proof = await proofOf(3);
    expect(parseProof(proof)).to.have.property("index", 3);
    for (const wrong of [
      "",
      proof.replace("@v1", "@v2"),
      proof.replace("index 3", "index 03"),
      proof.replace("index 3", "extra AAAA\nindex 3"),
      proof.replace("=\n", "\n"),
      proof.replace("\n\n", "\n"),
      proof.replaceAll("\n", "\r\n"),
      ` ${proof}`,
    ])
      expect(checkProof(wrong, entryAt(3), trust), wrong).to.have.property("kind", "refused");
  });
});

import { expect } from "chai";
import fc from "fast-check";
import { decodeBundle, encodeBundle } from "#core/log/bundle.ts";
import { openCheckpoint, signCheckpoint } from "#core/log/checkpoint.ts";
import { decodeEntry, encodeEntry } from "#core/log/entry.ts";
import { leafHash, nodeHash } from "#core/log/hash.ts";
import { parseVerifierKey, signerFromSeed } from "#core/log/keys.ts";
import { isConsistent, isIncluded } from "#core/log/proof.ts";
import { proveConsistency, proveInclusion, rootFromTiles } from "#core/log/prove.ts";
import { parseTilePath, type Tile, tilePath } from "#core/log/tile.ts";
import { type TileBytes, Tiler } from "#core/log/tiler.ts";
import { decodeTree, EMPTY_TREE, encodeTree, grow, rootOf, type Tree } from "#core/log/tree.ts";

const LARGEST = 600;
const leaves = Array.from({ length: LARGEST }, (_, index) => leafHash(Buffer.from(`leaf ${index}`)));

/** RFC 6962, 2.1, as it is written there. */
function merkleTreeHash(hashes: readonly Buffer[]): Buffer {
  const [first] = hashes;
  if (first !== undefined && hashes.length === 1) return first;
  let middle = 1;
  while (middle * 2 < hashes.length) middle *= 2;
  return nodeHash(merkleTreeHash(hashes.slice(0, middle)), merkleTreeHash(hashes.slice(middle)));
}

const whole = new Tiler();
const full = whole.add(Buffer.concat(leaves));
const tiles = new Map(
  [...full, ...whole.partial()].map(({ tile, bytes }) => [`${tile.level} ${tile.index}`, bytes]),
);
/** Any tree up to LARGEST can be read from the tiles of the largest: a partial tile begins the later ones. */
const read = ({ level, index, width }: Tile) => tiles.get(`${level} ${index}`)?.subarray(0, width * 32);

const root = (size: number) => rootOf(grow(EMPTY_TREE, leaves.slice(0, size)));
const sizes = fc.integer({ min: 1, max: LARGEST });
const batches = fc.array(fc.integer({ min: 0, max: 90 }), { maxLength: 20 });

function flipped(bytes: Uint8Array, bit: number): Buffer {
  const copy = Buffer.from(bytes);
  const at = Math.floor(bit / 8) % copy.length;
  copy.writeUInt8(copy.readUInt8(at) ^ (1 << (bit % 8)), at);
  return copy;
}

describe("a Merkle tree, of any size", () => {
  it("has the root that RFC 6962 defines, in whatever batches it grew, put down between them", () => {
    fc.assert(
      fc.property(batches, (counts) => {
        let tree: Tree = EMPTY_TREE;
        for (const count of counts) {
          const { size } = tree;
          tree = decodeTree(encodeTree(grow(tree, leaves.slice(size, size + count))));
        }
        if (tree.size > 0) expect(rootOf(tree)).to.deep.equal(merkleTreeHash(leaves.slice(0, tree.size)));
      }),
    );
  });

  it("has the same tiles, in whatever batches it grew, put down between them", () => {
    fc.assert(
      fc.property(batches, (counts) => {
        const kept = new Map<string, TileBytes>();
        let tiler = new Tiler();
        for (const count of counts) {
          const { size } = tiler;
          const made = tiler.add(Buffer.concat(leaves.slice(size, size + count)));
          const partial = tiler.partial();
          for (const one of [...made, ...partial]) kept.set(tilePath(one.tile), one);
          tiler = new Tiler(tiler.size, partial);
        }
        for (const { tile, bytes } of kept.values()) expect(bytes).to.deep.equal(read(tile));
      }),
    );
  });

  it("has the same root by its tiles", async () => {
    await fc.assert(
      fc.asyncProperty(sizes, async (size) => {
        expect(await rootFromTiles(size, read)).to.deep.equal(root(size));
      }),
    );
  });
});

describe("proofs", () => {
  it("of every entry in every tree of up to 70 are believed, and for no other entry", async () => {
    for (let size = 1; size <= 70; size++) {
      const tree = { size, root: root(size) };
      for (let index = 0; index < size; index++) {
        const proof = await proveInclusion(index, size, read);
        const leaf = leaves[index] ?? tree.root;
        expect(isIncluded(leaf, index, tree, proof), `${index} of ${size}`).to.equal(true);
        expect(isIncluded(leaf, (index + 1) % size, tree, proof) && size > 1).to.equal(false);
      }
    }
  });

  it("of every pair of trees of up to 70 are believed, and for no other older size", async () => {
    for (let size = 1; size <= 70; size++)
      for (let older = 0; older <= size; older++) {
        const proof = await proveConsistency(older, size, read);
        const newer = { size, root: root(size) };
        expect(isConsistent({ size: older, root: root(older) }, newer, proof), `${older} ${size}`).to.equal(
          true,
        );
        expect(isConsistent({ size: older + 1, root: root(older) }, newer, proof)).to.equal(false);
      }
  });

  it("of inclusion fail with any bit flipped, a hash more or one less", async () => {
    await fc.assert(
      fc.asyncProperty(sizes, fc.nat(), fc.nat(), fc.nat(), async (size, one, which, bit) => {
        const index = one % size;
        const proof = await proveInclusion(index, size, read);
        const [leaf = Buffer.alloc(0), tree] = [leaves[index], { size, root: root(size) }];
        const altered = proof.map((hash, at) => (at === which % proof.length ? flipped(hash, bit) : hash));
        if (proof.length > 0) expect(isIncluded(leaf, index, tree, altered)).to.equal(false);
        expect(isIncluded(flipped(leaf, bit), index, tree, proof)).to.equal(false);
        expect(isIncluded(leaf, index, { size, root: flipped(tree.root, bit) }, proof)).to.equal(false);
        expect(isIncluded(leaf, index, tree, [...proof, leaf])).to.equal(false);
        if (proof.length > 0) expect(isIncluded(leaf, index, tree, proof.slice(1))).to.equal(false);
      }),
    );
  });

  it("of consistency fail with any bit flipped, a hash more or one less", async () => {
    await fc.assert(
      fc.asyncProperty(sizes, sizes, fc.nat(), fc.nat(), async (one, other, which, bit) => {
        const [older, newer] = [Math.min(one, other), Math.max(one, other)];
        const proof = await proveConsistency(older, newer, read);
        const [first, second] = [older, newer].map((size) => ({ size, root: root(size) }));
        if (first === undefined || second === undefined) throw new Error("two trees make two");
        const altered = proof.map((hash, at) => (at === which % proof.length ? flipped(hash, bit) : hash));
        if (proof.length > 0) expect(isConsistent(first, second, altered)).to.equal(false);
        expect(isConsistent({ ...first, root: flipped(first.root, bit) }, second, proof)).to.equal(false);
        expect(isConsistent(first, { ...second, root: flipped(second.root, bit) }, proof)).to.equal(false);
        expect(isConsistent(first, second, [...proof, first.root])).to.equal(false);
        if (proof.length > 0) expect(isConsistent(first, second, proof.slice(1))).to.equal(false);
      }),
    );
  });
});

describe("what lies in a log", () => {
  it("has a path for every tile, and a tile for that path alone", () => {
    const level = fc.oneof(fc.constant("entries" as const), fc.nat({ max: 63 }));
    const tile = fc.record({ level, index: fc.maxSafeNat(), width: fc.integer({ min: 1, max: 256 }) });
    fc.assert(
      fc.property(tile, (one) => {
        expect(parseTilePath(tilePath(one))).to.deep.equal(one);
      }),
    );
    fc.assert(
      fc.property(tile, fc.nat(), fc.constantFrom("", "0", "x", "/", ".p/1"), (one, at, more) => {
        const path = tilePath(one);
        const cut = at % path.length;
        const other = path.slice(0, cut) + more + path.slice(cut + 1);
        const parsed = parseTilePath(other);
        if (parsed !== undefined) expect(tilePath(parsed)).to.equal(other);
      }),
    );
  });

  it("comes out of a bundle as it went in", () => {
    const entries = fc.array(fc.uint8Array({ maxLength: 600 }).map((bytes) => Buffer.from(bytes)));
    fc.assert(
      fc.property(entries, (one) => {
        expect(decodeBundle(encodeBundle(one))).to.deep.equal(one);
      }),
    );
  });

  it("is read as an entry only as it would be written", () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string({ unit: "binary" }), fc.jsonValue()), fc.nat(), (entry, bit) => {
        const bytes = encodeEntry(JSON.parse(JSON.stringify(entry)));
        expect(encodeEntry(decodeEntry(bytes) ?? null)).to.deep.equal(bytes);
        const other = flipped(bytes, bit);
        const read = decodeEntry(other);
        if (read !== undefined) expect(encodeEntry(read)).to.deep.equal(other);
      }),
    );
  });

  it("is covered by a checkpoint that says so, until any bit of it is flipped", () => {
    const signer = signerFromSeed("log.example", Buffer.alloc(32, 3));
    const trust = { origin: "log.example", keys: [parseVerifierKey(signer.verifierKey)] };
    fc.assert(
      fc.property(fc.integer({ min: 1 }), fc.nat({ max: LARGEST }), fc.nat(), (size, from, bit) => {
        const checkpoint = { origin: "log.example", size, root: root(from) };
        const note = Buffer.from(signCheckpoint(checkpoint, [signer]));
        expect(openCheckpoint(note, trust)).to.deep.include({ kind: "checkpoint", checkpoint });
        expect(openCheckpoint(flipped(note, bit), trust).kind).to.equal("refused");
      }),
    );
  });
});

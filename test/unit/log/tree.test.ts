import { createHash } from "node:crypto";
import { expect } from "chai";
import { leafHash, MAX_ENTRY_BYTES, nodeHash } from "#core/log/hash.ts";
import { isConsistent, isIncluded } from "#core/log/proof.ts";
import { proveConsistency, proveInclusion, rootFromTiles } from "#core/log/prove.ts";
import { tilePath } from "#core/log/tile.ts";
import { Tiler } from "#core/log/tiler.ts";
import {
  decodeTree,
  EMPTY_TREE,
  encodeTree,
  grow,
  growBySubtree,
  rootOf,
  type Tree,
} from "#core/log/tree.ts";
import { CONSISTENCY, INCLUSION, INDEXES, ROOTS, SIZES, TILES } from "./vectors.ts";

const LAST = 70000;
const leaves = Array.from({ length: LAST }, (_, index) => leafHash(Buffer.from(`entry ${index}`)));

/** A reader of the tiles of the log as it was at that size. */
function tilesAt(size: number) {
  const tiler = new Tiler();
  const full = tiler.add(Buffer.concat(leaves.slice(0, size)));
  const tiles = [...full, ...tiler.partial()];
  const byPath = new Map(tiles.map(({ tile, bytes }) => [tilePath(tile), bytes]));
  return { tiles, read: (tile: Parameters<typeof tilePath>[0]) => byPath.get(tilePath(tile)) };
}

const logs = new Map(SIZES.map((size) => [size, tilesAt(size)]));
const reader = (size: number) => logs.get(size)?.read ?? (() => undefined);
const lines = (hashes: readonly Buffer[]) => hashes.map((hash) => `${hash.toString("base64")}\n`).join("");

describe("a Merkle tree", () => {
  it("has the leaf and node hashes of RFC 6962", () => {
    expect(leafHash(Buffer.alloc(0)).toString("hex")).to.equal(
      "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    );
    expect(nodeHash(Buffer.alloc(32), Buffer.alloc(32))).to.deep.equal(
      createHash("sha256").update(Buffer.of(1)).update(Buffer.alloc(64)).digest(),
    );
    expect(leafHash(Buffer.alloc(MAX_ENTRY_BYTES, 7))).to.deep.equal(
      createHash("sha256").update(Buffer.of(0)).update(Buffer.alloc(MAX_ENTRY_BYTES, 7)).digest(),
    );
  });

  it("takes no entry longer than a bundle can hold", () => {
    expect(() => leafHash(Buffer.alloc(MAX_ENTRY_BYTES + 1))).to.throw(RangeError);
  });

  it("has the roots that Go's tlog computes, at every size on the way", () => {
    let tree: Tree = EMPTY_TREE;
    for (const [size, root] of Object.entries(ROOTS)) {
      tree = grow(tree, leaves.slice(tree.size, Number(size)));
      expect(rootOf(tree).toString("base64"), `size ${size}`).to.equal(root);
    }
  });

  it("has the tiles that Go's tlog computes", () => {
    const { tiles } = tilesAt(LAST);
    tiles.sort((one, other) => one.tile.level - other.tile.level || one.tile.index - other.tile.index);
    const hash = createHash("sha256");
    for (const { tile, bytes } of tiles) hash.update(`${tilePath(tile)}\n`).update(bytes);
    expect({ count: tiles.length, digest: hash.digest("hex") }).to.deep.equal(TILES);
  });

  it("has the inclusion proofs that Go's tlog makes, and believes them", async () => {
    const hash = createHash("sha256");
    for (const size of SIZES)
      for (const index of INDEXES.filter((one) => one < size)) {
        const proof = await proveInclusion(index, size, reader(size));
        hash.update(`${size} ${index}\n${lines(proof)}`);
        const root = await rootFromTiles(size, reader(size));
        expect(isIncluded(leaves[index] ?? root, index, { size, root }, proof)).to.equal(true);
      }
    expect(hash.digest("hex")).to.equal(INCLUSION);
  });

  it("has the consistency proofs that Go's tlog makes, and believes them", async () => {
    const hash = createHash("sha256");
    for (const size of SIZES)
      for (const older of SIZES.filter((one) => one <= size)) {
        const proof = await proveConsistency(older, size, reader(size));
        hash.update(`${older} ${size}\n${lines(proof)}`);
        const head = { size: older, root: await rootFromTiles(older, reader(older)) };
        const newer = { size, root: await rootFromTiles(size, reader(size)) };
        expect(isConsistent(head, newer, proof)).to.equal(true);
      }
    expect(hash.digest("hex")).to.equal(CONSISTENCY);
  });

  it("grows by complete subtrees too", () => {
    const root = rootOf(grow(EMPTY_TREE, leaves.slice(256, 512)));
    const grown = growBySubtree(grow(EMPTY_TREE, leaves.slice(0, 256)), 8, root);
    expect(rootOf(grown).toString("base64")).to.equal(ROOTS["512"]);
    expect(() => growBySubtree(grow(EMPTY_TREE, leaves.slice(0, 255)), 8, root)).to.throw(RangeError);
  });

  it("can be put down and taken up again, and is small", () => {
    const tree = grow(EMPTY_TREE, leaves);
    const bytes = encodeTree(tree);
    expect(bytes).to.have.length(8 + 32 * 6);
    expect(decodeTree(bytes)).to.deep.equal(tree);
    for (const wrong of [bytes.subarray(1), bytes.subarray(0, 7), Buffer.alloc(8, 255)])
      expect(() => decodeTree(wrong)).to.throw(RangeError);
  });

  it("says which tile a proof lacks", async () => {
    const missing = proveInclusion(3, 257, ({ level }) =>
      level === 0 ? undefined : reader(257)({ level, index: 0, width: 1 }),
    );
    expect(await missing.catch(String)).to.match(/tile\/0\/000 is missing/);
  });
});

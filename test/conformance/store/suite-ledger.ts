import { expect } from "chai";
import { openCheckpoint } from "#core/log/checkpoint.ts";
import { HASH_BYTES, leafHash } from "#core/log/hash.ts";
import { isConsistent } from "#core/log/proof.ts";
import { proveConsistency, rootFromTiles } from "#core/log/prove.ts";
import { edgeTiles, type Tile, tilePath } from "#core/log/tile.ts";
import { Tiler } from "#core/log/tiler.ts";
import { type Head, MAX_LINE_BYTES, type Store } from "#kit/storage.ts";
import type { Open } from "./drivers.ts";
import { KEYS, TRUST } from "./keys.ts";
import { allLines, committed, put, thrown } from "./steps.ts";

const bytes = (text: string) => new Uint8Array(Buffer.from(text));
const numbered = (count: number, from = 0) => Array.from({ length: count }, (_, n) => `line ${from + n}`);

/** The checkpoint of a head, or why it cannot be believed. */
function openedHead({ note }: Head) {
  const opened = openCheckpoint(Buffer.from(note ?? ""), TRUST);
  if (opened.kind === "refused") throw new Error(opened.reason);
  return opened.checkpoint;
}

const tilesOf = (store: Store) => async (tile: Tile) => {
  const found = await store.tile(Number(tile.level), tile.index);
  return found?.subarray(0, tile.width * HASH_BYTES);
};

/** That the signature, the tiles and the lines tell the same. */
async function expectProven(store: Store): Promise<void> {
  const head = await store.head();
  const checkpoint = openedHead(head);
  expect(checkpoint.size).to.equal(head.size);
  const lines = (await allLines(store)).slice(0, head.size);
  expect(lines).to.have.length(head.size);
  const tiler = new Tiler();
  const full = tiler.add(Buffer.concat(lines.map((line) => leafHash(Buffer.from(line)))));
  for (const { tile, bytes: hashes } of [...full, ...tiler.partial()])
    expect(Buffer.from((await tilesOf(store)(tile)) ?? []), tilePath(tile)).to.deep.equal(hashes);
  expect(await rootFromTiles(head.size, tilesOf(store))).to.deep.equal(checkpoint.root);
}

/** The Merkle log over the lines, the signature over it, and the payloads beside. */
export function signedLedger(open: Open): void {
  describe("the signed ledger", () => {
    let store: Store;
    beforeEach(async () => {
      store = await open({ keys: KEYS });
    });
    afterEach(() => store.close());

    it("is signed from the beginning, when it is empty", async () => {
      expect(openedHead(await store.head()).size).to.equal(0);
      expect(await store.tile(0, 0)).to.equal(undefined);
    });

    for (const size of [1, 255, 256, 257, 700])
      it(`has tiles and a signature over its ${size} lines`, async () => {
        await committed(store, { lines: numbered(size) });
        expect((await store.head()).size).to.equal(size);
        await expectProven(store);
      });

    it("is the same log, in whatever batches its lines came", async () => {
      const one = await open({ keys: KEYS });
      await committed(one, { lines: numbered(300) });
      for (let from = 0; from < 300; from += 37)
        await committed(store, { lines: numbered(Math.min(37, 300 - from), from) });
      expect(await store.head()).to.deep.equal(await one.head());
      await one.close();
    });

    it("is signed anew with each commit that appends, and with no other", async () => {
      await committed(store, { lines: ["a"] });
      const before = await store.head();
      await committed(store, put("a/1"));
      await store.commit({ puts: [{ key: "a/1", value: "{}", expect: 0 }], lines: ["never"] });
      expect(await store.head()).to.deep.equal(before);
      await committed(store, { lines: ["b"] });
      expect(openedHead(await store.head()).size).to.equal(2);
    });

    it("covers each answered line, and its heads are one history, while many write at once", async () => {
      const heads: Head[] = [await store.head()];
      const writing = Array.from({ length: 16 }, async (_, writer) => {
        for (let n = 0; n < 40; n += 1) {
          const result = await store.commit({ lines: [`${writer}.${n}.a`, `${writer}.${n}.b`] });
          const head = await store.head();
          if (result.outcome !== "committed") throw new Error(result.outcome);
          expect(openedHead(head).size).to.be.at.least(result.index + 2);
          heads.push(head);
        }
      });
      await Promise.all(writing);
      await expectProven(store);
      const checkpoints = heads.map(openedHead).sort((one, other) => one.size - other.size);
      for (const [at, newer] of checkpoints.entries()) {
        const older = checkpoints[at - 1];
        if (older === undefined || older.size === newer.size) continue;
        const proof = await proveConsistency(older.size, newer.size, tilesOf(store));
        expect(isConsistent(older, newer, proof), `${older.size} to ${newer.size}`).to.equal(true);
      }
    });

    it("has no tiles beyond its lines", async () => {
      await committed(store, { lines: numbered(257) });
      const known = [{ level: 0, index: 0 }, ...edgeTiles(257)].map(
        ({ level, index }) => `${level} ${index}`,
      );
      for (const level of [0, 1, 2, 63])
        for (const index of [0, 1, 2])
          expect((await store.tile(level, index)) !== undefined, `${level} ${index}`).to.equal(
            known.includes(`${level} ${index}`),
          );
    });

    it("keeps payloads to the byte, beside the lines that have one", async () => {
      const payload = new Uint8Array([0, 255, 10, 0]);
      await committed(store, {
        lines: ["a", { line: "b", payload }, { line: "c", payload: new Uint8Array() }],
      });
      payload.fill(1);
      expect(await store.payload(0)).to.equal(undefined);
      expect(Buffer.from((await store.payload(1)) ?? "")).to.deep.equal(Buffer.from([0, 255, 10, 0]));
      expect(Buffer.from((await store.payload(2)) ?? "none")).to.have.length(0);
      expect(await store.payload(3)).to.equal(undefined);
      expect((await store.lines(0)).map(({ line }) => line)).to.deep.equal(["a", "b", "c"]);
    });

    it("takes payloads of a megabyte, and views of larger buffers", async () => {
      const large = Buffer.alloc(1_000_000, "x");
      const view = Buffer.from("0123456789").subarray(3, 6);
      await committed(store, {
        lines: [
          { line: "a", payload: large },
          { line: "b", payload: view },
        ],
      });
      expect(Buffer.from((await store.payload(0)) ?? "").equals(large)).to.equal(true);
      expect(Buffer.from((await store.payload(1)) ?? "").toString()).to.equal("345");
    });

    it("erases payloads, and nothing else, in the commit that says so", async () => {
      const lines = ["a", "b", "c", "d"].map((line) => ({ line, payload: bytes(line) }));
      await committed(store, { lines: ["none", ...lines] });
      const before = await store.head();
      await committed(store, {
        lines: ["erased", { line: "e", payload: bytes("e") }],
        erase: [
          { from: 0, to: 3 },
          { from: 4, to: 99 },
        ],
      });
      const payloads = await Promise.all([0, 1, 2, 3, 4, 5, 6].map((index) => store.payload(index)));
      expect(
        payloads.map((one) => (one instanceof Uint8Array ? Buffer.from(one).toString() : one)),
      ).to.deep.equal([undefined, "erased", "erased", "c", "erased", undefined, "e"]);
      expect(await store.lines(0, 5)).to.have.length(5);
      const proof = await proveConsistency(before.size, 7, tilesOf(store));
      expect(isConsistent(openedHead(before), openedHead(await store.head()), proof)).to.equal(true);
      await expectProven(store);
    });

    it("erases nothing where the commit meets a conflict", async () => {
      await committed(store, { ...put("a/1"), lines: [{ line: "a", payload: bytes("a") }] });
      const result = await store.commit({
        puts: [{ key: "a/1", value: "{}", expect: 0 }],
        erase: [{ from: 0, to: 1 }],
        lines: [{ line: "b", payload: bytes("b") }],
      });
      expect(result.outcome).to.equal("conflict");
      expect(await store.payload(0)).to.be.instanceOf(Uint8Array);
      expect(await store.payload(1)).to.equal(undefined);
    });

    it("takes lines as long as a leaf, and refuses longer ones whole", async () => {
      await committed(store, { lines: ["é".repeat((MAX_LINE_BYTES - 1) / 2), "x".repeat(MAX_LINE_BYTES)] });
      for (const line of ["x".repeat(MAX_LINE_BYTES + 1), "é".repeat(MAX_LINE_BYTES / 2 + 1)])
        expect(await thrown(() => store.commit({ ...put("a/1"), lines: ["fine", line] }))).to.be.instanceOf(
          TypeError,
        );
      expect(await store.get("a/1")).to.equal(undefined);
      expect((await store.head()).size).to.equal(2);
      await expectProven(store);
    });

    it("tells how much room it takes", async () => {
      const { bytes: all, free } = await store.usage();
      expect(free).to.be.within(0, all);
    });
  });

  it("signs nothing without keys, and has the same tiles", async () => {
    const store = await open();
    await committed(store, { lines: numbered(3) });
    expect(await store.head()).to.deep.equal({ size: 3, note: undefined });
    expect(Buffer.from((await store.tile(0, 0)) ?? "").subarray(0, 32)).to.deep.equal(
      leafHash(Buffer.from("line 0")),
    );
    await store.close();
  });
}

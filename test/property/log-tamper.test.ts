import { expect } from "chai";
import fc from "fast-check";
import { verify } from "#core/log/verify.ts";
import {
  checkpointOver,
  copyOf,
  entriesUpTo,
  entryAt,
  examine,
  logOf,
  type Made,
  readerOf,
  tilesOver,
  trust,
} from "../unit/log/made.ts";

const SIZE = 270;
const EARLIER = 260;
const RUNS = 10_000;
const SEED = 20_261_121;

const whole = logOf(entriesUpTo(SIZE), [EARLIER]);
const kept = checkpointOver(whole.entries);
const older = logOf(entriesUpTo(EARLIER));

/** Entries that nothing has happened to need not be read ten thousand times. */
const examined = new WeakMap<Uint8Array, ReturnType<typeof examine>>();
function examineOnce(bytes: Uint8Array) {
  const known = examined.get(bytes) ?? examine(bytes);
  examined.set(bytes, known);
  return known;
}

type Alter = (made: Made) => void;

function flip(bytes: Uint8Array, bit: number): Buffer {
  const copy = Buffer.from(bytes);
  const at = Math.floor(bit / 8) % copy.length;
  copy.writeUInt8(copy.readUInt8(at) ^ (1 << (bit % 8)), at);
  return copy;
}

function renumber(made: Made): void {
  made.entries = made.entries.map(({ bytes }, index) => ({ index, bytes }));
}

/** As whoever can write the database would go on, so that everything but the signatures fits. */
function coverUp(made: Made): void {
  renumber(made);
  made.tiles = tilesOver(made.entries);
}

const places = fc.nat({ max: SIZE - 1 });
const bits = fc.nat({ max: 8 * 8192 - 1 });
const pairs = fc.tuple(places, places).filter(([one, other]) => one !== other);
const payloads = fc.nat({ max: SIZE / 3 - 1 }).map((third) => 3 * third);
const tilePaths = fc.constantFrom(...whole.tiles.keys());
const forgeries = fc.nat({ max: 1_000_000 }).map((agent) => entryAt(SIZE + agent));
/** What they do next: nothing, or numbers to match, or tiles as well. */
const covers = fc.constantFrom<Alter>(() => undefined, renumber, coverUp);

const bytesAt = (made: Made, index: number) => made.entries[index]?.bytes ?? Buffer.of(0);

const ALTERATIONS: Readonly<Record<string, fc.Arbitrary<Alter>>> = {
  "a bit of an entry": fc.tuple(places, bits, covers).map(([index, bit, cover]) => (made) => {
    made.entries[index] = { index, bytes: flip(bytesAt(made, index), bit) };
    cover(made);
  }),
  "an entry replaced": fc.tuple(places, forgeries, covers).map(([index, bytes, cover]) => (made) => {
    made.entries[index] = { index, bytes };
    cover(made);
  }),
  "entries removed": fc
    .tuple(places, fc.integer({ min: 1, max: SIZE }), covers)
    .map(([index, count, cover]) => (made) => {
      made.entries.splice(index, count);
      cover(made);
    }),
  "the end cut off": fc.tuple(places, covers).map(([index, cover]) => (made) => {
    made.entries.splice(index);
    cover(made);
  }),
  "an entry put in": fc.tuple(places, forgeries, covers).map(([index, bytes, cover]) => (made) => {
    made.entries.splice(index, 0, { index, bytes });
    cover(made);
  }),
  "an entry put at the end": fc
    .tuple(fc.oneof(fc.nat(), fc.constant(0)), forgeries, covers)
    .map(([far, bytes, cover]) => (made) => {
      made.entries.push({ index: SIZE + far, bytes });
      cover(made);
    }),
  "an entry put in twice": fc.tuple(pairs, covers).map(([[from, to], cover]) => (made) => {
    made.entries.splice(to, 0, { index: to, bytes: bytesAt(made, from) });
    cover(made);
  }),
  "an entry in another one's place": fc.tuple(pairs, covers).map(([[from, to], cover]) => (made) => {
    made.entries[to] = { index: to, bytes: bytesAt(made, from) };
    cover(made);
  }),
  "two entries swapped": fc.tuple(pairs, covers).map(([[one, other], cover]) => (made) => {
    const [first, second] = [bytesAt(made, one), bytesAt(made, other)];
    made.entries[one] = { index: one, bytes: second };
    made.entries[other] = { index: other, bytes: first };
    cover(made);
  }),
  "a bit of a payload": fc.tuple(payloads, bits).map(([index, bit]) => (made) => {
    made.payloads.set(index, flip(Buffer.from(made.payloads.get(index) ?? "?"), bit));
  }),
  "a payload removed": payloads.map((index) => (made) => made.payloads.delete(index)),
  "a payload for an entry without one": fc.nat({ max: 1000 }).map((index) => (made) => {
    made.payloads.set(3 * index + 1, Buffer.from("more"));
  }),
  "two payloads swapped": fc
    .tuple(payloads, payloads)
    .filter(([one, other]) => one !== other)
    .map(([one, other]) => (made) => {
      const [first, second] = [made.payloads.get(one), made.payloads.get(other)];
      made.payloads.set(one, second ?? "erased").set(other, first ?? "erased");
    }),
  "a bit of a tile": fc.tuple(tilePaths, bits).map(([path, bit]) => (made) => {
    made.tiles.set(path, flip(made.tiles.get(path) ?? Buffer.of(0), bit));
  }),
  "a tile removed": tilePaths.map((path) => (made) => made.tiles.delete(path)),
  "a tile of another length": fc.tuple(tilePaths, fc.nat({ max: 9000 })).map(([path, length]) => (made) => {
    const tile = made.tiles.get(path) ?? Buffer.of(0);
    made.tiles.set(
      path,
      Buffer.concat([tile, Buffer.alloc(9000)]).subarray(0, length === tile.length ? 0 : length),
    );
  }),
  "a bit of a checkpoint": fc.tuple(fc.nat({ max: 1 }), bits).map(([which, bit]) => (made) => {
    made.checkpoints[which] = flip(made.checkpoints[which] ?? Buffer.of(0), bit);
  }),
  "the newest checkpoint removed": fc.constantFrom<Alter>(
    (made) => made.checkpoints.pop(),
    (made) => made.checkpoints.splice(0),
  ),
  "an older database": fc.constant((made) => Object.assign(made, copyOf(older))),
  "another history, signed by the log's own key": fc
    .tuple(places, forgeries)
    .map(([index, bytes]) => (made) => {
      made.entries[index] = { index, bytes };
      coverUp(made);
      made.checkpoints = [checkpointOver(made.entries)];
    }),
};

const ALL = Object.entries(ALTERATIONS);
const EACH = RUNS / ALL.length;

describe(`tampering, in ${RUNS} random alterations`, () => {
  it("is not seen where there is none", async () => {
    const report = await verify(readerOf(whole), { trust, known: [kept], examine });
    expect(report).to.deep.include({ intact: true, proven: SIZE });
  });

  for (const [of, alterations] of ALL)
    it(`is found in ${EACH} of ${EACH}: ${of}`, async () => {
      await fc.assert(
        fc.asyncProperty(alterations, async (alter) => {
          const made = copyOf(whole);
          alter(made);
          const report = await verify(readerOf(made), { trust, known: [kept], examine: examineOnce });
          expect(report.findings).to.not.have.length(0);
        }),
        { numRuns: EACH, seed: SEED },
      );
    });
});

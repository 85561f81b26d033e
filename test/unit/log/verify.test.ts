import { expect } from "chai";
import type { Finding } from "#core/log/finding.ts";
import { leafHash } from "#core/log/hash.ts";
import { signerFromSeed } from "#core/log/keys.ts";
import { type LogReader, verify } from "#core/log/verify.ts";
import {
  checkpointOver,
  copyOf,
  entriesUpTo,
  entryAt,
  examine,
  logOf,
  type Made,
  payloadAt,
  readerOf,
  tilesOver,
  trust,
  verifyMade,
} from "./made.ts";

const SIZE = 600;
const whole = logOf(entriesUpTo(SIZE), [100, 300]);
const head = checkpointOver(whole.entries);
const forgery = Buffer.from('{"kind":"forgery"}');
const hex = (bytes: Buffer | undefined) => leafHash(bytes ?? Buffer.alloc(0)).toString("hex");

function altered(index: number, found: Buffer): Finding {
  return { kind: "entry-altered", index, expected: hex(entryAt(index)), found: hex(found) };
}

function replace(made: Made, index: number, bytes: Buffer | undefined): void {
  if (bytes === undefined) throw new Error("nothing to put there");
  made.entries[index] = { index, bytes };
}

/** What the owner of the database would have to do so that the rest fits, but for the signature. */
function cover(made: Made): void {
  made.entries = made.entries.map(({ bytes }, index) => ({ index, bytes }));
  made.tiles = tilesOver(made.entries);
}

interface Case {
  readonly of: string;
  readonly alter: (made: Made) => void;
  readonly found: readonly Finding[];
  readonly proven: number;
}

const alterations: readonly Case[] = [
  { of: "nothing", alter: () => undefined, found: [], proven: SIZE },
  {
    of: "one byte of an entry",
    alter: (made) => {
      replace(made, 299, Buffer.from(entryAt(299).toString().replace("agent-299", "agent-2gg")));
      made.payloads.delete(299);
    },
    found: [altered(299, Buffer.from(entryAt(299).toString().replace("agent-299", "agent-2gg")))],
    proven: 299,
  },
  {
    of: "an entry that is not there any more",
    alter: (made) => made.entries.splice(7, 1),
    found: [{ kind: "entries-missing", from: 7, to: 8 }],
    proven: 7,
  },
  {
    of: "a whole bundle that is not there any more",
    alter: (made) => made.entries.splice(256, 256),
    found: [
      { kind: "entries-missing", from: 256, to: 512 },
      { kind: "miscounted", what: "payloads", held: 200, seen: 115 },
    ],
    proven: 256,
  },
  {
    of: "entries that are not there at the end",
    alter: (made) => made.entries.splice(250),
    found: [
      { kind: "miscounted", what: "payloads", held: 200, seen: 84 },
      { kind: "truncated", from: 250, to: SIZE },
    ],
    proven: 100,
  },
  {
    of: "all entries gone",
    alter: (made) => {
      made.entries = [];
      made.payloads.clear();
    },
    found: [{ kind: "truncated", from: 0, to: SIZE }],
    proven: 0,
  },
  {
    of: "an entry at the end",
    alter: (made) => made.entries.push({ index: SIZE, bytes: entryAt(601) }),
    found: [{ kind: "entries-uncovered", from: SIZE, to: SIZE + 1 }],
    proven: SIZE,
  },
  {
    of: "an entry where nobody looks",
    alter: (made) => made.entries.push({ index: 1_000_001, bytes: forgery }),
    found: [{ kind: "miscounted", what: "entries", held: SIZE + 1, seen: SIZE }],
    proven: SIZE,
  },
  {
    of: "a second entry in one place",
    alter: (made) => made.entries.splice(9, 0, { index: 8, bytes: forgery }),
    found: [{ kind: "entry-surplus", index: 8 }],
    proven: SIZE,
  },
  {
    of: "two entries of one bundle swapped",
    alter: (made) => {
      replace(made, 1, whole.entries[2]?.bytes);
      replace(made, 2, whole.entries[1]?.bytes);
    },
    found: [
      { kind: "entry-misplaced", index: 1, belongs: 2 },
      { kind: "entry-misplaced", index: 2, belongs: 1 },
    ],
    proven: 1,
  },
  {
    of: "two entries of two bundles swapped",
    alter: (made) => {
      replace(made, 1, whole.entries[571]?.bytes);
      replace(made, 571, whole.entries[1]?.bytes);
    },
    found: [
      { kind: "entry-misplaced", index: 1, belongs: 571 },
      { kind: "entry-misplaced", index: 571, belongs: 1 },
    ],
    proven: 1,
  },
  {
    of: "entries in another order, each with its number",
    alter: (made) => made.entries.splice(10, 2, ...whole.entries.slice(10, 12).reverse()),
    found: [{ kind: "entry-out-of-order", index: 10 }],
    proven: SIZE,
  },
  {
    of: "an entry a second time in another one's place",
    alter: (made) => replace(made, 4, whole.entries[5]?.bytes),
    found: [{ kind: "entry-misplaced", index: 4, belongs: 5 }],
    proven: 4,
  },
  {
    of: "an altered entry, with tiles to match",
    alter: (made) => {
      replace(made, 400, forgery);
      cover(made);
    },
    found: [{ kind: "root-differs", size: SIZE, since: 300 }],
    proven: 300,
  },
  {
    of: "a removed entry, with numbers and tiles to match",
    alter: (made) => {
      made.entries.splice(599, 1);
      cover(made);
    },
    found: [
      { kind: "tile-missing", path: "tile/0/002.p/88" },
      { kind: "truncated", from: 599, to: SIZE },
    ],
    proven: 300,
  },
  {
    of: "one bit of a full tile",
    alter: (made) => made.tiles.set("tile/0/001", Buffer.alloc(8192, 1)),
    found: [{ kind: "tile-altered", path: "tile/0/001" }],
    proven: SIZE,
  },
  {
    of: "a partial tile",
    alter: (made) => made.tiles.set("tile/1/000.p/2", Buffer.alloc(64, 1)),
    found: [{ kind: "tile-altered", path: "tile/1/000.p/2" }],
    proven: SIZE,
  },
  {
    of: "a tile that is not there any more, and one too short",
    alter: (made) => {
      made.tiles.delete("tile/0/000");
      made.tiles.set("tile/0/002.p/88", Buffer.alloc(32));
    },
    found: [
      { kind: "tile-malformed", path: "tile/0/002.p/88" },
      { kind: "tile-missing", path: "tile/0/000" },
    ],
    proven: SIZE,
  },
  {
    of: "an entry and its tile, without the one above",
    alter: (made) => {
      replace(made, 300, forgery);
      made.payloads.delete(300);
      const tiles = tilesOver(made.entries);
      made.tiles.set("tile/0/001", tiles.get("tile/0/001") ?? forgery);
    },
    found: [
      { kind: "entries-differ", from: 256, to: 512 },
      { kind: "root-differs", size: SIZE, since: 300 },
      { kind: "tile-altered", path: "tile/0/001" },
    ],
    proven: 256,
  },
  {
    of: "an entry, where its tile is missing",
    alter: (made) => {
      replace(made, 301, forgery);
      made.tiles.delete("tile/0/001");
    },
    found: [
      { kind: "entries-differ", from: 256, to: 512 },
      { kind: "root-differs", size: SIZE, since: 300 },
      { kind: "tile-missing", path: "tile/0/001" },
    ],
    proven: 256,
  },
  {
    of: "an entry, and a partial tile that no other can be judged without",
    alter: (made) => {
      replace(made, 301, forgery);
      made.tiles.set("tile/0/002.p/88", Buffer.alloc(32 * 88));
    },
    found: [
      { kind: "root-differs", size: SIZE, since: 300 },
      { kind: "tile-differs", path: "tile/0/001" },
      { kind: "tile-differs", path: "tile/0/002.p/88" },
      { kind: "tile-differs", path: "tile/1/000.p/2" },
    ],
    proven: 300,
  },
  {
    of: "one byte of a payload",
    alter: (made) => made.payloads.set(3, payloadAt(6) ?? "erased"),
    found: [{ kind: "payload-altered", index: 3 }],
    proven: SIZE,
  },
  {
    of: "payloads removed, added, and put elsewhere",
    alter: (made) => {
      made.payloads.delete(3);
      made.payloads.set(4, forgery);
      made.payloads.set(700, forgery);
    },
    found: [
      { kind: "miscounted", what: "payloads", held: 201, seen: 200 },
      { kind: "payload-missing", index: 3 },
      { kind: "payload-surplus", index: 4 },
    ],
    proven: SIZE,
  },
  {
    of: "an entry that is not canonical JSON",
    alter: (made) => replace(made, 598, Buffer.from(`${entryAt(598)} `)),
    found: [
      altered(598, Buffer.from(`${entryAt(598)} `)),
      { kind: "entry-malformed", index: 598, reason: "not canonical JSON" },
    ],
    proven: 598,
  },
  {
    of: "an entry that is too long",
    alter: (made) => replace(made, 598, Buffer.alloc(65536)),
    found: [
      { kind: "entries-missing", from: 598, to: 599 },
      { kind: "entry-malformed", index: 598, reason: "longer than 65535 bytes" },
    ],
    proven: 598,
  },
  {
    of: "the newest checkpoint gone",
    alter: (made) => made.checkpoints.pop(),
    found: [
      { kind: "entries-uncovered", from: 300, to: SIZE },
      { kind: "tile-missing", path: "tile/0/001.p/44" },
      { kind: "tile-missing", path: "tile/1/000.p/1" },
    ],
    proven: 300,
  },
  {
    of: "all checkpoints gone",
    alter: (made) => made.checkpoints.splice(0),
    found: [{ kind: "checkpoint-missing" }, { kind: "entries-uncovered", from: 0, to: SIZE }],
    proven: 0,
  },
  {
    of: "a checkpoint by another key",
    alter: (made) =>
      made.checkpoints.splice(
        0,
        1,
        checkpointOver(made.entries.slice(0, 100), signerFromSeed("x", Buffer.alloc(32))),
      ),
    found: [{ kind: "checkpoint-refused", source: "log", position: 0, reason: "no known key has signed it" }],
    proven: SIZE,
  },
  {
    of: "another history at an earlier checkpoint",
    alter: (made) => made.checkpoints.splice(0, 1, checkpointOver(entriesUpTo(101).slice(1))),
    found: [{ kind: "forked", size: 100, against: SIZE }],
    proven: SIZE,
  },
  {
    of: "two histories at the newest checkpoint",
    alter: (made) => made.checkpoints.push(checkpointOver(entriesUpTo(SIZE + 1).slice(1))),
    found: [{ kind: "forked", size: SIZE, against: SIZE }],
    proven: SIZE,
  },
];

const sorted = (findings: readonly Finding[]) =>
  findings.map((finding) => JSON.stringify(Object.entries(finding).sort())).sort();

describe("verification finds", () => {
  for (const { of, alter, found, proven } of alterations)
    it(of, async () => {
      const made = copyOf(whole);
      alter(made);
      const report = await verifyMade(made);
      expect(sorted(report.findings)).to.deep.equal(sorted(found));
      expect(report).to.deep.include({ intact: found.length === 0, omitted: 0, proven });
    });
});

describe("verification with a checkpoint that was kept elsewhere", () => {
  it("finds a rollback to an older database", async () => {
    const older = logOf(entriesUpTo(300), [100]);
    expect((await verifyMade(older)).intact).to.equal(true);
    const { findings } = await verifyMade(older, [head]);
    expect(findings).to.deep.equal([{ kind: "rolled-back", size: 300, known: SIZE }]);
  });

  it("finds a fork by whoever has the key", async () => {
    const entries = entriesUpTo(SIZE + 50).map((entry) =>
      entry.index === 77 ? { index: 77, bytes: forgery } : entry,
    );
    const forked = logOf(entries, [50]);
    forked.payloads.delete(77);
    expect((await verifyMade(forked)).intact).to.equal(true);
    const { findings, proven } = await verifyMade(forked, [head]);
    expect(findings).to.deep.equal([{ kind: "forked", size: SIZE, against: SIZE + 50 }]);
    expect(proven).to.equal(SIZE + 50);
  });

  it("lets a log that has grown since pass, at whatever size it was", async () => {
    const known = Array.from({ length: SIZE + 1 }, (_, size) => checkpointOver(whole.entries.slice(0, size)));
    const report = await verifyMade(whole, known);
    expect(report).to.deep.include({ intact: true, proven: SIZE, checkpoints: SIZE + 1 });
  });

  it("believes only what the log's keys have signed", async () => {
    const other = checkpointOver(entriesUpTo(SIZE + 1), signerFromSeed("x", Buffer.alloc(32)));
    const { findings } = await verifyMade(whole, [other]);
    expect(findings).to.deep.equal([
      { kind: "checkpoint-refused", source: "known", position: 0, reason: "no known key has signed it" },
    ]);
  });
});

describe("verification", () => {
  it("does without tiles and payloads: an altered entry is then between two checkpoints", async () => {
    const made = copyOf(whole);
    const { checkpoints, bundle, count } = readerOf(made);
    const bare: LogReader = {
      checkpoints,
      bundle,
      count: async () => ({ entries: (await count()).entries }),
    };
    expect((await verify(bare, { trust })).intact).to.equal(true);
    replace(made, 200, forgery);
    const { findings } = await verify(bare, { trust });
    expect(findings).to.deep.equal([
      { kind: "root-differs", size: 300, since: 100 },
      { kind: "root-differs", size: SIZE, since: 100 },
    ]);
  });

  it("counts payloads that were erased, and proves what is left", async () => {
    const made = copyOf(whole);
    for (const index of [0, 3, 6]) made.payloads.set(index, "erased");
    const saying = (spans: readonly [number, number][]) =>
      verify(readerOf(made), {
        trust,
        examine: (bytes, index) => ({ ...examine(bytes), erases: index === 50 ? spans : undefined }),
      });
    const counts = { entries: SIZE, payloads: 197, erased: 3 };
    expect(await saying([[0, 7]])).to.deep.include({ intact: true, counts });
    const unsaid: Record<string, [number, number][]> = {
      none: [],
      some: [[4, 9]],
      "all but one": [
        [0, 3],
        [4, 7],
      ],
    };
    for (const [which, spans] of Object.entries(unsaid)) {
      const { intact, findings } = await saying(spans);
      expect(intact, which).to.equal(false);
      expect(
        findings.map(({ kind }) => kind),
        which,
      ).to.deep.equal(["erasure-unrecorded"]);
    }
  });

  it("keeps the first findings of a kind, and counts the rest", async () => {
    const made = copyOf(whole);
    made.payloads.clear();
    const report = await verify(readerOf(made), {
      trust,
      most: 10,
      examine: () => ({ payload: Buffer.alloc(32) }),
    });
    expect(report.findings).to.have.length(10);
    expect(report.omitted).to.equal(SIZE - 10);
  });

  it("says of a bundle that cannot be read which it is", async () => {
    const reader = {
      ...readerOf(whole),
      bundle: (index: number) => (index === 1 ? "malformed" : readerOf(whole).bundle(index, 256)),
    } as const;
    const { findings } = await verify(reader, { trust });
    expect(findings.slice(-2)).to.deep.equal([
      { kind: "miscounted", what: "entries", held: SIZE, seen: SIZE - 256 },
      { kind: "miscounted", what: "payloads", held: 200, seen: 115 },
    ]);
    expect(findings).to.deep.include({ kind: "bundle-malformed", bundle: 1 });
    expect(findings).to.deep.include({ kind: "entries-missing", from: 256, to: 512 });
  });

  it("of an empty log is of its empty checkpoint", async () => {
    const report = await verifyMade(logOf([]));
    expect(report).to.deep.include({ intact: true, proven: 0, checkpoints: 1 });
  });
});

describe("verification of more than one tile of level 1", () => {
  const many = 65536 + 300;
  const big = logOf(entriesUpTo(many));
  const tile = Buffer.from(big.tiles.get("tile/1/000") ?? "");
  tile.writeUInt8(tile.readUInt8(40) ^ 1, 40);

  const cases: readonly Omit<Case, "proven">[] = [
    { of: "nothing", alter: () => undefined, found: [] },
    {
      of: "a full tile of a higher level",
      alter: (made) => made.tiles.set("tile/1/000", tile),
      found: [{ kind: "tile-altered", path: "tile/1/000" }],
    },
    {
      of: "that and one below it",
      alter: (made) => {
        made.tiles.set("tile/1/000", tile);
        made.tiles.set("tile/0/009", Buffer.alloc(8192));
      },
      found: [
        { kind: "tile-altered", path: "tile/0/009" },
        { kind: "tile-altered", path: "tile/1/000" },
      ],
    },
    {
      of: "an entry with its tiles, up to the one that only the root can judge",
      alter: (made) => {
        replace(made, 2560, entryAt(2561, undefined));
        made.payloads.delete(2560);
        const tiles = tilesOver(made.entries);
        for (const path of ["tile/0/010", "tile/1/000"]) made.tiles.set(path, tiles.get(path) ?? forgery);
      },
      found: [
        { kind: "entries-differ", from: 0, to: 65536 },
        { kind: "root-differs", size: many, since: 0 },
        { kind: "tile-altered", path: "tile/1/000" },
      ],
    },
  ];

  for (const { of, alter, found } of cases)
    it(`finds ${of}`, async () => {
      const made = copyOf(big);
      alter(made);
      const bundles = Map.groupBy(made.entries, ({ index }) => Math.floor(index / 256));
      const reader: LogReader = { ...readerOf(made), bundle: (index) => bundles.get(index) ?? [] };
      const { findings } = await verify(reader, { trust, examine });
      expect(sorted(findings)).to.deep.equal(sorted(found));
    });
});

/**
 * Whoever can write the database file, or the published directory, and has no key: whatever they do, `kubectl hoop
 * verify` finds it, or what anybody can read of the ledger is still the same to the byte. LEDGER_TAMPER_RUNS sets how
 * many alterations are tried (600 unless set).
 */
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync, type SQLInputValue } from "node:sqlite";
import { expect } from "chai";
import fc from "fast-check";
import { signCheckpoint } from "#core/log/checkpoint.ts";
import { leafHash } from "#core/log/hash.ts";
import { formatSigner, parseSigner } from "#core/log/keys.ts";
import { Tiler } from "#core/log/tiler.ts";
import { EMPTY_TREE, encodeTree, grow, rootOf } from "#core/log/tree.ts";
import { KEYS, type MadeLedger, madeLedger, PUBLIC_KEY } from "../support/ledger/made.ts";
import { hoop } from "../unit/cli/scripted.ts";

const SIZE = 540;
const RUNS = Number(process.env["LEDGER_TAMPER_RUNS"] ?? 600);
const SEED = 20_261_122;
const FORGER = parseSigner(formatSigner(KEYS.origin, Buffer.alloc(32, 99)));

async function verifyAt(path: string, made: MadeLedger) {
  const { code, stdout, stderr } = await hoop([
    "verify",
    path,
    "--key",
    PUBLIC_KEY,
    "--checkpoint",
    made.kept,
    "-o",
    "json",
  ]);
  return { code, said: stdout + stderr };
}

type Alter = (db: DatabaseSync) => void;

const places = fc.nat({ max: SIZE - 20 });
const pairs = fc.tuple(places, places).filter(([one, other]) => one !== other);
const bits = fc.nat({ max: 8 * 8192 - 1 });
const forged = fc.nat().map((n) => `{"agent":{"groups":[],"username":"forged"},"kind":"admission","n":${n}}`);

function flip(bytes: Uint8Array, bit: number): Buffer {
  const copy = Buffer.from(bytes);
  const at = Math.floor(bit / 8) % Math.max(copy.length, 1);
  if (copy.length > 0) copy.writeUInt8(copy.readUInt8(at) ^ (1 << (bit % 8)), at);
  return copy;
}

const run = (db: DatabaseSync, sql: string, ...values: SQLInputValue[]) => db.prepare(sql).run(...values);
const one = (db: DatabaseSync, sql: string, ...values: SQLInputValue[]) =>
  Object.values(db.prepare(sql).get(...values) ?? {})[0];
const bytesOf = (value: unknown) => (value instanceof Uint8Array ? value : Buffer.from(String(value ?? "")));
const lineAt = (db: DatabaseSync, index: number) =>
  String(one(db, "SELECT line FROM lines WHERE number = ?", index));

/** Makes tree, tiles and counters fit the lines again, as whoever knows the layout would; the signature they cannot. */
function coverUp(db: DatabaseSync): void {
  const lines = db.prepare("SELECT CAST(line AS BLOB) AS line FROM lines ORDER BY number").all();
  const hashes = lines.map(({ line }) => leafHash(bytesOf(line)));
  const tree = grow(EMPTY_TREE, hashes);
  run(db, "DELETE FROM tiles");
  for (const { tile, bytes } of new Tiler().add(Buffer.concat(hashes)))
    run(db, "INSERT INTO tiles VALUES (?, ?, ?)", tile.level, tile.index, bytes);
  run(db, "UPDATE state SET tree = ?, next_line = ?", encodeTree(tree), tree.size);
}

/** And signs it, with a key of their own, which they put beside the others. */
function signOver(db: DatabaseSync): void {
  coverUp(db);
  const hashes = db
    .prepare("SELECT CAST(line AS BLOB) AS line FROM lines ORDER BY number")
    .all()
    .map(({ line }) => leafHash(bytesOf(line)));
  const root = rootOf(grow(EMPTY_TREE, hashes));
  run(
    db,
    "UPDATE state SET checkpoint = ?",
    signCheckpoint({ origin: KEYS.origin, size: hashes.length, root }, [FORGER]),
  );
  run(
    db,
    "INSERT INTO objects VALUES ('ledger/keys/f', ?, 1)",
    JSON.stringify({ key: FORGER.verifierKey, since: "", size: 0 }),
  );
}

const covers = fc.constantFrom<Alter>(() => undefined, coverUp, signOver);
const covered = <T>(values: fc.Arbitrary<T>, alter: (db: DatabaseSync, value: T) => void) =>
  fc.tuple(values, covers).map(
    ([value, cover]): Alter =>
      (db) => {
        alter(db, value);
        cover(db);
      },
  );
const withPayload = (db: DatabaseSync, n: number) =>
  Number(
    one(
      db,
      "SELECT number FROM payloads WHERE sealed IS NOT NULL AND number >= ? ORDER BY number",
      n % 200,
    ) ?? 0,
  );

const ROWS: Readonly<Record<string, fc.Arbitrary<Alter>>> = {
  "a bit of an entry": covered(fc.tuple(places, bits), (db, [index, bit]) =>
    run(
      db,
      "UPDATE lines SET line = CAST(? AS TEXT) WHERE number = ?",
      flip(bytesOf(lineAt(db, index)), bit),
      index,
    ),
  ),
  "an entry replaced": covered(fc.tuple(places, forged), (db, [index, line]) =>
    run(db, "UPDATE lines SET line = ? WHERE number = ?", line, index),
  ),
  "entries removed": covered(fc.tuple(places, fc.integer({ min: 1, max: SIZE })), (db, [index, count]) =>
    run(db, "DELETE FROM lines WHERE number >= ? AND number < ?", index, index + count),
  ),
  "entries removed, and the others moved up": covered(places, (db, index) => {
    run(db, "DELETE FROM lines WHERE number = ?", index);
    run(db, "UPDATE lines SET number = -number WHERE number > ?", index);
    run(db, "UPDATE lines SET number = -number - 1 WHERE number < 0");
  }),
  "the end cut off": covered(places, (db, index) => run(db, "DELETE FROM lines WHERE number >= ?", index)),
  "an entry at the end": covered(fc.tuple(fc.nat({ max: 1000 }), forged), (db, [far, line]) =>
    run(db, "INSERT INTO lines SELECT max(number) + 1 + ?, max(revision), ? FROM lines", far, line),
  ),
  "an entry put in": covered(fc.tuple(places, forged), (db, [index, line]) => {
    run(db, "UPDATE lines SET number = -number - 2 WHERE number >= ?", index);
    run(db, "UPDATE lines SET number = -number - 1 WHERE number < 0");
    run(db, "INSERT INTO lines SELECT ?, revision, ? FROM lines WHERE number = ?", index, line, index + 1);
  }),
  "two entries swapped": covered(pairs, (db, [left, right]) => {
    const [first, second] = [lineAt(db, left), lineAt(db, right)];
    run(db, "UPDATE lines SET line = ? WHERE number = ?", second, left);
    run(db, "UPDATE lines SET line = ? WHERE number = ?", first, right);
  }),
  "an entry in another one's place": covered(pairs, (db, [from, to]) =>
    run(db, "UPDATE lines SET line = ? WHERE number = ?", lineAt(db, from), to),
  ),
  "a bit of a payload": fc.tuple(places, bits).map(([n, bit]) => (db) => {
    const index = withPayload(db, n);
    const sealed = bytesOf(one(db, "SELECT sealed FROM payloads WHERE number = ?", index));
    run(db, "UPDATE payloads SET sealed = ? WHERE number = ?", flip(sealed, bit), index);
  }),
  "a payload removed": places.map(
    (n) => (db) => run(db, "DELETE FROM payloads WHERE number = ?", withPayload(db, n)),
  ),
  "a payload marked as erased": fc.tuple(places, covers).map(([n, cover]) => (db) => {
    run(db, "UPDATE payloads SET sealed = NULL WHERE number = ?", withPayload(db, n));
    cover(db);
  }),
  "an erased payload put back": forged.map(
    (text) => (db) =>
      run(
        db,
        "UPDATE payloads SET sealed = ? WHERE number = (SELECT min(number) FROM payloads WHERE sealed IS NULL)",
        Buffer.from(text),
      ),
  ),
  "a payload for an entry without one": forged.map(
    (text) => (db) =>
      run(
        db,
        "INSERT INTO payloads SELECT min(number), ? FROM lines WHERE number NOT IN (SELECT number FROM payloads)",
        Buffer.from(text),
      ),
  ),
  "a payload of no entry": forged.map(
    (text) => (db) => run(db, "INSERT INTO payloads VALUES (9999, ?)", Buffer.from(text)),
  ),
  "a bit of a tile": fc.tuple(fc.nat({ max: 1 }), bits).map(([index, bit]) => (db) => {
    const hashes = bytesOf(one(db, "SELECT hashes FROM tiles WHERE level = 0 AND number = ?", index));
    run(db, "UPDATE tiles SET hashes = ? WHERE level = 0 AND number = ?", flip(hashes, bit), index);
  }),
  "a tile removed": fc
    .nat({ max: 1 })
    .map((index) => (db) => run(db, "DELETE FROM tiles WHERE number = ?", index)),
  "a tile too many": fc
    .nat({ max: 99 })
    .map((level) => (db) => run(db, "INSERT INTO tiles VALUES (?, 7, x'00')", level)),
  "a bit of the checkpoint": bits.map(
    (bit) => (db) =>
      run(
        db,
        "UPDATE state SET checkpoint = CAST(? AS TEXT)",
        flip(bytesOf(one(db, "SELECT checkpoint FROM state")), bit),
      ),
  ),
  "the checkpoint removed": fc.constant<Alter>((db) => run(db, "UPDATE state SET checkpoint = ''")),
  "a bit of the tree": bits.map(
    (bit) => (db) =>
      run(db, "UPDATE state SET tree = ?", flip(bytesOf(one(db, "SELECT tree FROM state")), bit)),
  ),
  "another place to go on from": fc
    .nat({ max: 400 })
    .map((next) => (db) => run(db, "UPDATE state SET next_line = ?", next)),
  "revisions out of order": places.map(
    (index) => (db) => run(db, "UPDATE lines SET revision = 99999999 WHERE number = ?", index),
  ),
};

/** All that anybody can read of the ledger. */
function contentOf(file: string): string {
  const db = new DatabaseSync(file, { readOnly: true });
  try {
    const tables = [
      "SELECT number, line FROM lines ORDER BY number",
      "SELECT * FROM payloads ORDER BY number",
      "SELECT level, number, hashes FROM tiles ORDER BY level, number",
      "SELECT next_line, tree, checkpoint FROM state",
    ];
    return JSON.stringify(tables.map((sql) => db.prepare(sql).all()));
  } finally {
    db.close();
  }
}

function filesIn(directory: string): string[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name !== "keys")
    .map((entry) => join(entry.parentPath, entry.name).slice(directory.length + 1))
    .sort();
}

describe("tampering with what lies on disk", function () {
  this.timeout(60_000 + RUNS * 100);
  let scratch: string;
  let made: MadeLedger;
  let whole: Buffer;
  let content: string;
  before(async () => {
    scratch = mkdtempSync(join(tmpdir(), "hoop-tamper-"));
    made = await madeLedger(scratch, SIZE);
    whole = readFileSync(made.file);
    content = contentOf(made.file);
  });
  after(() => rmSync(scratch, { recursive: true, force: true }));

  const all = Object.entries(ROWS);
  const each = Math.max(5, Math.ceil((RUNS * 0.6) / all.length));

  it("is not seen where there is none", async () => {
    for (const path of [made.file, made.published]) {
      const { code, said } = await verifyAt(path, made);
      expect(said, path).to.contain('"intact": true');
      expect(code).to.equal(0);
      expect(JSON.parse(said)).to.deep.include({ proven: made.entries, findings: [] });
    }
  });

  for (const [of, alterations] of all)
    it(`of the database is found in ${each} of ${each}: ${of}`, async () => {
      const file = join(scratch, "altered.db");
      await fc.assert(
        fc.asyncProperty(alterations, async (alter) => {
          writeFileSync(file, whole);
          const db = new DatabaseSync(file);
          db.exec("PRAGMA synchronous = OFF; BEGIN");
          alter(db);
          db.exec("COMMIT");
          db.close();
          const { code, said } = await verifyAt(file, made);
          expect(code, said).to.equal(1);
        }),
        { numRuns: each, seed: SEED },
      );
    });

  const flips = Math.ceil(RUNS * 0.2);
  it(`of any byte of the database file is found in ${flips} of ${flips}, or nothing of the ledger is another`, async () => {
    const file = join(scratch, "altered.db");
    const offsets = fc.array(fc.tuple(fc.nat({ max: whole.length - 1 }), fc.integer({ min: 1, max: 255 })), {
      minLength: 1,
      maxLength: 3,
    });
    await fc.assert(
      fc.asyncProperty(offsets, async (changes) => {
        const bytes = Buffer.from(whole);
        for (const [at, by] of changes) bytes.writeUInt8(bytes.readUInt8(at) ^ by, at);
        writeFileSync(file, bytes);
        const { code, said } = await verifyAt(file, made);
        if (code === 0) expect(contentOf(file), said).to.equal(content);
      }),
      { numRuns: flips, seed: SEED },
    );
  });

  it("by an older database, or an older directory, is found by the checkpoint that was kept", async () => {
    for (const path of [made.older, made.olderPublished]) {
      const { code, said } = await verifyAt(path, made);
      expect(code, path).to.equal(1);
      expect(said).to.contain("rolled-back");
      expect((await hoop(["verify", path, "--key", PUBLIC_KEY])).code, "without it").to.equal(0);
    }
  });

  const changes = Math.ceil(RUNS * 0.2);
  it(`of a published directory is found in ${changes} of ${changes}`, async () => {
    const directory = join(scratch, "altered");
    cpSync(made.published, directory, { recursive: true });
    const paths = filesIn(directory);
    // Partial tiles of an earlier checkpoint are of no use any more.
    const needed = paths.filter((path) => !path.includes(".p/") || path.endsWith(`/${made.entries % 256}`));
    const path = fc.constantFrom(...paths);
    const alteration = fc.oneof(
      fc
        .tuple(path, bits)
        .map(([name, bit]) => ({ name, to: (bytes: Buffer): Buffer | undefined => flip(bytes, bit) })),
      fc
        .constantFrom(...needed.filter((name) => !name.startsWith("tile/1")))
        .map((name) => ({ name, to: () => undefined })),
      fc.tuple(path, fc.integer({ min: 1, max: 99 })).map(([name, cut]) => ({
        name,
        to: (bytes: Buffer): Buffer | undefined => bytes.subarray(0, Math.max(0, bytes.length - cut)),
      })),
      fc.tuple(path, fc.string({ minLength: 1 })).map(([name, more]) => ({
        name,
        to: (bytes: Buffer): Buffer | undefined => Buffer.concat([bytes, Buffer.from(more)]),
      })),
      fc
        .tuple(path, path)
        .filter(
          ([name, other]) =>
            !readFileSync(join(directory, name)).equals(readFileSync(join(directory, other))),
        )
        .map(([name, other]) => ({
          name,
          to: (): Buffer | undefined => readFileSync(join(directory, other)),
        })),
      fc.nat({ max: 500 }).map((n) => ({
        name: `tile/entries/${String(n + 3).padStart(3, "0")}`,
        to: (): Buffer | undefined => Buffer.from([0, 2, 123, 125]),
      })),
    );
    await fc.assert(
      fc.asyncProperty(alteration, async ({ name, to }) => {
        const file = join(directory, name);
        const before = paths.includes(name) ? readFileSync(file) : undefined;
        const after = to(before ?? Buffer.alloc(0));
        if (after === undefined) rmSync(file);
        else writeFileSync(file, after);
        const { code, said } = await verifyAt(directory, made);
        if (before === undefined) rmSync(file);
        else writeFileSync(file, before);
        // Beyond the checkpoint nothing is signed: told, and believed of nobody.
        if (before === undefined)
          expect(JSON.parse(said), name).to.deep.include({ proven: made.entries, findings: [], unsigned: 1 });
        else expect(code, `${name}: ${said}`).to.equal(1);
      }),
      { numRuns: changes, seed: SEED },
    );
  });
});

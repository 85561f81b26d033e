import { existsSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { expect } from "chai";
import { canonical } from "#core/canonical.ts";
import { examineEntry } from "#core/ledger/examine.ts";
import type { LogKeys } from "#core/log/appender.ts";
import { openCheckpoint } from "#core/log/checkpoint.ts";
import { formatSigner, parseSigner, parseVerifierKey } from "#core/log/keys.ts";
import { unsealPayload } from "#core/log/payload.ts";
import { verify } from "#core/log/verify.ts";
import { type SqliteStore, sqliteStore } from "#store/sqlite.ts";
import { restoreTo } from "#store/sqlite-backup.ts";
import { ledgerFile } from "#store/sqlite-reader.ts";
import { temporaryDirectory } from "./drivers.ts";
import { KEYS, ORIGIN, TRUST } from "./keys.ts";
import { allLines, committed, put, thrown } from "./steps.ts";

const SECOND = formatSigner(ORIGIN, Buffer.alloc(32, 8));
const numbered = (count: number, from = 0) => Array.from({ length: count }, (_, n) => `line ${from + n}`);
const bytes = (text: string) => new Uint8Array(Buffer.from(text));

describe("SQLite store: the signed ledger", () => {
  let directory: string;
  let file: string;
  let stores: SqliteStore[];
  beforeEach(() => {
    directory = temporaryDirectory();
    file = join(directory, "hoop.db");
    stores = [];
  });
  afterEach(async () => {
    for (const store of stores) await store.close();
    rmSync(directory, { recursive: true, force: true });
  });

  async function open(keys: LogKeys | undefined = KEYS, at = file): Promise<SqliteStore> {
    const store = await sqliteStore(at, keys === undefined ? {} : { keys });
    stores.push(store);
    return store;
  }

  async function written(count: number): Promise<void> {
    const store = await open();
    for (let from = 0; from < count; from += 100)
      await committed(store, { lines: numbered(Math.min(100, count - from), from) });
    await store.close();
  }

  function alter(sql: string): void {
    const db = new DatabaseSync(file);
    db.exec(sql);
    db.close();
  }

  /** That the file, closed, proves by itself what it is. */
  async function expectIntact(at: string, size: number): Promise<void> {
    const { reader, problems, close } = boundTo(at);
    const report = await verify(reader, { trust: TRUST });
    expect(report.findings).to.deep.equal([]);
    expect(report).to.deep.include({ intact: true, proven: size });
    expect(problems()).to.deep.equal([]);
    close();
  }

  function boundTo(at: string) {
    const opened = ledgerFile(at);
    return { reader: opened.reader, problems: () => opened.problems(), close: () => opened.close() };
  }

  for (const size of [0, 1, 255, 256, 257, 700])
    it(`goes on with ${size} lines after a restart as if there had been none`, async () => {
      await written(size);
      const store = await open();
      const head = await store.head();
      expect(head.size).to.equal(size);
      await committed(store, { lines: numbered(3, size) });
      const whole = await open(KEYS, join(directory, "whole.db"));
      await committed(whole, { lines: numbered(size + 3) });
      expect(await store.head()).to.deep.equal(await whole.head());
      await store.close();
      await expectIntact(file, size + 3);
    });

  it("signs the lines of a file that was made before there were signatures", async () => {
    const db = new DatabaseSync(file);
    db.exec(readFileSync(new URL("./version-1.sql", import.meta.url), "utf8"));
    db.close();
    const store = await open();
    expect((await store.head()).size).to.equal(2);
    await committed(store, { lines: ["three"] });
    expect(await allLines(store)).to.deep.equal(["one", "two", "three"]);
    await store.close();
    await expectIntact(file, 3);
  });

  it("puts the payload beside an entry of such a file that is too long for a leaf", async () => {
    const payload = { object: { data: { text: "x".repeat(200_000) } } };
    const entry = {
      schema: "hoop.dev/admission/v1",
      kind: "admission",
      time: "2026-11-21T10:00:00.000000Z",
      rules: [],
    };
    const db = new DatabaseSync(file);
    db.exec(readFileSync(new URL("./version-1.sql", import.meta.url), "utf8"));
    const insert = db.prepare("INSERT INTO lines VALUES (?, 4, ?)");
    insert.run(2, canonical({ ...entry, payload }));
    insert.run(3, canonical({ ...entry, payload: { object: null } }));
    db.exec("UPDATE state SET next_line = 4");
    db.close();
    await (await open()).close();
    const store = await open();
    const [long, short] = await store.lines(2);
    expect(JSON.parse(long?.line ?? "")).to.deep.include({ ...entry, schema: "hoop.dev/admission/v2" });
    expect(short?.line).to.equal(canonical({ ...entry, payload: { object: null } }));
    const sealed = await store.payload(2);
    const kept = unsealPayload(sealed instanceof Uint8Array ? sealed : Buffer.of())?.toString() ?? "";
    expect(JSON.parse(kept)).to.deep.equal(payload);
    await store.close();
    const { reader, close } = boundTo(file);
    const report = await verify(reader, { trust: TRUST, examine: examineEntry });
    close();
    // The two lines of that version that are no entries.
    expect(report.findings.map(({ kind }) => kind)).to.deep.equal(["entry-malformed", "entry-malformed"]);
    expect(report.proven).to.equal(4);
  });

  const ALTERED: Record<string, string> = {
    "one of the last lines altered": "UPDATE lines SET line = 'other' WHERE number = 690",
    "its last line removed": "DELETE FROM lines WHERE number = 699",
    "a line more": "INSERT INTO lines VALUES (700, 1, 'more')",
    "a tile altered": "UPDATE tiles SET hashes = zeroblob(8192) WHERE level = 0 AND number = 1",
    "a tile removed": "DELETE FROM tiles WHERE level = 0 AND number = 0",
    "another tree": "UPDATE state SET tree = CAST(substr(tree, 1, 8) || zeroblob(length(tree) - 8) AS BLOB)",
    "another next line": "UPDATE state SET next_line = 600",
    "its checkpoint removed": "UPDATE state SET checkpoint = ''",
    "another checkpoint": "UPDATE state SET checkpoint = replace(checkpoint, '700', '699')",
  };
  for (const [what, sql] of Object.entries(ALTERED))
    it(`does not go on from a file with ${what}, which it would sign`, async () => {
      await written(700);
      alter(sql);
      const error = await thrown(() => open());
      expect(String(error)).to.match(/cannot be opened: .*(not what was recorded|cannot be believed|a tree)/);
    });

  it("does not go on without a key, or with one of another ledger, or one that has not signed", async () => {
    await written(10);
    const other = { origin: "other", signers: [formatSigner("other", Buffer.alloc(32, 7))] };
    expect(String(await thrown(() => sqliteStore(file)))).to.contain("there is no key");
    expect(String(await thrown(() => open(other)))).to.contain("put the key of that ledger back");
    expect(String(await thrown(() => open({ origin: ORIGIN, signers: [SECOND] })))).to.contain(
      "no known key",
    );
    await open();
  });

  it("takes a new key by signing with both for a while", async () => {
    await written(10);
    await (await open({ origin: ORIGIN, signers: [SECOND, ...KEYS.signers] })).close();
    const store = await open({ origin: ORIGIN, signers: [SECOND] });
    await committed(store, { lines: ["by the new key"] });
    const trust = { origin: ORIGIN, keys: [parseVerifierKey(parseSigner(SECOND).verifierKey)] };
    const note = Buffer.from((await store.head()).note ?? "");
    expect(openCheckpoint(note, trust).kind).to.equal("checkpoint");
    expect(openCheckpoint(note, TRUST).kind).to.equal("refused");
  });

  it("leaves nothing of an erased payload in its file", async () => {
    const store = await open();
    const secret = "a payload that has to be gone".repeat(300);
    await committed(store, { lines: [{ line: "a", payload: bytes(secret) }, ...numbered(50)] });
    await committed(store, { lines: ["erased"], erase: [{ from: 0, to: 1 }] });
    await store.close();
    expect(readFileSync(file).includes("payload that has to be gone")).to.equal(false);
    expect(existsSync(`${file}-wal`)).to.equal(false);
  });

  describe("a backup", () => {
    it("is made while many write, has all that was answered before, and proves itself", async () => {
      const store = await open();
      await committed(store, { ...put("a/1", "x".repeat(2_000_000)), lines: numbered(500) });
      let stop = false;
      let answered = 0;
      const writers = Array.from({ length: 8 }, async (_, writer) => {
        for (let n = 0; !stop; n += 1) {
          await committed(store, { ...put(`w/${writer}`, String(n)), lines: [`${writer} ${n}`] });
          answered += 1;
        }
      });
      for (let copy = 0; copy < 3; copy += 1) {
        const before = 500 + answered;
        const to = join(directory, `copy-${copy}.db`);
        await store.backup(to);
        const opened = boundTo(to);
        const { entries } = await opened.reader.count();
        opened.close();
        expect(entries).to.be.at.least(before);
        await expectIntact(to, entries);
        expect(statSync(to).mode & 0o077).to.equal(0);
      }
      stop = true;
      await Promise.all(writers);
    }).timeout(60_000);

    it("is not made where it cannot be, and the store goes on", async () => {
      const store = await open();
      const error = await thrown(() => store.backup(join(directory, "missing", "copy.db")));
      expect(String(error)).to.contain("no backup could be made");
      await committed(store, { lines: ["a"] });
    });

    it("is finished before the store closes", async () => {
      const store = await open();
      await committed(store, { lines: numbered(300) });
      const copied = store.backup(join(directory, "copy.db"));
      await store.close();
      await copied;
      await expectIntact(join(directory, "copy.db"), 300);
    });
  });

  describe("restored", () => {
    const copy = () => join(directory, "copy.db");
    const prepare = async () => {};
    beforeEach(async () => {
      const store = await open();
      await committed(store, { ...put("a/1", "then"), lines: numbered(300) });
      await store.backup(copy());
      await committed(store, { ...put("a/1", "later"), lines: ["lost"] });
      await store.close();
    });

    it("has what the backup had, and what was there is kept beside it", async () => {
      const { replaced } = await restoreTo(file, copy(), prepare);
      await expectIntact(file, 300);
      await expectIntact(replaced ?? "", 301);
      expect((await (await open()).get("a/1"))?.value).to.equal("then");
    });

    it("never gives a revision that was given before, and lets watches begin anew", async () => {
      const before = await open();
      const given = await before.revision();
      await before.close();
      await restoreTo(file, copy(), prepare);
      const store = await open();
      const revision = await store.revision();
      expect(revision).to.be.greaterThan(given + 1_000_000_000);
      for (const since of [1, given - 1, given, given + 1, revision - 1])
        expect(await store.changes("a/", since), String(since)).to.deep.equal({ outcome: "expired" });
      expect(await store.listPart("a/", { at: given })).to.deep.equal({ outcome: "expired" });
      expect(await committed(store, put("a/1"))).to.equal(revision + 1);
    });

    it("is refused while a process has the store, which stays as it is", async () => {
      const store = await open();
      expect(String(await thrown(() => restoreTo(file, copy(), prepare)))).to.contain("in use by process");
      await committed(store, { lines: ["goes on"] });
    });

    it("changes nothing where its preparation fails", async () => {
      const failing = () => restoreTo(file, copy(), async () => Promise.reject(new Error("no")));
      expect(String(await thrown(failing))).to.contain("no");
      expect((await (await open()).get("a/1"))?.value).to.equal("later");
    });

    it("takes the place of a store that is damaged, which is kept as it is", async () => {
      const damaged = Buffer.concat([readFileSync(file).subarray(0, 4096), Buffer.alloc(40_000, 7)]);
      writeFileSync(file, damaged);
      writeFileSync(`${file}-wal`, "a log");
      const { replaced = "" } = await restoreTo(file, copy(), prepare);
      expect(readFileSync(replaced).equals(damaged)).to.equal(true);
      expect(existsSync(`${file}-wal`)).to.equal(false);
      await expectIntact(file, 300);
    });

    it("is refused from a file that is no store", async () => {
      writeFileSync(copy(), "not a database");
      expect(await thrown(() => restoreTo(file, copy(), prepare))).to.be.instanceOf(Error);
      expect((await (await open()).get("a/1"))?.value).to.equal("later");
    });
  });
});

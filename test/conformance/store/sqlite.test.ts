import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import {
  closeSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { DatabaseSync } from "node:sqlite";
import { fileURLToPath } from "node:url";
import type { Worker } from "node:worker_threads";
import { expect } from "chai";
import { payloadDigest } from "#core/log/payload.ts";
import { verify } from "#core/log/verify.ts";
import type { Store } from "#kit/storage.ts";
import { type SqliteOptions, sqliteStore } from "#store/sqlite.ts";
import { STATEMENTS } from "#store/sqlite-engine.ts";
import { ledgerFile } from "#store/sqlite-reader.ts";
import { temporaryDirectory } from "./drivers.ts";
import { KEYS, TRUST } from "./keys.ts";
import { allChanges, allLines, committed, put, thrown } from "./steps.ts";

const WRITER = fileURLToPath(new URL("./writer.ts", import.meta.url));

const PLAN_ARGUMENTS = {
  keptSince: [1, "a/", "a/1", "a/~", 10],
  replacedSince: [1, "a/", "a/1", "a/~", 10],
  count: ["a/", "a/~"],
  grownSince: [1, "a/", "a/~"],
} as const;

/** A commit that a writer process was answered. */
interface Told {
  n: string;
  key: string;
  revision: number;
  index: number;
}

describe("SQLite store", () => {
  let directory: string;
  let file: string;
  let stores: Store[];
  let children: ChildProcess[];
  beforeEach(() => {
    directory = temporaryDirectory();
    file = join(directory, "hoop.db");
    stores = [];
    children = [];
  });
  afterEach(async () => {
    for (const child of children) child.kill("SIGKILL");
    for (const store of stores) await store.close();
    rmSync(directory, { recursive: true, force: true });
  });

  async function open(options?: SqliteOptions): Promise<Store> {
    const store = await sqliteStore(file, { keys: KEYS, ...options });
    stores.push(store);
    return store;
  }

  function write(limit?: { fileBlocks: number }): {
    child: ChildProcess;
    lines: AsyncIterableIterator<string>;
  } {
    // The limit makes the kernel fail writes beyond it, as a disk does that is full or broken.
    const script = limit === undefined ? 'exec "$@"' : `ulimit -f ${limit.fileBlocks}; exec "$@"`;
    const args = ["-c", script, "sh", process.execPath, WRITER, file];
    const child = spawn("sh", args, { stdio: ["ignore", "pipe", "inherit"] });
    children.push(child);
    return { child, lines: createInterface({ input: child.stdout })[Symbol.asyncIterator]() };
  }

  /** What the file itself proves, once nobody has it. */
  async function expectIntact(): Promise<void> {
    const ledger = ledgerFile(file);
    // The payload of each line is the line itself.
    const examine = (bytes: Uint8Array) => ({ payload: payloadDigest(bytes) });
    const report = await verify(ledger.reader, { trust: TRUST, examine });
    expect([...report.findings, ...ledger.problems()]).to.deep.equal([]);
    expect(report).to.deep.include({ intact: true, proven: report.counts.entries });
    ledger.close();
  }

  async function checkAll(store: Store, told: readonly Told[]): Promise<void> {
    const lines = await allLines(store);
    const newest = new Map<string, Told>();
    for (const commit of told) {
      expect(lines[commit.index], `ledger line ${commit.index}`).to.equal(commit.n);
      expect(Buffer.from((await store.payload(commit.index)) ?? "none").toString()).to.equal(commit.n);
      if (commit.revision > (newest.get(commit.key)?.revision ?? 0)) newest.set(commit.key, commit);
    }
    for (const { key, revision, n } of newest.values()) {
      const row = await store.get(key);
      // Commits that nobody was told of may have come after.
      expect(row?.revision, key).to.be.at.least(revision);
      if (row?.revision === revision) expect(row.value).to.equal(n);
    }
    expect(await store.revision()).to.be.at.least(Math.max(0, ...told.map(({ revision }) => revision)));
  }

  describe("after a restart", () => {
    it("has all it had: rows, lines, changes and their previous values", async () => {
      const first = await open();
      for (let n = 0; n < 30; n += 1) {
        await committed(first, { ...put(`a/${n % 7}`, String(n)), lines: [`${n}.0`, `${n}.1`] });
      }
      await committed(first, { deletes: [{ key: "a/3" }] });
      const before = [await first.list(""), await first.lines(0), await allChanges(first, "", 1)];
      await first.close();
      const second = await open();
      expect([await second.list(""), await second.lines(0), await allChanges(second, "", 1)]).to.deep.equal(
        before,
      );
      const next = await second.commit({ lines: ["next"] });
      expect(next).to.deep.equal({
        outcome: "committed",
        revision: (before[0] as { revision: number }).revision + 1,
        index: 60,
      });
    });

    it("never gives a revision again, also when the last commits only deleted and all changes are forgotten", async () => {
      const retention = { revisions: 0, milliseconds: 0, everyMilliseconds: 1 };
      const first = await open({ retention });
      await committed(first, put("a/1"));
      const last = await committed(first, { deletes: [{ key: "a/1" }] });
      while ((await first.changes("a/", last - 1)).outcome === "ok") await first.revision();
      await first.close();
      const second = await open({ retention });
      expect(await second.list("")).to.deep.equal({ rows: [], revision: last, remaining: 0 });
      expect(await second.changes("a/", last - 1)).to.deep.equal({ outcome: "expired" });
      expect(await committed(second, put("a/1"))).to.be.greaterThan(last);
    });
  });

  describe("a file of schema version 1", () => {
    /** What version 1 made of these commits: put a/1 "1", put a/2 "2", put a/1 "3", delete a/2. */
    function writeVersion1(): void {
      const db = new DatabaseSync(file);
      db.exec(readFileSync(new URL("./version-1.sql", import.meta.url), "utf8"));
      db.close();
    }

    it("keeps what it had, changes included", async () => {
      writeVersion1();
      const store = await open();
      const rows = [{ key: "a/1", value: "3", revision: 4 }];
      expect(await store.list("")).to.deep.equal({ rows, revision: 5, remaining: 0 });
      expect((await store.lines(0)).map(({ line }) => line)).to.deep.equal(["one", "two"]);
      expect(
        (await allChanges(store, "", 1)).map(({ type, key, previous }) => [type, key, previous]),
      ).to.deep.equal([
        ["put", "a/1", null],
        ["put", "a/2", null],
        ["put", "a/1", "1"],
        ["delete", "a/2", "2"],
      ]);
      expect(await committed(store, put("a/1", "4"))).to.equal(6);
    });

    it("tells lists from the moment on that it is opened by this version, and of none before", async () => {
      writeVersion1();
      const store = await open();
      await committed(store, put("a/1", "4"));
      expect(await store.listPart("", { at: 4 })).to.deep.equal({ outcome: "expired" });
      expect(await store.listPart("", { at: 5 })).to.deep.equal({
        outcome: "ok",
        rows: [{ key: "a/1", value: "3", revision: 4 }],
        revision: 5,
        remaining: 0,
      });
    });
  });

  it("reads parts of lists by its indexes, never a whole table, and sorts nothing", async () => {
    await (await open()).close();
    const db = new DatabaseSync(file);
    for (const name of ["keptSince", "replacedSince", "count", "grownSince"] as const) {
      const plan = db.prepare(`EXPLAIN QUERY PLAN ${STATEMENTS[name]}`).all(...PLAN_ARGUMENTS[name]);
      const steps = plan.map(({ detail }) => String(detail)).join("; ");
      expect(steps, name).to.match(/SEARCH/);
      expect(steps, name).not.to.match(/SCAN|TEMP B-TREE/);
    }
    db.close();
  });

  describe("the lock", () => {
    it("refuses a second opener in the same process and leaves the first one's lock alone", async () => {
      const store = await open();
      for (let n = 0; n < 2; n += 1) {
        const error = await thrown(() => open());
        expect(String(error)).to.contain(`${file} is in use by process ${process.pid}`);
      }
      const { lines } = write();
      expect((await lines.next()).value).to.contain(
        `failed the store ${file} is in use by process ${process.pid}`,
      );
      await committed(store, put("a/1"));
    });

    it("is waited for by who has patience, until the other process gives it back", async () => {
      const { child, lines } = write();
      expect((await lines.next()).value).to.equal("ready");
      let isOpen = false;
      const waiting = open({ patience: 30_000 }).then((store) => {
        isOpen = true;
        return store;
      });
      const impatient = await thrown(() => open({ patience: 50 }));
      expect(String(impatient)).to.contain(`in use by process ${child.pid}`);
      expect(isOpen).to.equal(false);
      child.kill("SIGKILL");
      await committed(await waiting, put("a/1"));
    });

    it("names the other process that holds the store, and is free when that was killed", async () => {
      const { child, lines } = write();
      expect((await lines.next()).value).to.equal("ready");
      const error = await thrown(() => open());
      expect(String(error)).to.contain(`${file} is in use by process ${child.pid}`);
      child.kill("SIGKILL");
      await once(child, "exit");
      await open();
    });

    it("is free as soon as close has resolved", async () => {
      for (let n = 0; n < 3; n += 1) await (await open()).close();
    });
  });

  it("has every answered commit after kill -9 in the midst of committing, round after round", async () => {
    const told: Told[] = [];
    for (const enough of [1, 40, 400, 1500]) {
      const { child, lines } = write();
      expect((await lines.next()).value).to.equal("ready");
      let count = 0;
      for await (const line of lines) {
        if (!line.endsWith(" .")) continue;
        told.push(parse(line));
        count += 1;
        if (count === enough) child.kill("SIGKILL");
      }
      expect(count).to.be.at.least(enough);
      const store = await open();
      await checkAll(store, told);
      await store.close();
      await expectIntact();
    }
    expect(new Set(told.map(({ revision }) => revision)).size).to.equal(told.length);
  }).timeout(60_000);

  describe("when the disk fails a commit", () => {
    it("refuses everything from then on, and after reopening has every commit that was answered", async () => {
      const { lines } = write({ fileBlocks: 3000 });
      const told: Told[] = [];
      const rest: string[] = [];
      for await (const line of lines) {
        if (/^\d/.test(line)) told.push(parse(line));
        else rest.push(line);
      }
      expect(rest).to.have.length(2);
      expect(rest[1]).to.match(/^failed the store .* is lost until it is opened anew: /);
      expect(told.length).to.be.greaterThan(10);
      const store = await open();
      await checkAll(store, told);
      await committed(store, put("a/1"));
    }).timeout(30_000);

    it("rejects all commits of the group, says so once, and writes none of them", async () => {
      const causes: Error[] = [];
      const store = await open({ maxPages: 40, onLost: (cause) => causes.push(cause) });
      await committed(store, { ...put("a/0", "kept"), lines: ["kept"] });
      const told: number[] = [];
      store.onCommit((revision) => told.push(revision));
      const group = await Promise.allSettled([
        store.commit(put("a/1")),
        store.commit({ ...put("a/2", "x".repeat(1_000_000)), lines: ["never"] }),
        store.commit({ lines: ["never"] }),
        store.get("a/1"),
      ]);
      expect(group.map(({ status }) => status)).to.deep.equal([
        "rejected",
        "rejected",
        "rejected",
        "rejected",
      ]);
      for (const call of [
        () => store.get("a/0"),
        () => store.list(""),
        () => store.commit({}),
        () => store.lines(0),
      ]) {
        expect(String(await thrown(call))).to.match(
          /is lost until it is opened anew: database or disk is full/,
        );
      }
      await store.close();
      expect(causes).to.have.length(1);
      expect(told).to.deep.equal([]);
      const reopened = await open();
      expect((await reopened.list("")).rows.map(({ key, value }) => [key, value])).to.deep.equal([
        ["a/0", "kept"],
      ]);
      expect((await reopened.lines(0)).map(({ line }) => line)).to.deep.equal(["kept"]);
      await committed(reopened, put("a/1"));
    });
  });

  it("rejects what is pending and all that follows when its thread dies, and can be opened anew", async () => {
    const threads: Worker[] = [];
    const note = (thread: Worker) => void threads.push(thread);
    process.once("worker", note);
    const store = await open();
    await committed(store, put("a/1"));
    const pending = Promise.allSettled(
      Array.from({ length: 10 }, (_, n) => store.commit({ lines: [String(n)] })),
    );
    await threads[0]?.terminate();
    for (const result of await pending) {
      if (result.status === "rejected") expect(String(result.reason)).to.contain("its thread ended");
    }
    expect(String(await thrown(() => store.get("a/1")))).to.contain("its thread ended");
    await store.close();
    expect((await (await open()).get("a/1"))?.key).to.equal("a/1");
  });

  describe("refuses to open", () => {
    it("a file in a folder that does not exist", async () => {
      file = join(directory, "none", "hoop.db");
      expect(String(await thrown(() => open()))).to.contain(`the store ${file} cannot be opened`);
    });

    it("a file that is no database", async () => {
      writeFileSync(file, "something else entirely, and long enough to have a header".repeat(100));
      expect(String(await thrown(() => open()))).to.match(/cannot be opened: file is not a database/);
    });

    it("another program's database, and leaves it as it was", async () => {
      const db = new DatabaseSync(file);
      db.exec("CREATE TABLE state (one); PRAGMA user_version = 1");
      db.close();
      const before = readFileSync(file);
      expect(String(await thrown(() => open()))).to.contain("another program");
      expect(readFileSync(file).equals(before)).to.equal(true);
      expect(readdirSync(directory)).to.deep.equal(["hoop.db"]);
    });

    it("a store of a newer version", async () => {
      await (await open()).close();
      const db = new DatabaseSync(file);
      db.exec("PRAGMA user_version = 999");
      db.close();
      expect(String(await thrown(() => open()))).to.contain("schema version 999");
    });

    it("a damaged store", async () => {
      const store = await open();
      for (let n = 0; n < 200; n += 1) void store.commit(put(`a/${n}`, "x".repeat(500)));
      await store.close();
      const pages = Math.floor(statSync(file).size / 4096);
      const descriptor = openSync(file, "r+");
      for (let page = 2; page < pages; page += 3)
        writeSync(descriptor, Buffer.alloc(4096, 0x5a), 0, 4096, page * 4096);
      closeSync(descriptor);
      expect(String(await thrown(() => open()))).to.match(/cannot be opened: .*(damaged|malformed)/);
    });
  });
});

function parse(line: string): Told {
  const [n = "", key = "", revision, index] = line.split(" ");
  return { n, key, revision: Number(revision), index: Number(index) };
}

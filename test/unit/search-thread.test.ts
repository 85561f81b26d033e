/** The thread of the search index: there while somebody searches or much is to be done, and otherwise not. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Worker } from "node:worker_threads";
import { expect } from "chai";
import { canonical } from "#core/canonical.ts";
import type { Found } from "#core/ledger/search.ts";
import type { Store } from "#kit/storage.ts";
import { type SearchIndex, searchIndex } from "#search/index.ts";
import { ManualClock } from "../support/clock.ts";
import { EVERYTHING, entryWithPayload, ledgerOf, listener, wordOf } from "../support/search.ts";

const MINUTE = 60_000;
/** Whoever looks whether there is much to do has looked by then. */
const LOOK = 30_000;

describe("the thread of the search index", () => {
  let directory: string;
  let file: string;
  let clock: ManualClock;
  let index: SearchIndex;
  let threads: Worker[];
  let ended: number;
  const seen = (thread: Worker) => {
    threads.push(thread);
    thread.once("exit", () => {
      ended += 1;
    });
  };
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "hoop-search-"));
    file = join(directory, "search.db");
    clock = new ManualClock();
    threads = [];
    ended = 0;
    process.on("worker", seen);
  });
  afterEach(async () => {
    process.off("worker", seen);
    await index.close();
    rmSync(directory, { recursive: true, force: true });
  });

  const start = (store: Store, log = listener().log) => {
    index = searchIndex({ store, clock, log }, { file });
    return index;
  };
  const turn = () => new Promise((resolve) => setImmediate(resolve));
  /** Turns of the loop until it is so. */
  const until = async (isSo: () => boolean | Promise<boolean>) => {
    while (!(await isSo())) await turn();
  };
  /** Until the index rests: asleep, and what it has begun has come to its end. */
  const untilRest = (asleep = 1) => until(() => clock.sleeping >= asleep && threads.length === ended);
  const find = (n: number): Promise<Found> =>
    index.find(
      { ...EVERYTHING, terms: [{ words: [wordOf(n)], prefix: false }] },
      { from: 0, end: 1e9, limit: 10, newest: false },
    );
  const found = (n: number) => ({ outcome: "found", indexes: [n] });
  /** Lets time go by, and what waits for it begin. */
  const pass = async (milliseconds: number) => {
    await until(() => clock.sleeping > 0);
    clock.advance(milliseconds);
    for (let n = 0; n < 20; n += 1) await turn();
  };
  /** As a server that has something to do. */
  const commits = async (store: Store, from: number, count: number) => {
    for (let n = from; n < from + count; n += 1) await store.commit({ lines: [entryWithPayload(n)] });
  };

  it("is not there before somebody searches, whatever is committed", async () => {
    const store = await ledgerOf(10);
    start(store);
    await commits(store, 10, 200);
    for (let n = 0; n < 20; n += 1) await turn();
    expect(threads).to.have.length(0);
    expect(await index.behind()).to.equal(210);
    expect(await find(205)).to.deep.equal(found(205));
    expect(threads).to.have.length(1);
    expect(await index.behind()).to.equal(0);
  });

  it("stays for who searches again soon, and ends a minute after the last one", async () => {
    const store = await ledgerOf(10);
    start(store);
    await find(1);
    for (let n = 10; n < 14; n += 1) {
      await pass(MINUTE - 1);
      await commits(store, n, 1);
      expect(await find(n)).to.deep.equal(found(n));
    }
    expect([threads.length, ended]).to.deep.equal([1, 0]);
    await pass(MINUTE);
    await untilRest();
    expect([threads.length, ended]).to.deep.equal([1, 1]);
    // What is known of the file is known while it is closed.
    await commits(store, 14, 3);
    expect(await index.behind()).to.equal(3);
    expect(await find(16)).to.deep.equal(found(16));
    expect(threads).to.have.length(2);
  });

  it("does not follow what is committed while nobody searches, though it is there", async () => {
    const store = await ledgerOf(10);
    start(store);
    await find(1);
    await commits(store, 10, 50);
    await pass(MINUTE - 1);
    expect(await index.behind()).to.equal(50);
    await pass(1);
    await untilRest();
    expect(await index.behind()).to.equal(50);
  });

  it("answers whoever comes while it ends, at whatever moment", async () => {
    const store = await ledgerOf(20);
    start(store);
    for (let moment = 0; moment < 8; moment += 1) {
      await find(1);
      const before = ended;
      await until(() => clock.sleeping > 0);
      clock.advance(MINUTE);
      // The first ones before it is told to, the last ones when it has ended.
      for (let n = 0; n < moment; n += 1) await turn();
      if (moment > 5) await until(() => ended > before);
      expect(await find(moment), `${moment} turns later`).to.deep.equal(found(moment));
      await commits(store, 20 + moment, 1);
      expect(await find(20 + moment)).to.deep.equal(found(20 + moment));
      expect(threads.length - ended).to.equal(1);
    }
  });

  it("is one for as many as search at once", async () => {
    start(await ledgerOf(100));
    const asked = Array.from({ length: 100 }, (_, n) => n);
    expect(await Promise.all(asked.map(find))).to.deep.equal(asked.map(found));
    expect(threads).to.have.length(1);
  });

  it("is there for a while where nothing else goes on and much is to be done, and ends by itself", async () => {
    const store = await ledgerOf(1500);
    start(store);
    await pass(LOOK);
    await until(async () => (await index.behind()) === 0);
    await untilRest();
    expect([threads.length, ended]).to.deep.equal([1, 1]);
    await store.commit({ lines: Array.from({ length: 999 }, (_, n) => entryWithPayload(1500 + n)) });
    await pass(LOOK);
    expect(threads, "a little").to.have.length(1);
    await store.commit({ lines: [entryWithPayload(2499)] });
    await pass(LOOK);
    await until(async () => (await index.behind()) === 0);
    expect(threads, "much").to.have.length(2);
  });

  it("waits for a quiet time", async () => {
    const store = await ledgerOf(1500);
    start(store);
    for (const from of [1500, 1600, 1700]) {
      await commits(store, from, 100);
      await pass(LOOK);
    }
    expect(threads).to.have.length(0);
    await commits(store, 1800, 3);
    await pass(LOOK);
    await until(async () => (await index.behind()) === 0);
    expect(threads).to.have.length(1);
  });

  it("looks into its file once, in the first quiet time, though there is little to do", async () => {
    start(await ledgerOf(3));
    for (let n = 0; n < 3; n += 1) {
      await pass(LOOK);
      await until(async () => (await index.behind()) === 0);
      await untilRest();
    }
    expect(threads).to.have.length(1);
  });

  it("does not wait for a quiet time where a search would wait for minutes", async () => {
    const store = await ledgerOf(10);
    let size = 0;
    const long: Store = {
      ...{ get: (key) => store.get(key), list: (prefix) => store.list(prefix) },
      ...{
        listPart: (prefix, options) => store.listPart(prefix, options),
        commit: (batch) => store.commit(batch),
      },
      ...{
        changes: (prefix, since) => store.changes(prefix, since),
        lines: (from, limit) => store.lines(from, limit),
      },
      ...{ firstLineAfter: (revision) => store.firstLineAfter(revision), payload: (at) => store.payload(at) },
      ...{
        tile: (level, at) => store.tile(level, at),
        usage: () => store.usage(),
        revision: () => store.revision(),
      },
      ...{ onCommit: (listener) => store.onCommit(listener), close: () => store.close() },
      head: async () => ({ size: size || (await store.head()).size, note: undefined }),
    };
    start(long);
    await find(1);
    await pass(MINUTE);
    await untilRest();
    for (const [entries, expected] of [
      [99_000, 1],
      [200_000, 2],
    ] as const) {
      size = entries;
      await commits(store, 10 + entries, 100);
      await pass(LOOK);
      expect(threads, `${entries} entries`).to.have.length(expected);
    }
  });

  it("takes out of the file what was erased, though nobody searches", async () => {
    const store = await ledgerOf(10);
    start(store);
    await find(1);
    await pass(MINUTE);
    await untilRest();
    const isThere = () => readFileSync(file).includes(wordOf(3).slice(4));
    expect(isThere()).to.equal(true);
    const spans = [{ from: 3, to: 4 }];
    const said = {
      schema: "hoop.dev/erasure/v1",
      kind: "erasure",
      time: "2026-11-21T10:00:00.000000Z",
      spans,
    };
    await store.commit({ lines: [canonical(said)], erase: spans });
    index.catchUp();
    await until(async () => (await index.behind()) === 0);
    await untilRest();
    expect(isThere()).to.equal(false);
  });

  it("is ended in the midst of what it does when the index is closed, and goes on from there later", async () => {
    const store = await ledgerOf(4100);
    start(store);
    const asked = find(4099);
    await until(async () => (await index.behind()) < 4100);
    await index.close();
    expect(await asked).to.deep.equal({ outcome: "unavailable" });
    expect(await index.behind()).to.be.within(1, 4099);
    expect([threads.length, ended]).to.deep.equal([1, 1]);
    const { log, told } = listener();
    start(store, log);
    expect(await find(4099)).to.deep.equal(found(4099));
    expect(told).to.deep.equal([]);
  });

  it("looks through a file again that somebody else has written to, and not through its own", async () => {
    const store = await ledgerOf(300);
    const { log, told } = listener();
    start(store, log);
    await find(1);
    await pass(MINUTE);
    await untilRest();
    await find(2);
    await pass(MINUTE);
    await untilRest();
    expect(told).to.deep.equal([]);
    rmSync(file);
    const other = searchIndex({ store: await ledgerOf(20, "other"), clock, log: listener().log }, { file });
    await other.find(EVERYTHING, { from: 0, end: 1, limit: 1, newest: false });
    await other.close();
    expect(await find(3)).to.deep.equal(found(3));
    expect(told.join()).to.match(/not of this ledger/);
  });

  it("is begun again where it was killed while nobody searched", async () => {
    const store = await ledgerOf(30);
    const { log, told } = listener();
    start(store, log);
    await find(1);
    await threads[0]?.terminate();
    await until(() => told.length > 0);
    // Meanwhile they are looked through.
    expect(await find(2)).to.deep.equal({ outcome: "unavailable" });
    await pass(1000);
    await until(async () => (await index.behind()) === 0);
    await commits(store, 30, 1);
    expect(await find(30)).to.deep.equal(found(30));
    expect(told).to.have.length(1);
  });
});

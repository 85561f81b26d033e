import { expect } from "chai";
import { MAX_LINE_BYTES, type Store } from "#kit/storage.ts";
import type { Driver } from "./drivers.ts";
import { allChanges, committed, put } from "./steps.ts";
import { conflicts } from "./suite-conflicts.ts";
import { histories } from "./suite-histories.ts";
import { signedLedger } from "./suite-ledger.ts";
import { parts } from "./suite-parts.ts";
import { changes, listeners, reads } from "./suite-reads.ts";
import { closing, forgetting, refusals } from "./suite-refusals.ts";
import { restarts } from "./suite-restarts.ts";

/** What every driver of the storage port has to keep to, as mocha tests under the driver's name. */
export function storeConformance(name: string, driver: Driver): void {
  const { open } = driver;
  describe(`store conformance: ${name}`, () => {
    let store: Store;
    beforeEach(async () => {
      store = await open();
    });
    afterEach(() => store.close());

    commits(() => store);
    conflicts(() => store);
    ledger(() => store);
    signedLedger(open);
    reads(() => store);
    parts(() => store);
    changes(() => store);
    listeners(() => store);
    refusals(() => store);
    forgetting(open);
    closing(() => store);
    histories(driver);
    restarts(driver);
  });
}

function commits(store: () => Store): void {
  it("gives an empty store a positive revision and nothing else", async () => {
    const page = await store().list("");
    expect(page.rows).to.deep.equal([]);
    expect(page.revision).to.be.greaterThan(0);
    expect(await store().revision()).to.equal(page.revision);
    expect(await store().lines(0)).to.deep.equal([]);
    expect(await store().get("a/1")).to.equal(undefined);
  });

  it("stores a row under the revision of its commit", async () => {
    const revision = await committed(store(), put("a/1", '{"x":1}'));
    expect(await store().get("a/1")).to.deep.equal({ key: "a/1", value: '{"x":1}', revision });
    expect(await store().revision()).to.equal(revision);
  });

  it("overwrites and deletes unconditionally when nothing is expected", async () => {
    await committed(store(), put("a/1", "1"));
    const second = await committed(store(), put("a/1", "2"));
    expect(await store().get("a/1")).to.deep.equal({ key: "a/1", value: "2", revision: second });
    await committed(store(), { deletes: [{ key: "a/1" }] });
    expect(await store().get("a/1")).to.equal(undefined);
  });

  it("grows the revision with every commit, also one that changes nothing", async () => {
    const revisions = [await store().revision()];
    for (const batch of [put("a/1"), {}, { deletes: [{ key: "a/none" }] }, { lines: ["x"] }, put("a/1")]) {
      revisions.push(await committed(store(), batch));
    }
    expect(revisions).to.deep.equal([...new Set(revisions)].sort((a, b) => a - b));
    expect(await store().revision()).to.equal(revisions.at(-1));
  });

  it("writes all of a batch under one revision", async () => {
    await committed(store(), put("a/old"));
    const result = await store().commit({
      puts: ["a/1", "b/1"].map((key) => ({ key, value: key })),
      deletes: [{ key: "a/old" }],
      lines: ["one", "two"],
    });
    if (result.outcome !== "committed") throw new Error(result.outcome);
    const { revision } = result;
    expect(await store().list("")).to.deep.equal({
      rows: ["a/1", "b/1"].map((key) => ({ key, value: key, revision })),
      revision,
      remaining: 0,
    });
    expect((await store().lines(0)).map((line) => line.revision)).to.deep.equal([revision, revision]);
    expect((await allChanges(store(), "", revision - 1)).every((c) => c.revision === revision)).to.equal(
      true,
    );
  });

  it("takes the batch as it was when commit was called", async () => {
    const puts = [{ key: "a/1", value: "1" }];
    const lines = ["one"];
    const done = committed(store(), { puts, lines });
    puts.push({ key: "a/2", value: "2" });
    lines.push("two");
    await done;
    expect((await store().list("")).rows.map((row) => row.key)).to.deep.equal(["a/1"]);
    expect(await store().lines(0)).to.have.length(1);
  });

  it("keeps values and lines to the letter", async () => {
    const texts = [
      "",
      " ",
      "{}",
      '"\u0000"',
      "\u0000x",
      "é",
      "日本",
      "😀",
      "\uffff",
      "x".repeat(300_000),
      "'\";--",
    ];
    const lines = texts.map((text) => text.slice(0, MAX_LINE_BYTES));
    await committed(store(), {
      puts: texts.map((value, index) => ({ key: `a/${index}`, value })),
      lines,
    });
    for (const [index, value] of texts.entries()) {
      expect((await store().get(`a/${index}`))?.value, `value ${index}`).to.equal(value);
    }
    expect((await store().lines(0)).map(({ line }) => line)).to.deep.equal(lines);
    expect((await allChanges(store(), "a/", 1)).map((c) => c.type === "put" && c.value)).to.deep.equal(texts);
  });

  it("shows an answered commit to every later read", async () => {
    await Promise.all(
      Array.from({ length: 50 }, async (_, n) => {
        const revision = await committed(store(), put(`a/${n}`, String(n)));
        expect((await store().get(`a/${n}`))?.value).to.equal(String(n));
        expect((await store().list("a/")).revision).to.be.at.least(revision);
        expect(await store().revision()).to.be.at.least(revision);
      }),
    );
  });
}

function ledger(store: () => Store): void {
  it("numbers lines from 0 without a gap, in the order given", async () => {
    const results = [
      await store().commit({ lines: ["a", "b"] }),
      await store().commit(put("a/1")),
      await store().commit({ lines: ["c"] }),
    ];
    expect(results.map((result) => result.outcome === "committed" && result.index)).to.deep.equal([0, 2, 2]);
    const lines = await store().lines(0);
    expect(lines.map(({ index, line }) => [index, line])).to.deep.equal([
      [0, "a"],
      [1, "b"],
      [2, "c"],
    ]);
  });

  it("keeps the lines of one of many concurrent commits together, at the index that was answered", async () => {
    const results = await Promise.all(
      Array.from({ length: 100 }, (_, n) => store().commit({ lines: [`${n}.0`, `${n}.1`, `${n}.2`] })),
    );
    const lines = await store().lines(0);
    expect(lines.map(({ index }) => index)).to.deep.equal(Array.from({ length: 300 }, (_, n) => n));
    for (const [n, result] of results.entries()) {
      if (result.outcome !== "committed") throw new Error(result.outcome);
      const own = lines.slice(result.index, result.index + 3);
      expect(own.map(({ line }) => line)).to.deep.equal([`${n}.0`, `${n}.1`, `${n}.2`]);
      expect(own.every(({ revision }) => revision === result.revision)).to.equal(true);
    }
    const order = lines.map(({ revision }) => revision);
    expect(order).to.deep.equal([...order].sort((a, b) => a - b));
  });

  it("pages through the lines", async () => {
    await committed(store(), { lines: Array.from({ length: 1201 }, (_, n) => String(n)) });
    expect(await store().lines(0)).to.have.length(500);
    expect((await store().lines(1000)).map(({ index }) => index).at(-1)).to.equal(1200);
    expect((await store().lines(7, 3)).map(({ line }) => line)).to.deep.equal(["7", "8", "9"]);
    expect(await store().lines(1201)).to.deep.equal([]);
  });

  it("finds the first line after a revision", async () => {
    const empty = await store().revision();
    expect(await store().firstLineAfter(empty)).to.equal(0);
    const revisions: number[] = [];
    for (const lines of [["a"], ["b", "c"], [], ["d"]]) {
      const result = await store().commit({ lines });
      if (result.outcome === "committed") revisions.push(result.revision);
    }
    const found = await Promise.all(
      [empty, ...revisions].map((revision) => store().firstLineAfter(revision)),
    );
    expect(found).to.deep.equal([0, 1, 3, 3, 4]);
  });
}

import { expect } from "chai";
import type { Store } from "#kit/storage.ts";
import { allChanges, committed, put } from "./steps.ts";

/** Prefixes, and lists as snapshots. */
export function reads(store: () => Store): void {
  const keys = [
    "a/1",
    "a/1/x",
    "a/10",
    "a/10/y",
    "a/2",
    "a/B",
    "a/a",
    "a-b/1",
    "a.b/1",
    "ab/1",
    "a:b/1",
    "a_b/1",
  ];

  const prefixes: Record<string, string[]> = {
    "": ["a-b/1", "a.b/1", "a/1", "a/1/x", "a/10", "a/10/y", "a/2", "a/B", "a/a", "a:b/1", "a_b/1", "ab/1"],
    "a/": ["a/1", "a/1/x", "a/10", "a/10/y", "a/2", "a/B", "a/a"],
    "a/1": ["a/1", "a/1/x", "a/10", "a/10/y"],
    "a/1/": ["a/1/x"],
    "a/10": ["a/10", "a/10/y"],
    "a/10/": ["a/10/y"],
    "a/3": [],
    "a/2/": [],
    z: [],
  };
  for (const [prefix, found] of Object.entries(prefixes)) {
    it(`lists and watches what starts with "${prefix}", by bytes, and nothing else`, async () => {
      await committed(store(), { puts: keys.map((key) => ({ key, value: "{}" })) });
      expect((await store().list(prefix)).rows.map((row) => row.key)).to.deep.equal(found);
      const changed = (await allChanges(store(), prefix, 1)).map((change) => change.key);
      expect(changed.sort()).to.deep.equal([...found].sort());
    });
  }

  it("lists a snapshot: the changes after its revision lead to the next list", async () => {
    const writers = Array.from({ length: 8 }, async (_, w) => {
      for (let n = 0; n < 20; n += 1) {
        await committed(store(), n % 3 === 2 ? { deletes: [{ key: `a/${w}` }] } : put(`a/${w}`, `${w}.${n}`));
      }
    });
    const lists = [await store().list("a/")];
    for (let n = 0; n < 10; n += 1) lists.push(await store().list("a/"));
    await Promise.all(writers);
    const last = await store().list("a/");
    for (const { rows, revision } of lists) {
      const state = new Map(rows.map((row) => [row.key, row]));
      for (const change of await allChanges(store(), "a/", revision)) {
        if (change.type === "delete") state.delete(change.key);
        else state.set(change.key, { key: change.key, value: change.value, revision: change.revision });
      }
      const result = [...state.values()].sort((a, b) => (a.key < b.key ? -1 : 1));
      expect(result).to.deep.equal(last.rows);
    }
  });
}

/** The changes since a revision: all of them, in order, with what was before. */
export function changes(store: () => Store): void {
  it("tells every change in order, with the value before", async () => {
    const since = await store().revision();
    const r1 = await committed(store(), put("a/1", "1"));
    const r2 = await committed(store(), { puts: [{ key: "a/1", value: "2" }, ...put("b/1").puts] });
    const r3 = await committed(store(), { deletes: [{ key: "a/1" }, { key: "a/none" }] });
    const r4 = await committed(store(), put("a/1", "3"));
    const answer = await store().changes("a/", since);
    expect(answer).to.deep.equal({
      outcome: "ok",
      revision: r4,
      changes: [
        { type: "put", key: "a/1", value: "1", revision: r1, previous: null },
        { type: "put", key: "a/1", value: "2", revision: r2, previous: "1" },
        { type: "delete", key: "a/1", revision: r3, previous: "2" },
        { type: "put", key: "a/1", value: "3", revision: r4, previous: null },
      ],
    });
    expect(
      (await store().changes("a/", r3)).outcome === "ok" && (await allChanges(store(), "a/", r3)),
    ).to.have.length(1);
  });

  it("tells the puts of a batch, then its deletes, each in the order given", async () => {
    const since = await committed(store(), put("a/9"));
    await committed(store(), {
      puts: ["a/3", "a/1", "a/2"].map((key) => ({ key, value: "{}" })),
      deletes: [{ key: "a/9" }],
    });
    const keys = (await allChanges(store(), "a/", since)).map((change) => change.key);
    expect(keys).to.deep.equal(["a/3", "a/1", "a/2", "a/9"]);
  });

  it("looks as far as the newest revision when nothing under the prefix changed", async () => {
    const revision = await committed(store(), put("b/1"));
    expect(await store().changes("a/", 1)).to.deep.equal({ outcome: "ok", changes: [], revision });
    expect(await store().changes("a/", revision)).to.deep.equal({ outcome: "ok", changes: [], revision });
  });

  it("tells nothing after commits of lines alone, however many, and then what comes", async () => {
    const since = await committed(store(), put("a/1"));
    for (const line of ["one", "two"]) {
      const revision = await committed(store(), { lines: [line] });
      expect(await store().changes("a/", since)).to.deep.equal({ outcome: "ok", changes: [], revision });
    }
    const revision = await committed(store(), { puts: [{ key: "a/2", value: "{}" }], lines: ["three"] });
    const change = { type: "put", key: "a/2", value: "{}", revision, previous: null };
    expect(await store().changes("a/", since)).to.deep.equal({ outcome: "ok", changes: [change], revision });
    expect(await store().changes("a/", revision + 1)).to.deep.equal({ outcome: "expired" });
  });

  for (const limit of [1, 2, 3, 5, 100]) {
    it(`leaves nothing out when read ${limit} at a time, and never cuts a revision in two`, async () => {
      const since = await store().revision();
      for (const size of [1, 3, 2, 4, 1, 1, 2]) {
        await committed(store(), {
          puts: Array.from({ length: size }, (_, n) => ({ key: `a/${n}`, value: `${size}` })),
          deletes: [{ key: "b/1" }],
        });
        await committed(store(), put("b/1"));
      }
      const whole = await allChanges(store(), "a/", since);
      expect(whole).to.have.length(14);
      expect(await allChanges(store(), "a/", since, limit)).to.deep.equal(whole);
      const page = await store().changes("a/", since, limit);
      if (page.outcome !== "ok") throw new Error(page.outcome);
      expect(
        page.changes.length <= limit || new Set(page.changes.map((c) => c.revision)).size === 1,
      ).to.equal(true);
    });
  }

  it("reads at most 500 changes unless told otherwise", async () => {
    for (let n = 0; n < 6; n += 1) {
      await committed(store(), {
        puts: Array.from({ length: 100 }, (_, key) => ({ key: `a/${key}`, value: String(n) })),
      });
    }
    const page = await store().changes("a/", 1);
    expect(page.outcome === "ok" && page.changes.length).to.equal(500);
  });

  it("answers expired for a revision that it never gave: that watcher knew another store", async () => {
    const revision = await store().revision();
    expect(await store().changes("a/", revision + 1)).to.deep.equal({ outcome: "expired" });
  });
}

/** Callbacks after commits. */
export function listeners(store: () => Store): void {
  it("calls back after each commit with its revision, and not after a conflict", async () => {
    const told: number[] = [];
    const both = Promise.withResolvers<void>();
    store().onCommit((revision) => {
      told.push(revision);
      if (told.length === 2) both.resolve();
    });
    const first = await committed(store(), put("a/1"));
    await store().commit({ puts: [{ key: "a/1", value: "x", expect: 0 }] });
    const second = await committed(store(), { lines: ["x"] });
    await both.promise;
    expect(told).to.deep.equal([first, second]);
  });

  it("shows the commit to a reader that was called back", async () => {
    const seen = new Promise((resolve) => {
      store().onCommit(
        (revision) =>
          void store()
            .changes("a/", revision - 1)
            .then(resolve),
      );
    });
    const revision = await committed(store(), put("a/1", "1"));
    expect(await seen).to.deep.equal({
      outcome: "ok",
      revision,
      changes: [{ type: "put", key: "a/1", value: "1", revision, previous: null }],
    });
  });

  it("stops calling back when told, each listener by itself", async () => {
    const told: string[] = [];
    const listener = () => void told.push("same");
    const stop = store().onCommit(listener);
    store().onCommit(listener);
    const last = Promise.withResolvers<void>();
    store().onCommit(() => last.resolve());
    stop();
    await committed(store(), put("a/1"));
    await last.promise;
    expect(told).to.deep.equal(["same"]);
  });
}

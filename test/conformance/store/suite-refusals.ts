import { expect } from "chai";
import type { Store } from "#kit/storage.ts";
import type { Open } from "./drivers.ts";
import { allChanges, committed, put, thrown } from "./steps.ts";

/** Wrong arguments: a TypeError, and no harm done. */
export function refusals(store: () => Store): void {
  const keys = [
    "",
    "a",
    "/a",
    "a/",
    "a//b",
    "a/b/",
    "a/ b",
    "a/b%",
    "a/b~",
    "a/é",
    "a/b\n",
    "a/b\u0000",
    "a\\b",
  ];
  for (const key of keys) {
    it(`refuses the key ${JSON.stringify(key)} with a TypeError`, async () => {
      expect(await thrown(() => store().get(key))).to.be.instanceOf(TypeError);
      expect(await thrown(() => store().commit(put(key)))).to.be.instanceOf(TypeError);
      expect(await thrown(() => store().commit({ deletes: [{ key }] }))).to.be.instanceOf(TypeError);
      expect((await store().list("")).rows).to.deep.equal([]);
    });
  }

  for (const prefix of ["/", "a//", "a/%", "a/é", "a b", "a\n"]) {
    it(`refuses the prefix ${JSON.stringify(prefix)} with a TypeError`, async () => {
      expect(await thrown(() => store().list(prefix))).to.be.instanceOf(TypeError);
      expect(await thrown(() => store().changes(prefix, 1))).to.be.instanceOf(TypeError);
      expect(await thrown(() => store().listPart(prefix, {}))).to.be.instanceOf(TypeError);
    });
  }

  const arguments_: Record<string, (store: Store) => Promise<unknown>> = {
    "a key that stands in a batch twice": (s) =>
      s.commit({ puts: [{ key: "a/1", value: "1" }], deletes: [{ key: "a/1" }] }),
    "a value that UTF-8 cannot hold": (s) => s.commit(put("a/1", "\ud800")),
    "a line that UTF-8 cannot hold": (s) => s.commit({ lines: ["ok", "\udc00x"] }),
    "an expected revision that is none": (s) => s.commit({ puts: [{ key: "a/1", value: "1", expect: -1 }] }),
    "an expected revision with a fraction": (s) => s.commit({ deletes: [{ key: "a/1", expect: 1.5 }] }),
    "changes since no number": (s) => s.changes("a/", Number.NaN),
    "changes with no room": (s) => s.changes("a/", 1, 0),
    "a part of a list with no room": (s) => s.listPart("a/", { limit: 0 }),
    "a part of a list at no revision": (s) => s.listPart("a/", { at: -1 }),
    "a part of a list after what UTF-8 cannot hold": (s) => s.listPart("a/", { after: "\ud800" }),
    "lines from before the first": (s) => s.lines(-1),
    "lines with no room": (s) => s.lines(0, 0),
  };
  for (const [name, call] of Object.entries(arguments_)) {
    it(`refuses ${name} with a TypeError, and goes on`, async () => {
      expect(await thrown(() => call(store()))).to.be.instanceOf(TypeError);
      await committed(store(), put("a/1"));
      expect((await store().list("")).rows).to.have.length(1);
      expect(await store().lines(0)).to.deep.equal([]);
    });
  }
}

/** Changes beyond what is kept. */
export function forgetting(open: Open): void {
  describe("forgetting old changes", () => {
    let store: Store;
    beforeEach(async () => {
      store = await open({ keepRevisions: 5 });
    });
    afterEach(() => store.close());

    async function expire(since: number): Promise<void> {
      while ((await store.changes("a/", since)).outcome === "ok") await store.revision();
    }

    it("answers expired for what is gone, and completely for what is kept", async () => {
      const revisions: number[] = [];
      for (let n = 0; n < 40; n += 1) revisions.push(await committed(store, put("a/1", String(n))));
      const kept = revisions.slice(-5);
      await expire(revisions[revisions.length - 7] ?? 0);
      expect(await store.changes("a/", 1)).to.deep.equal({ outcome: "expired" });
      expect(await store.changes("other/", 1)).to.deep.equal({ outcome: "expired" });
      const left = await allChanges(store, "a/", revisions[revisions.length - 6] ?? 0);
      expect(left.map(({ revision }) => revision)).to.deep.equal(kept);
      expect(left.map((change) => change.previous)).to.deep.equal(["34", "35", "36", "37", "38"]);
    });

    it("answers expired for lists of moments whose changes are gone, and tells those that are kept", async () => {
      const revisions: number[] = [];
      for (let n = 0; n < 40; n += 1) revisions.push(await committed(store, put("a/1", String(n))));
      const [gone = 0, kept = 0] = revisions.slice(-7);
      await expire(gone);
      expect(await store.listPart("a/", { at: gone })).to.deep.equal({ outcome: "expired" });
      const page = await store.listPart("a/", { at: kept });
      expect(page.outcome === "ok" && page.rows).to.deep.equal([{ key: "a/1", value: "34", revision: kept }]);
    });

    it("keeps rows, lines and the count of revisions", async () => {
      for (let n = 0; n < 20; n += 1) await committed(store, { ...put(`a/${n}`), lines: [String(n)] });
      const last = await committed(store, { deletes: [{ key: "a/0" }] });
      for (let n = 0; n < 10; n += 1) await committed(store, {});
      await expire(last - 1);
      expect((await store.list("a/")).rows).to.have.length(19);
      expect(await store.lines(0)).to.have.length(20);
      expect(await store.revision()).to.equal(last + 10);
      expect(await store.changes("a/", last)).to.deep.equal({
        outcome: "ok",
        changes: [],
        revision: last + 10,
      });
    });

    it("forgets nothing while nothing changes and all is within bounds", async () => {
      const since = await store.revision();
      for (let n = 0; n < 5; n += 1) await committed(store, put("a/1", String(n)));
      expect(await allChanges(store, "a/", since)).to.have.length(5);
    });
  });
}

/** The end of a store. */
export function closing(store: () => Store): void {
  it("answers what was asked before close, and refuses what comes after", async () => {
    const before = Array.from({ length: 20 }, (_, n) => store().commit(put(`a/${n}`)));
    const closed = store().close();
    const after = await thrown(() => store().commit(put("a/late")));
    expect(after).to.be.instanceOf(Error);
    expect(String(after)).to.contain("closed");
    const results = await Promise.all(before);
    expect(results.every(({ outcome }) => outcome === "committed")).to.equal(true);
    await closed;
    expect(String(await thrown(() => store().get("a/1")))).to.contain("closed");
    await store().close();
  });
}

import { expect } from "chai";
import type { Batch, Store } from "#kit/storage.ts";
import { allChanges, committed, put } from "./steps.ts";

/** Expected revisions: who wins, and that a loser leaves no trace. */
export function conflicts(store: () => Store): void {
  const expectations: Record<string, { batch: (revision: number) => Batch; outcome: string }> = {
    "a put that expects the row's revision": {
      batch: (expect) => ({ puts: [{ key: "a/1", value: "2", expect }] }),
      outcome: "committed",
    },
    "a put that expects an older revision": {
      batch: (revision) => ({ puts: [{ key: "a/1", value: "2", expect: revision - 1 }] }),
      outcome: "conflict",
    },
    "a put that expects a revision not yet given": {
      batch: (revision) => ({ puts: [{ key: "a/1", value: "2", expect: revision + 100 }] }),
      outcome: "conflict",
    },
    "a put that expects no row where one is": {
      batch: () => ({ puts: [{ key: "a/1", value: "2", expect: 0 }] }),
      outcome: "conflict",
    },
    "a put that expects no row where none is": {
      batch: () => ({ puts: [{ key: "a/new", value: "2", expect: 0 }] }),
      outcome: "committed",
    },
    "a put that expects a revision where no row is": {
      batch: (expect) => ({ puts: [{ key: "a/new", value: "2", expect }] }),
      outcome: "conflict",
    },
    "a delete that expects the row's revision": {
      batch: (expect) => ({ deletes: [{ key: "a/1", expect }] }),
      outcome: "committed",
    },
    "a delete that expects an older revision": {
      batch: (revision) => ({ deletes: [{ key: "a/1", expect: revision - 1 }] }),
      outcome: "conflict",
    },
    "a delete that expects a revision where no row is": {
      batch: (expect) => ({ deletes: [{ key: "a/new", expect }] }),
      outcome: "conflict",
    },
    "a delete that expects no row where one is": {
      batch: () => ({ deletes: [{ key: "a/1", expect: 0 }] }),
      outcome: "conflict",
    },
  };
  for (const [name, { batch, outcome }] of Object.entries(expectations)) {
    it(`answers ${name}: ${outcome}`, async () => {
      const revision = await committed(store(), put("a/1", "1"));
      expect((await store().commit(batch(revision))).outcome).to.equal(outcome);
    });
  }

  it("writes nothing of a batch with a conflict, and names the key", async () => {
    const revision = await committed(store(), { ...put("a/1"), lines: ["first"] });
    const before = await store().list("");
    const result = await store().commit({
      puts: [
        { key: "a/0", value: "new" },
        { key: "a/1", value: "changed", expect: revision + 1 },
      ],
      deletes: [{ key: "a/1x" }],
      lines: ["never"],
    });
    expect(result).to.deep.equal({ outcome: "conflict", key: "a/1" });
    expect(await store().list("")).to.deep.equal(before);
    expect(await store().lines(0)).to.have.length(1);
    expect(await allChanges(store(), "", revision)).to.deep.equal([]);
  });

  it("does not give a deleted and remade row its old revision", async () => {
    const first = await committed(store(), put("a/1"));
    await committed(store(), { deletes: [{ key: "a/1" }] });
    await committed(store(), { puts: [{ key: "a/1", value: "{}", expect: 0 }] });
    const late = await store().commit({ puts: [{ key: "a/1", value: "late", expect: first }] });
    expect(late).to.deep.equal({ outcome: "conflict", key: "a/1" });
  });

  it("lets exactly one of many creations of the same row win", async () => {
    const results = await Promise.all(
      Array.from({ length: 64 }, (_, n) =>
        store().commit({ puts: [{ key: "a/1", value: String(n), expect: 0 }], lines: [String(n)] }),
      ),
    );
    const winners = results.flatMap((result, n) => (result.outcome === "committed" ? [n] : []));
    expect(winners).to.have.length(1);
    expect((await store().get("a/1"))?.value).to.equal(String(winners[0]));
    expect((await store().lines(0)).map(({ line }) => line)).to.deep.equal([String(winners[0])]);
  });

  it("judges each of the commits made at once by itself", async () => {
    const revision = await committed(store(), put("a/1", "1"));
    const results = await Promise.all([
      store().commit({ puts: [{ key: "a/1", value: "2", expect: revision }], lines: ["x"] }),
      store().commit({ puts: [{ key: "a/1", value: "3", expect: revision }], lines: ["y"] }),
      store().commit({ puts: [{ key: "b/1", value: "1", expect: 0 }], lines: ["z", "z"] }),
      store().commit({ lines: ["w"] }),
    ]);
    expect(results.filter(({ outcome }) => outcome === "conflict")).to.have.length(1);
    const revisions = results.flatMap((result) => (result.outcome === "committed" ? [result.revision] : []));
    expect(new Set(revisions).size).to.equal(3);
    expect(await store().lines(0)).to.have.length(4);
  });
}

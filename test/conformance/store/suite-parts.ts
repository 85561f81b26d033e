import { expect } from "chai";
import type { ListOptions, Row, Store } from "#kit/storage.ts";
import { committed, put } from "./steps.ts";

/** All rows of a list, fetched `limit` at a time, each page of the moment of the first. */
export async function pagedList(
  store: Store,
  prefix: string,
  limit: number,
  at?: number,
): Promise<{ rows: Row[]; revision: number }> {
  const rows: Row[] = [];
  let options: ListOptions = { limit, ...(at === undefined ? {} : { at }) };
  let left = 0;
  for (;;) {
    const page = await store.listPart(prefix, options);
    if (page.outcome === "expired") throw new Error(`expired at ${at}`);
    const isFirst = rows.length === 0;
    rows.push(...page.rows);
    if (!isFirst) expect(page.rows.length + page.remaining, "what remained").to.equal(left);
    left = page.remaining;
    const last = page.rows.at(-1);
    if (last === undefined || left === 0) return { rows, revision: page.revision };
    options = { limit, at: page.revision, after: last.key };
  }
}

/** Parts of lists, and lists of earlier moments. */
export function parts(store: () => Store): void {
  it("gives a part of a list, and how many rows follow", async () => {
    const keys = ["a/1", "a/1/x", "a/2", "a/3", "b/1"];
    const revision = await committed(store(), { puts: keys.map((key) => ({ key, value: key })) });
    const row = (key: string) => ({ key, value: key, revision });
    const cases: [ListOptions, string[], number][] = [
      [{}, ["a/1", "a/1/x", "a/2", "a/3"], 0],
      [{ limit: 2 }, ["a/1", "a/1/x"], 2],
      [{ limit: 4 }, ["a/1", "a/1/x", "a/2", "a/3"], 0],
      [{ after: "a/1" }, ["a/1/x", "a/2", "a/3"], 0],
      [{ after: "a/1", limit: 1 }, ["a/1/x"], 2],
      [{ after: "a/11", limit: 5 }, ["a/2", "a/3"], 0],
      [{ after: "a/3", limit: 1 }, [], 0],
      [{ after: "0", limit: 1 }, ["a/1"], 3],
      [{ after: "z" }, [], 0],
    ];
    for (const [options, found, remaining] of cases) {
      const expected = { outcome: "ok", rows: found.map(row), revision, remaining };
      expect(await store().listPart("a/", options), JSON.stringify(options)).to.deep.equal(expected);
      const then = await store().listPart("a/", { ...options, at: revision });
      expect(then, `${JSON.stringify(options)} at ${revision}`).to.deep.equal(expected);
    }
  });

  it("tells the list of an earlier moment: values and revisions of then", async () => {
    const moments: { revision: number; rows: Row[] }[] = [];
    const batches = [
      put("a/1", "1"),
      { puts: [...put("a/2", "1").puts, ...put("b/1", "x").puts] },
      put("a/1", "2"),
      put("a/1", "3"),
      { deletes: [{ key: "a/1" }], puts: put("a/3", "1").puts },
      { lines: ["nothing under the prefix"] },
      put("a/1", "4"),
      { deletes: [{ key: "a/2" }, { key: "a/3" }] },
      put("a/3", "2"),
    ];
    for (const batch of batches) {
      const revision = await committed(store(), batch);
      moments.push({ revision, rows: (await store().list("a/")).rows });
    }
    for (const { revision, rows } of moments) {
      const whole = await store().listPart("a/", { at: revision });
      expect(whole, `at ${revision}`).to.deep.equal({ outcome: "ok", rows, revision, remaining: 0 });
      for (const limit of [1, 2, 3]) {
        expect(await pagedList(store(), "a/", limit, revision)).to.deep.equal({ rows, revision });
      }
    }
  });

  it("pages through the snapshot of the first page while others write", async () => {
    const puts = Array.from({ length: 40 }, (_, n) => ({ key: `a/${n}`, value: "first" }));
    await committed(store(), { puts });
    let isOver = false;
    const writer = (async () => {
      for (let n = 0; !isOver; n += 1) {
        const key = `a/${(n * 7) % 60}`;
        await committed(store(), n % 3 === 0 ? { deletes: [{ key }] } : put(key, String(n)));
      }
    })();
    for (const limit of [1, 7, 39, 100]) {
      const { rows, revision } = await pagedList(store(), "a/", limit);
      const whole = await store().listPart("a/", { at: revision });
      expect(whole).to.deep.equal({ outcome: "ok", rows, revision, remaining: 0 });
    }
    isOver = true;
    await writer;
  });

  it("answers expired for a moment that it has not reached", async () => {
    const revision = await committed(store(), put("a/1"));
    expect(await store().listPart("a/", { at: revision + 1 })).to.deep.equal({ outcome: "expired" });
  });

  it("answers for the moment before anything was written", async () => {
    const start = await store().revision();
    await committed(store(), put("a/1"));
    const page = await store().listPart("a/", { at: start, limit: 1 });
    expect(page).to.deep.equal({ outcome: "ok", rows: [], revision: start, remaining: 0 });
  });
}

/** Rows that are known from before are those that the file has, however what is asked and written comes in between. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import fc from "fast-check";
import type { Row } from "#kit/storage.ts";
import { KnownRows } from "#store/known-rows.ts";
import { type SqliteStore, sqliteStore } from "#store/sqlite.ts";

const KEYS = ["a/1", "a/2"];

describe("rows that are known from before", () => {
  let directory: string;
  let store: SqliteStore;
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), "hoop-known-rows-"));
    store = await sqliteStore(join(directory, "hoop.db"));
  });
  after(async () => {
    await store.close();
    await rm(directory, { recursive: true, force: true });
  });

  it("are what was written last, whatever was under way together", async () => {
    const asking: Record<string, (key: string, value: string) => Promise<unknown>> = {
      get: (key) => store.get(key),
      put: (key, value) => store.commit({ puts: [{ key, value }] }),
      refused: (key) => store.commit({ puts: [{ key, value: "never", expect: 2 ** 40 }] }),
      delete: (key) => store.commit({ deletes: [{ key }] }),
    };
    const ask = fc.constantFrom(...Object.values(asking));
    const together = fc.array(fc.tuple(ask, fc.constantFrom(...KEYS), fc.string()), { maxLength: 8 });
    await fc.assert(
      fc.asyncProperty(fc.array(together, { maxLength: 4 }), async (steps) => {
        for (const asked of steps)
          await Promise.all(asked.map(([ask, key, value]) => ask(key, value.toWellFormed())));
        const { rows } = await store.list("a/");
        const there = KEYS.map((key) => rows.find((row) => row.key === key));
        // As the file may say it, and as it is known then.
        for (let n = 0; n < 2; n++)
          expect(await Promise.all(KEYS.map((key) => store.get(key)))).to.deep.equal(there);
      }),
    );
  });

  it("are told by a store that is closed no more", async () => {
    const other = await sqliteStore(join(directory, "other.db"));
    await other.commit({ puts: [{ key: "a/1", value: "x" }] });
    expect((await other.get("a/1"))?.value).to.equal("x");
    await other.close();
    const told = await other.get("a/1").then(
      () => "a row",
      () => "refused",
    );
    expect(told).to.equal("refused");
  });

  it("are so many and no more, none of them long", () => {
    const known = new KnownRows();
    const row = (n: number, value = "x"): Row => ({ key: `a/${n}`, value, revision: n });
    for (let n = 0; n < 300; n++) known.keep(row(n), known.writes);
    known.keep(row(300, "x".repeat(20_000)), known.writes);
    const kept = Array.from({ length: 301 }, (_, n) => known.get(`a/${n}`)).filter(
      (one) => one !== undefined,
    );
    expect(kept).to.have.length(256);
    expect(known.get("a/299")).to.not.equal(undefined);
    expect(known.get("a/300")).to.equal(undefined);
  });
});

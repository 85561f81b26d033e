/** What a store that outlives its process has to have again when it is opened anew. */
import { expect } from "chai";
import type { Store } from "#kit/storage.ts";
import type { Driver, Place } from "./drivers.ts";
import { KEYS } from "./keys.ts";
import { allChanges, committed, put } from "./steps.ts";

export function restarts({ place }: Driver): void {
  if (place === undefined) return;
  describe("closed and opened again", () => {
    let here: Place;
    let store: Store;
    beforeEach(async () => {
      here = place();
      store = await here.open({ keys: KEYS });
    });
    afterEach(async () => {
      await store.close();
      here.remove();
    });

    async function again(keepRevisions?: number): Promise<void> {
      await store.close();
      store = await here.open({ keys: KEYS, ...(keepRevisions === undefined ? {} : { keepRevisions }) });
    }

    async function everything() {
      return {
        rows: await store.list(""),
        part: await store.listPart("a/", { limit: 1 }),
        changes: await allChanges(store, "", 1),
        lines: await store.lines(0),
        payloads: await Promise.all([0, 1, 2, 3].map((index) => store.payload(index))),
        tile: Buffer.from((await store.tile(0, 0)) ?? []).toString("hex"),
        head: await store.head(),
        revision: await store.revision(),
      };
    }

    it("has all it had", async () => {
      const payload = new Uint8Array([1, 2, 3]);
      await committed(store, { ...put("a/1", "1"), lines: ["a", { line: "b", payload }] });
      await committed(store, { ...put("a/2", "2"), lines: [{ line: "c", payload }] });
      await committed(store, { deletes: [{ key: "a/1" }], erase: [{ from: 0, to: 2 }] });
      const before = await everything();
      await again();
      expect(await everything()).to.deep.equal(before);
    });

    it("goes on: revisions and indexes follow those before, and who watched resumes where it was", async () => {
      const first = await committed(store, { ...put("a/1", "1"), lines: ["a"] });
      await committed(store, put("a/2", "2"));
      const last = await committed(store, { deletes: [{ key: "a/2" }] });
      await again();
      const result = await store.commit({ ...put("a/3", "3"), lines: ["b"] });
      expect(result).to.deep.include({ outcome: "committed", index: 1 });
      const seen = (await allChanges(store, "a/", first)).map(({ type, key }) => [type, key]);
      expect(seen).to.deep.equal([
        ["put", "a/2"],
        ["delete", "a/2"],
        ["put", "a/3"],
      ]);
      expect(await store.revision()).to.be.greaterThan(last);
    });

    it("judges by the revisions of before", async () => {
      const revision = await committed(store, put("a/1", "1"));
      await again();
      const late = await store.commit({ puts: [{ key: "a/1", value: "late", expect: revision - 1 }] });
      expect(late).to.deep.equal({ outcome: "conflict", key: "a/1" });
      await committed(store, { puts: [{ key: "a/1", value: "2", expect: revision }] });
    });

    it("answers expired for what was forgotten before, and forgets nothing that was kept", async () => {
      await again(3);
      const revisions: number[] = [];
      for (let n = 0; n < 20; n += 1) revisions.push(await committed(store, put("a/1", String(n))));
      const [gone = 0, kept = 0] = revisions.slice(-5);
      while ((await store.changes("a/", gone)).outcome === "ok") await store.revision();
      await again();
      expect(await store.changes("a/", gone)).to.deep.equal({ outcome: "expired" });
      expect(await store.listPart("a/", { at: gone })).to.deep.equal({ outcome: "expired" });
      expect((await allChanges(store, "a/", kept)).map((change) => change.revision)).to.deep.equal(
        revisions.slice(-3),
      );
    });

    it("shows nothing of a commit that met a conflict, and all of one that was answered, whatever was asked before it closed", async () => {
      await committed(store, put("a/1", "1"));
      const asked = Array.from({ length: 30 }, (_, n) =>
        store.commit({ puts: [{ key: `b/${n % 10}`, value: String(n), expect: 0 }], lines: [String(n)] }),
      );
      const closed = store.close();
      const results = await Promise.all(asked);
      await closed;
      store = await here.open({ keys: KEYS });
      const wanted = results.flatMap((result, n) => (result.outcome === "committed" ? [String(n)] : []));
      expect(wanted).to.have.length(10);
      expect((await store.lines(0)).map(({ line }) => line)).to.deep.equal(wanted);
      expect((await store.list("b/")).rows.map(({ value }) => value).sort()).to.deep.equal(wanted.sort());
    });
  });
}

/** Searches of many askers, one after the other: nobody waits for all that another one asks for. */
import { expect } from "chai";
import { type SearchIndex, searchIndex } from "#search/index.ts";
import { partsOf } from "#search/parts.ts";
import { Turns } from "#search/turns.ts";
import { clock } from "../../system.ts";
import { EVERYTHING, ledgerOf, listener } from "../support/search.ts";

describe("turns of searches", () => {
  let turns: Turns;
  let begun: string[];
  let ends: (() => void)[];
  beforeEach(() => {
    turns = new Turns();
    begun = [];
    ends = [];
  });

  /** The first letter is who asks. */
  const ask = (what: string) =>
    turns.take(what.charAt(0), () => {
      begun.push(what);
      return new Promise<string>((resolve) => ends.push(() => resolve(what)));
    });
  /** Ends the one that runs, which begins the next one. */
  const end = async () => {
    ends.at(-1)?.();
    await new Promise((resolve) => setImmediate(resolve));
  };

  it("come one after the other", async () => {
    const asked = ["a1", "a2"].map(ask);
    expect(begun).to.deep.equal(["a1"]);
    await end();
    expect(begun).to.deep.equal(["a1", "a2"]);
    await end();
    expect(await Promise.all(asked)).to.deep.equal(["a1", "a2"]);
  });

  it("are each asker's in turn, however much one of them asks for", async () => {
    const asked = ["a1", "a2", "a3", "a4", "b1", "b2", "c1"].map(ask);
    for (let n = 0; n < asked.length; n += 1) await end();
    expect(begun).to.deep.equal(["a1", "a2", "b1", "c1", "a3", "b2", "a4"]);
  });

  it("come for who asks last before the second one of who asked first", async () => {
    const asked = ["a1", "a2", "a3", "a4"].map(ask);
    await end();
    asked.push(ask("b1"));
    for (let n = 1; n < asked.length; n += 1) await end();
    expect(begun).to.deep.equal(["a1", "a2", "a3", "b1", "a4"]);
  });

  it("go on where one fails, and tell whose it was", async () => {
    const failed = turns.take("a", () => Promise.reject(new Error("no")));
    const after = turns.take("a", async () => "well");
    expect(await failed.catch((error: Error) => error.message)).to.equal("no");
    expect(await after).to.equal("well");
  });
});

describe("a search that takes long", () => {
  const SIZE = 400;
  /** What nothing has, though the words are common. */
  const long = { ...EVERYTHING, terms: [{ words: ["cm", "demo", "cm", "demo"], prefix: false }] };
  const all = { from: 0, end: SIZE, limit: 10, newest: false };
  let index: SearchIndex;
  let ended: string[];
  before(async () => {
    const ports = { store: await ledgerOf(SIZE), clock, log: listener().log };
    index = searchIndex(ports, { file: ":memory:", patience: 60_000, part: 5, turn: 0 });
    await index.find(long, all, { name: "first" });
  });
  beforeEach(() => {
    ended = [];
  });
  after(() => index.close());

  const find = async (name: string, range: { from: number; end: number }, signal?: AbortSignal) => {
    const asker = { name, ...(signal && { signal }) };
    const found = await index.find(long, { ...all, ...range }, asker);
    ended.push(name);
    return found;
  };

  it("does not keep others waiting who come later and look through less", async () => {
    const asked = [
      find("long", all),
      find("short", { from: 20, end: 25 }),
      find("longer", { from: 9, end: 90 }),
    ];
    await Promise.all(asked);
    expect(ended).to.deep.equal(["short", "longer", "long"]);
  });

  it("is broken off when nobody waits for it any more", async () => {
    const gone = new AbortController();
    const broken = find("long", all, gone.signal);
    await find("short", { from: 20, end: 25 });
    gone.abort();
    expect(await broken).to.deep.equal({ outcome: "unavailable" });
  });

  it("finds as much as is asked for, from either end, wherever its turns end", async () => {
    const find = async (from: number, end: number, limit: number, newest: boolean) => {
      const found = await index.find({ ...EVERYTHING, since: 0 }, { from, end, limit, newest });
      return found.outcome === "found" ? found.indexes : found.outcome;
    };
    for (const [from, end] of [
      [0, 13],
      [5, 10],
      [7, 8],
      [4, 21],
      [390, 1000],
    ] as const) {
      const every = Array.from({ length: Math.min(end, SIZE) - from }, (_, n) => from + n);
      for (const limit of [1, 4, 5, 6, 100]) {
        expect(await find(from, end, limit, false)).to.deep.equal(every.slice(0, limit));
        expect(await find(from, end, limit, true)).to.deep.equal(every.toReversed().slice(0, limit));
      }
    }
    expect([...partsOf({ from: 8, end: 8 }, 5, false)]).to.deep.equal([]);
  });
});

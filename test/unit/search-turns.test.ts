/** Searches of many askers, one after the other: nobody waits for all that another one asks for. */
import { expect } from "chai";
import { Turns } from "#search/turns.ts";

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

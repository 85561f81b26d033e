/** Long work of many streams: what is short has its turn in between. */
import { setImmediate as turn } from "node:timers/promises";
import { expect } from "chai";
import { inTurn } from "#apiserver-ext/broker/in-turn.ts";

/** As long as an event that takes all of its turn. */
function busy(): void {
  const end = performance.now() + 6;
  while (performance.now() < end);
}

describe("long work", () => {
  beforeEach(() => turn());

  it("of many is done one a turn of the event loop, in the order in which it came", async () => {
    let turns = 0;
    let isOver = false;
    const counting = (async () => {
      for (; !isOver; turns++) await turn();
    })();
    const done: { who: number; at: number }[] = [];
    await Promise.all(
      Array.from({ length: 20 }, async (_, who) => {
        await inTurn(busy);
        done.push({ who, at: turns });
      }),
    );
    isOver = true;
    await counting;
    expect(done.map(({ who }) => who)).to.deep.equal(Array.from({ length: 20 }, (_, who) => who));
    for (const [n, { at }] of done.entries()) if (n > 0) expect(at).to.be.above(done[n - 1]?.at ?? 0);
  });

  it("that is alone is done at once, also where some was done in the turn before", async () => {
    for (let n = 0; n < 3; n++) {
      let isDone = false;
      const work = inTurn(() => {
        busy();
        isDone = true;
      });
      expect(isDone).to.equal(true);
      await work;
      await turn();
      await turn();
    }
  });

  it("that fails keeps none of the rest from its turn", async () => {
    const fails = () => {
      busy();
      throw new Error("no JSON");
    };
    const all = await Promise.allSettled([inTurn(fails), inTurn(fails), inTurn(() => "done")]);
    expect(all.map(({ status }) => status)).to.deep.equal(["rejected", "rejected", "fulfilled"]);
  });
});

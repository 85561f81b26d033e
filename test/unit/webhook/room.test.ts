import { expect } from "chai";
import { Room } from "#webhook/room.ts";

const here = () => new AbortController().signal;
const turn = () => new Promise((resolve) => setImmediate(resolve));

describe("the room for reviews", () => {
  it("lets in what fits, and the rest in its order when something has left", async () => {
    const room = new Room(10);
    const order: string[] = [];
    const enter = async (name: string, bytes: number) => {
      const place = await room.take(bytes, here());
      order.push(name);
      return place;
    };
    const first = await enter("first", 6);
    const large = enter("large", 8);
    const small = enter("small", 1);
    await turn();
    expect(order).to.deep.equal(["first"]);
    first?.giveBack();
    await large;
    expect((await small) === undefined).to.equal(false);
    expect(order).to.deep.equal(["first", "large", "small"]);
  });

  it("gives to others what turned out not to be needed, once", async () => {
    const room = new Room(10);
    const place = await room.take(10, here());
    const next = room.take(7, here());
    place?.shrinkTo(3);
    const other = await next;
    place?.giveBack();
    other?.giveBack();
    expect(await room.take(10, here())).to.be.an("object");
    let full = true;
    void room.take(1, here()).then(() => {
      full = false;
    });
    await turn();
    expect(full).to.equal(true);
  });

  it("forgets who is gone: it is told so, and whoever stood behind it comes in", async () => {
    const room = new Room(10);
    await room.take(5, here());
    const leaving = new AbortController();
    const gone = room.take(10, leaving.signal);
    const behind = room.take(5, here());
    leaving.abort();
    expect(await gone).to.equal(undefined);
    expect(await behind).to.be.an("object");
    expect(await room.take(1, AbortSignal.abort())).to.equal(undefined);
  });
});

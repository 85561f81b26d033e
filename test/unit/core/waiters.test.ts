import { expect } from "chai";
import { Waiters } from "#core/hold/waiters.ts";
import { memoryStore } from "#store/memory.ts";

const MEBIBYTE = 1024 * 1024;
const log = { info: () => {}, warn: () => {}, error: () => {} };

describe("seats for those who wait", () => {
  it("are so many, and free again when given back", () => {
    const waiters = new Waiters(memoryStore(), log, 2);
    const first = waiters.takeSeat();
    expect([first !== undefined, waiters.takeSeat() !== undefined, waiters.takeSeat()]).to.deep.equal([
      true,
      true,
      undefined,
    ]);
    first?.giveBack();
    expect(waiters.takeSeat()).to.be.an("object");
    expect(waiters.size).to.equal(2);
  });

  it("hold so many bytes: large requests take no seat where too much waits already, small ones do", () => {
    const waiters = new Waiters(memoryStore(), log, 1000);
    const taken = Array.from({ length: 10 }, () => waiters.takeSeat(3 * MEBIBYTE)).filter(
      (seat) => seat !== undefined,
    );
    expect(taken).to.have.length(5);
    expect(waiters.takeSeat(1000)).to.be.an("object");
    taken[0]?.giveBack();
    expect(waiters.takeSeat(3 * MEBIBYTE)).to.be.an("object");
  });
});

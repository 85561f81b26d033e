import { expect } from "chai";
import { review } from "#core/review.ts";
import { memoryStore } from "#store/memory.ts";
import { ManualClock } from "../../support/clock.ts";
import { podDelete, reviewPorts, user } from "../../support/reviews.ts";

describe("core/review", () => {
  it("lets a person's request pass without a record, and counts that it was asked", async () => {
    const store = memoryStore();
    const clock = new ManualClock();
    const counted: string[] = [];
    const meter = {
      admission: (verdict: string) => void counted.push(verdict),
      hold: () => {},
      notRecorded: () => {},
    };
    const ports = await reviewPorts(store, clock, { meter });
    const call = {
      caller: "verified" as const,
      until: clock.now(),
      gone: new AbortController().signal,
      bytes: 0,
    };
    const answer = await review(ports, { ...podDelete("web"), userInfo: user("ann") }, call);
    expect(answer).to.deep.include({ allowed: true });
    expect(answer).not.to.have.property("record");
    expect(counted).to.deep.equal(["not-applicable"]);
    expect(await store.lines(0, 10)).to.deep.equal([]);
    ports.waiters.stop();
    await store.close();
  });
});

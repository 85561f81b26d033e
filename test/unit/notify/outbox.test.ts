import { expect } from "chai";
import type { Change } from "#kit/storage.ts";
import { type Outbox, outbox } from "#notify/outbox.ts";
import { memoryStore } from "#store/memory.ts";
import { approval, instantClock, put, silent } from "./fixtures.ts";

/** Takes note of what is delivered; `fails` says how often the delivery of a key fails first. */
function receiver(fails: Record<string, number> = {}) {
  const got: string[] = [];
  const waiting: { count: number; done: () => void }[] = [];
  return {
    got,
    async deliver(change: Change): Promise<void> {
      const name = change.key.split("/").at(-1) ?? "";
      const left = fails[name] ?? 0;
      fails[name] = left - 1;
      if (left > 0) throw new Error("not now");
      got.push(name);
      for (const { count, done } of waiting) if (got.length >= count) done();
    },
    /** Resolves when so many have been delivered. */
    received(count: number): Promise<void> {
      return new Promise((done) => (got.length >= count ? done() : waiting.push({ count, done })));
    },
  };
}

describe("the outbox", () => {
  const running: Outbox[] = [];
  async function start(
    options: Partial<Parameters<typeof outbox>[0]> & Pick<Parameters<typeof outbox>[0], "store" | "deliver">,
  ) {
    const started = await outbox({
      name: "test",
      prefix: "approvals/",
      clock: instantClock(),
      log: silent,
      ...options,
    });
    running.push(started);
    return started;
  }
  afterEach(async () => {
    await Promise.all(running.splice(0).map((one) => one.stop()));
  });

  it("delivers what changes under its prefix, in order, and nothing from before its first start", async () => {
    const store = memoryStore();
    await put(store, approval("before"));
    const to = receiver();
    await start({ store, deliver: to.deliver });
    await put(store, approval("a"));
    await store.commit({ puts: [{ key: "other/x", value: "1" }] });
    await put(store, approval("b"), approval("c"));
    await to.received(3);
    expect(to.got).to.deep.equal(["a", "b", "c"]);
  });

  it("goes on after a restart where it was", async () => {
    const store = memoryStore();
    const first = receiver();
    const started = await start({ store, deliver: first.deliver });
    await put(store, approval("a"));
    await first.received(1);
    await started.stop();
    await put(store, approval("b"));
    const second = receiver();
    await start({ store, deliver: second.deliver });
    await put(store, approval("c"));
    await second.received(2);
    expect(second.got).to.deep.equal(["b", "c"]);
  });

  it("delivers again, whole, the commit in whose middle it was stopped", async () => {
    const store = memoryStore();
    const reached = Promise.withResolvers<void>();
    const got: string[] = [];
    const started = await start({
      store,
      async deliver(change, signal) {
        got.push(change.key);
        if (!change.key.endsWith("/b")) return;
        reached.resolve();
        await new Promise((_, reject) =>
          signal.addEventListener("abort", () => reject(new Error("stopped"))),
        );
      },
    });
    await put(store, approval("a"), approval("b"));
    await reached.promise;
    await started.stop();
    expect(got).to.have.length(2);
    const to = receiver();
    await start({ store, deliver: to.deliver });
    await to.received(2);
    expect(to.got).to.deep.equal(["a", "b"]);
  });

  it("tries again later and later, and keeps the order", async () => {
    const store = memoryStore();
    const clock = instantClock();
    const to = receiver({ a: 3 });
    await start({ store, deliver: to.deliver, clock });
    await put(store, approval("a"));
    await put(store, approval("b"));
    await to.received(2);
    expect(to.got).to.deep.equal(["a", "b"]);
    expect(clock.slept).to.deep.equal([2000, 4000, 8000]);
  });

  it("gives one up after eight tries, says so, and goes on with the next", async () => {
    const store = memoryStore();
    const errors: object[] = [];
    const clock = instantClock();
    const to = receiver({ a: 100 });
    const log = { ...silent, error: (fields: object) => errors.push(fields) };
    await start({ store, deliver: to.deliver, clock, log });
    await put(store, approval("a"));
    await put(store, approval("b"));
    await to.received(1);
    expect(to.got).to.deep.equal(["b"]);
    expect(clock.slept).to.have.length(7);
    expect(errors).to.have.length(1);
    expect(errors[0]).to.include({ key: "approvals/ns-uid/a", attempt: 8 });
  });

  it("goes on from now, and says so, when changes were forgotten meanwhile", async () => {
    const store = memoryStore({ keepRevisions: 5, keepMilliseconds: 0 });
    const first = await start({ store, deliver: receiver().deliver });
    await first.stop();
    for (const name of "abcdefghij") await put(store, approval(name));
    const errors: object[] = [];
    const log = { ...silent, error: (fields: object) => errors.push(fields) };
    const to = receiver();
    // The only commit of the new start is the cursor it goes on from.
    const settled = new Promise((resolve) => store.onCommit(resolve));
    await start({ store, deliver: to.deliver, log });
    await settled;
    await put(store, approval("new"));
    await to.received(1);
    expect(to.got).to.deep.equal(["new"]);
    expect(errors).to.have.length(1);
  });

  it("rests when there is nothing to do: storing its cursor does not wake it for ever", async () => {
    const store = memoryStore();
    const one = receiver();
    const two = receiver();
    await start({ store, deliver: one.deliver, name: "one" });
    await start({ store, deliver: two.deliver, name: "two" });
    await put(store, approval("a"));
    await Promise.all([one.received(1), two.received(1)]);
    for (const outbox of running.splice(0)) await outbox.stop();
    // One commit each to begin with, one for the approval, one each after delivery.
    expect(await store.revision()).to.equal(1 + 2 + 1 + 2);
  });
});

/** The shared feed under any order in which the store answers, readers come, go and dawdle. */
import { expect } from "chai";
import fc from "fast-check";
import { Feed } from "#kit/feed.ts";
import type { FeedEvent } from "#kit/feed-event.ts";
import { StatusError } from "#kit/status.ts";
import type { Batch, Change, Store } from "#kit/storage.ts";
import { memoryStore } from "#store/memory.ts";
import { allChanges } from "../conformance/store/steps.ts";

interface Reader {
  /** How many commits there are before it opens, and how many of them it has seen then. */
  opensAfter: number;
  seen: number;
  /** How many turns it lets pass after each batch. */
  dawdles: number;
  /** It closes after so many events, however many there are. */
  leavesAfter: number;
}

type Told = [key: string, revision: number, before: string | undefined, after: string | undefined];

const KEYS = ["a/1", "a/2", "a/3", "b/1"];

const batch: fc.Arbitrary<Batch> = fc
  .uniqueArray(
    fc.record({ key: fc.constantFrom(...KEYS), value: fc.string({ maxLength: 3 }), gone: fc.boolean() }),
    {
      selector: ({ key }) => key,
      maxLength: 3,
    },
  )
  .map((changes) => ({
    puts: changes.filter(({ gone }) => !gone).map(({ key, value }) => ({ key, value })),
    deletes: changes.filter(({ gone }) => gone).map(({ key }) => ({ key })),
  }));

const reader: fc.Arbitrary<Reader> = fc.record({
  opensAfter: fc.nat(12),
  seen: fc.nat(12),
  dawdles: fc.nat(6),
  leavesAfter: fc.oneof(fc.constant(Number.POSITIVE_INFINITY), fc.nat(5)),
});

const plan = fc.record({
  batches: fc.array(batch, { minLength: 1, maxLength: 12 }),
  readers: fc.array(reader, { minLength: 1, maxLength: 5 }),
  most: fc.integer({ min: 1, max: 6 }),
  largest: fc.constantFrom(1, 10, 1000),
  batch: fc.integer({ min: 1, max: 4 }),
});

/** A store whose answers come in the order that the scheduler likes, made when they are asked for or when they come. */
function disordered(store: Store, scheduler: fc.Scheduler, isLate: boolean): Store {
  const late = <A extends unknown[], R>(call: (...args: A) => Promise<R>) =>
    isLate ? scheduler.scheduleFunction(call) : (...args: A) => scheduler.schedule(call(...args));
  return {
    ...store,
    onCommit: (listener) => store.onCommit(listener),
    changes: late((prefix, since, limit) => store.changes(prefix, since, limit)),
    revision: late(() => store.revision()),
  };
}

function toldOf({ key, revision, before, after }: FeedEvent<string>): Told {
  return [key, revision, before, after];
}

function toldBy(change: Change): Told {
  const before = change.previous === null ? undefined : `${change.revision} ${change.previous}`;
  const after = change.type === "put" ? `${change.revision} ${change.value}` : undefined;
  return [change.key, change.revision, before, after];
}

interface Outcome {
  since: number;
  told: Told[];
  ended: "caught up" | "left" | "expired" | "waiting";
}

/** Runs the plan to its end; a reader that would wait for ever is still "waiting" then. */
async function run(
  scheduler: fc.Scheduler,
  store: Store,
  { batches, readers, ...options }: typeof plan extends fc.Arbitrary<infer P> ? P : never,
  isLate: boolean,
): Promise<Outcome[]> {
  const start = await store.revision();
  const final = start + batches.length;
  const decode = (value: string, revision: number) => `${revision} ${value}`;
  const feed = new Feed(disordered(store, scheduler, isLate), "a/", decode, options);
  const over = new AbortController();
  const commits = Array.from({ length: batches.length + 1 }, () => Promise.withResolvers<void>());

  const write = async () => {
    commits[0]?.resolve();
    for (const [n, each] of batches.entries()) {
      await scheduler.schedule(Promise.resolve());
      await store.commit(each);
      commits[n + 1]?.resolve();
    }
  };
  const outcomes = readers.map(({ opensAfter, seen }): Outcome => {
    const after = Math.min(opensAfter, batches.length);
    return { since: start + Math.min(seen, after), told: [], ended: "waiting" };
  });
  const read = async ({ opensAfter, dawdles, leavesAfter }: Reader, outcome: Outcome) => {
    await commits[Math.min(opensAfter, batches.length)]?.promise;
    const cursor = await feed.open(outcome.since);
    try {
      while (cursor.revision < final && outcome.told.length < leavesAfter) {
        outcome.told.push(...(await cursor.next(100_000, over.signal)).map(toldOf));
        for (let n = 0; n < dawdles; n += 1) await scheduler.schedule(Promise.resolve());
      }
      outcome.ended = cursor.revision < final ? "left" : "caught up";
    } catch (error) {
      if (!(error instanceof StatusError) || error.reason !== "Expired") throw error;
      outcome.ended = "expired";
    } finally {
      cursor.close();
    }
  };
  const all = [
    write(),
    ...readers.map((each, n) => read(each, outcomes[n] ?? { since: 0, told: [], ended: "waiting" })),
  ];
  // Until nobody has anything left to do: what is waited for then never comes.
  await scheduler.waitIdle();
  const found = outcomes.map((outcome) => ({ ...outcome }));
  over.abort();
  await scheduler.waitFor(Promise.allSettled(all));
  return found;
}

describe("the shared change feed", () => {
  for (const isLate of [false, true]) {
    const when = isLate ? "as they are when they come" : "as they were when asked for";
    it(`tells every reader every change once and in order, however answers (${when}) are delayed`, async () => {
      const property = fc.asyncProperty(fc.scheduler(), plan, async (scheduler, planned) => {
        const store = memoryStore();
        const outcomes = await run(scheduler, store, planned, isLate);
        for (const { since, told, ended } of outcomes) {
          expect(ended).to.be.oneOf(["caught up", "left"]);
          const all = (await allChanges(store, "a/", since)).map(toldBy);
          expect(told).to.deep.equal(ended === "left" ? all.slice(0, told.length) : all);
        }
      });
      await fc.assert(property, { numRuns: 300 });
    }).timeout(120_000);
  }

  it("tells a reader whom the store has outrun that it has expired, and never leaves a gap", async () => {
    const property = fc.asyncProperty(fc.scheduler(), plan, async (scheduler, planned) => {
      const forgetful = memoryStore({ keepRevisions: 2, keepMilliseconds: 0 });
      const changes: Told[] = [];
      const witness = memoryStore();
      const store: Store = {
        ...witness,
        revision: () => forgetful.revision(),
        changes: (prefix, since, limit) => forgetful.changes(prefix, since, limit),
        onCommit: (listener) => forgetful.onCommit(listener),
        commit: async (each) => {
          await witness.commit(each);
          return forgetful.commit(each);
        },
      };
      const outcomes = await run(scheduler, store, planned, true);
      changes.push(...(await allChanges(witness, "a/", 1)).map(toldBy));
      for (const { since, told, ended } of outcomes) {
        const all = changes.filter(([, revision]) => revision > since);
        expect(ended).to.not.equal("waiting");
        expect(told).to.deep.equal(ended === "caught up" ? all : all.slice(0, told.length));
      }
    });
    await fc.assert(property, { numRuns: 300 });
  }).timeout(120_000);

  it("decodes each change once for all who are told of it", async () => {
    const store = memoryStore();
    const decoded: string[] = [];
    const feed = new Feed(store, "a/", (value) => {
      decoded.push(value);
      return { value };
    });
    const { signal } = new AbortController();
    const cursors = await Promise.all([feed.open(undefined), feed.open(undefined), feed.open(undefined)]);
    await store.commit({ puts: [{ key: "a/1", value: "one" }] });
    const events = await Promise.all(cursors.map((cursor) => cursor.next(10_000, signal)));
    const objects = events.map(([event]) => event?.after);
    expect(new Set(objects).size).to.equal(1);
    expect(objects[0]).to.deep.equal({ value: "one" });
    expect(decoded).to.deep.equal(["one"]);
    for (const cursor of cursors) cursor.close();
  });

  it("reads nothing while nobody follows it, and begins anew with the next reader", async () => {
    const store = memoryStore();
    let reads = 0;
    const counted: Store = {
      ...store,
      revision: () => store.revision(),
      onCommit: (listener) => store.onCommit(listener),
      changes: (prefix, since, limit) => {
        reads += 1;
        return store.changes(prefix, since, limit);
      },
    };
    const feed = new Feed(counted, "a/", (value) => value);
    const { signal } = new AbortController();
    const first = await feed.open(undefined);
    await store.commit({ puts: [{ key: "a/1", value: "one" }] });
    expect((await first.next(10_000, signal)).map(({ after }) => after)).to.deep.equal(["one"]);
    first.close();
    const before = reads;
    await store.commit({ puts: [{ key: "a/1", value: "two" }] });
    await store.commit({ puts: [{ key: "a/1", value: "three" }] });
    expect(reads).to.equal(before);
    const second = await feed.open(first.revision);
    expect((await second.next(10_000, signal)).map(({ after }) => after)).to.deep.equal(["two", "three"]);
    second.close();
  });

  it("refuses to go on from a revision that the store has not reached", async () => {
    const store = memoryStore();
    const feed = new Feed(store, "a/", (value) => value);
    const error = await feed.open(1000).then(
      () => undefined,
      (cause: unknown) => cause,
    );
    expect(error).to.be.instanceOf(StatusError).and.include({ reason: "Timeout" });
  });

  it("tells all its readers when the store fails, and those who come later", async () => {
    const store = memoryStore();
    const feed = new Feed(store, "a/", (value) => value);
    const { signal } = new AbortController();
    const cursor = await feed.open(undefined);
    const waiting = cursor.next(10_000, signal).then(
      () => "told",
      (error: Error) => error.message,
    );
    const closing = store.commit({ puts: [{ key: "a/1", value: "one" }] });
    await store.close();
    await closing;
    expect(await waiting).to.contain("closed");
    expect(await feed.open(undefined).then(() => "open", String)).to.contain("closed");
    cursor.close();
  });
});

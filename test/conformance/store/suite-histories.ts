/** Several writers and followers at once, in whatever order their answers reach them: one history explains it all. */
import { expect } from "chai";
import fc from "fast-check";
import type { Append, Batch, Change, Row, Store } from "#kit/storage.ts";
import type { Driver } from "./drivers.ts";
import { type Done, History, type Refused, type Seen } from "./history.ts";
import { KEYS } from "./keys.ts";

/** What a writer expects of a row: what it last saw of it, that there is none, or nothing. */
type Expectation = "known" | "absent" | "nothing";

interface Step {
  puts: { key: number; expects: Expectation }[];
  deletes: { key: number; expects: Expectation }[];
  lines: { payload: boolean }[];
  erase: { from: number; length: number } | undefined;
}

const expects = fc.constantFrom<Expectation>("known", "absent", "nothing");
const written = fc.record({ key: fc.nat(3), expects });
const step: fc.Arbitrary<Step> = fc.record({
  puts: fc.uniqueArray(written, { maxLength: 3, selector: ({ key }) => key }),
  deletes: fc.uniqueArray(written, { maxLength: 1, selector: ({ key }) => key }),
  lines: fc.array(fc.record({ payload: fc.boolean() }), { maxLength: 2 }),
  erase: fc.option(fc.record({ from: fc.nat(8), length: fc.nat(4) }), { nil: undefined, freq: 6 }),
});
const plan = fc.record({
  writers: fc.array(fc.array(step, { minLength: 1, maxLength: 6 }), { minLength: 2, maxLength: 4 }),
  /** How many changes each look of a follower may have; between looks it forgets all but its revision. */
  followers: fc.array(fc.array(fc.integer({ min: 1, max: 4 }), { maxLength: 8 }), {
    minLength: 1,
    maxLength: 2,
  }),
});
type Plan = typeof plan extends fc.Arbitrary<infer T> ? T : never;

/** One run: a part of the keys is its own, so that runs can share a store. */
class Run {
  readonly #store: () => Store;
  readonly #prefix: string;
  readonly #before: { revision: number; index: number };
  readonly #later: <T>(answer: Promise<T>) => Promise<T>;
  readonly #known = new Map<string, number>();
  readonly #done: Done[] = [];
  readonly #refused: Refused[] = [];
  readonly #lists: Seen[] = [];
  readonly #followers: Follower[] = [];
  #answered: number;

  constructor(
    store: () => Store,
    prefix: string,
    before: { revision: number; index: number },
    later: <T>(answer: Promise<T>) => Promise<T>,
  ) {
    this.#store = store;
    this.#prefix = prefix;
    this.#before = before;
    this.#later = later;
    this.#answered = before.revision;
  }

  async go({ writers, followers }: Plan): Promise<void> {
    await Promise.all([
      ...writers.map((steps, writer) => this.#write(steps, writer)),
      ...followers.map((looks) => this.#follow(looks)),
    ]);
  }

  async #write(steps: readonly Step[], writer: number): Promise<void> {
    for (const [n, one] of steps.entries()) {
      const batch = this.#batch(one, `${writer}.${n}`);
      const floor = this.#answered;
      const result = await this.#later(this.#store().commit(batch));
      if (result.outcome === "conflict") this.#refused.push({ batch, key: result.key, floor });
      else this.#committed({ batch, revision: result.revision, index: result.index });
      if (n % 2 === 1) await this.#list();
    }
  }

  #committed(done: Done): void {
    this.#done.push(done);
    this.#answered = Math.max(this.#answered, done.revision);
    for (const { key } of done.batch.puts ?? []) this.#known.set(key, done.revision);
  }

  #batch({ puts, deletes, lines, erase }: Step, name: string): Batch {
    const row = ({ key, expects: what }: Step["puts"][number]) => {
      const path = `${this.#prefix}${key}`;
      const expect = { known: this.#known.get(path) ?? 0, absent: 0, nothing: undefined }[what];
      return { key: path, ...(expect === undefined ? {} : { expect }) };
    };
    const from = this.#before.index + (erase?.from ?? 0);
    const appended = lines.map(
      ({ payload }, at): Append =>
        payload ? { line: `${name}.${at}`, payload: new Uint8Array([at]) } : `${name}.${at}`,
    );
    return {
      puts: puts.map((one) => ({ ...row(one), value: name })),
      deletes: deletes.filter(({ key }) => puts.every((one) => one.key !== key)).map(row),
      lines: appended,
      erase: erase === undefined ? [] : [{ from, to: from + erase.length }],
    };
  }

  async #list(): Promise<void> {
    const floor = this.#answered;
    this.#lists.push({ floor, page: await this.#later(this.#store().list(this.#prefix)) });
  }

  async #follow(looks: readonly number[]): Promise<void> {
    const follower = new Follower(this.#prefix, this.#before.revision);
    this.#followers.push(follower);
    for (const limit of looks) await follower.look(this.#store(), limit, this.#later);
  }

  /** @param complete whether no change is forgotten. */
  async check(complete: boolean): Promise<void> {
    const store = this.#store();
    const history = new History(this.#before, this.#done);
    const problems = [
      ...history.problems,
      ...this.#refused.map((one) => history.unexplained(one)),
      ...this.#lists.map((one) => history.misread(one)),
    ].filter((problem) => problem !== undefined);
    expect(problems).to.deep.equal([]);
    expect((await store.list(this.#prefix)).rows).to.deep.equal(history.rows);
    expect(await store.lines(this.#before.index)).to.deep.equal(history.lines);
    for (const { index } of history.lines)
      expect(await store.payload(index), `payload ${index}`).to.deep.equal(history.payloads.get(index));
    for (const follower of this.#followers) {
      await follower.catchUp(store, this.#answered);
      expect(follower.rows).to.deep.equal(history.rows);
      if (complete) expect(follower.changes).to.deep.equal(history.changes);
    }
    expect((await store.head()).size).to.equal(this.#before.index + history.lines.length);
  }
}

/** Somebody who watches: goes on from the revision it has come to, and lists anew where that is expired. */
class Follower {
  readonly changes: Change[] = [];
  readonly #prefix: string;
  readonly #rows = new Map<string, Row>();
  #revision: number;

  constructor(prefix: string, revision: number) {
    this.#prefix = prefix;
    this.#revision = revision;
  }

  get rows(): Row[] {
    return [...this.#rows.values()].sort((a, b) => (a.key < b.key ? -1 : 1));
  }

  async look(store: Store, limit: number, later: <T>(answer: Promise<T>) => Promise<T>): Promise<void> {
    const page = await later(store.changes(this.#prefix, this.#revision, limit));
    if (page.outcome === "expired") return this.#anew(store);
    for (const change of page.changes) {
      this.changes.push(change);
      if (change.type === "delete") this.#rows.delete(change.key);
      else this.#rows.set(change.key, { key: change.key, value: change.value, revision: change.revision });
    }
    this.#revision = page.revision;
  }

  async catchUp(store: Store, revision: number): Promise<void> {
    while (this.#revision < revision) await this.look(store, 2, (answer) => answer);
  }

  async #anew(store: Store): Promise<void> {
    const { rows, revision } = await store.list(this.#prefix);
    this.#rows.clear();
    for (const row of rows) this.#rows.set(row.key, row);
    this.#revision = revision;
  }
}

const start = async (store: Store) => ({
  revision: await store.revision(),
  index: (await store.head()).size,
});

const RUNS = 60;

export function histories({ open, place }: Driver): void {
  describe("writers and followers at once", () => {
    for (const [what, keep] of [
      ["and none misses a change", undefined],
      ["while old changes are forgotten, and who is too late lists anew", 3],
    ] as const)
      it(`have one history, ${what}`, async () => {
        const store = await open({ keys: KEYS, ...(keep === undefined ? {} : { keepRevisions: keep }) });
        let runs = 0;
        try {
          await fc.assert(
            fc.asyncProperty(plan, fc.scheduler(), async (planned, scheduler) => {
              const later = <T>(answer: Promise<T>) => scheduler.schedule(answer);
              const run = new Run(() => store, `h${runs++}/`, await start(store), later);
              await scheduler.waitFor(run.go(planned));
              await run.check(keep === undefined);
            }),
            { numRuns: RUNS },
          );
        } finally {
          await store.close();
        }
      }).timeout(60_000);

    if (place !== undefined)
      it("have one history, and go on with it where the store is closed and opened again", async () => {
        const here = place();
        let store = await here.open({ keys: KEYS });
        let runs = 0;
        try {
          await fc.assert(
            fc.asyncProperty(fc.array(plan, { minLength: 2, maxLength: 3 }), async (plans) => {
              const run = new Run(
                () => store,
                `h${runs++}/`,
                await start(store),
                (answer) => answer,
              );
              for (const planned of plans) {
                await run.go(planned);
                await store.close();
                store = await here.open({ keys: KEYS });
              }
              await run.check(true);
            }),
            { numRuns: 10 },
          );
        } finally {
          await store.close();
          here.remove();
        }
      }).timeout(60_000);
  });
}

import { expect } from "chai";
import fc from "fast-check";
import type { Batch, Change, CommitResult, Line, Row, Store } from "#kit/storage.ts";
import { drivers } from "../conformance/store/drivers.ts";
import { allChanges, committed } from "../conformance/store/steps.ts";
import { pagedList } from "../conformance/store/suite-parts.ts";

/** What a commit expects of a row, relative to what the row is when the commit is made. */
type Expectation = "anything" | "absent" | "current" | "older" | "never given";

interface Step {
  puts: { key: string; value: string; expects: Expectation }[];
  deletes: { key: string; expects: Expectation }[];
  lines: string[];
}

const RIVAL = "rival/1";
const KEYS = ["a/1", "a/10", "a/1/x", "a/2", "a-b/1", "b/1"];
const PREFIXES = ["", "a", "a/", "a/1", "a/1/", "a/10", "b/", "c/"];

const expectation = fc.constantFrom<Expectation>(
  "anything",
  "anything",
  "absent",
  "current",
  "older",
  "never given",
);
const text = fc.string({ unit: "grapheme", maxLength: 8 });
const step: fc.Arbitrary<Step> = fc
  .uniqueArray(
    fc.record({ key: fc.constantFrom(...KEYS), value: text, expects: expectation, gone: fc.boolean() }),
    {
      selector: ({ key }) => key,
      maxLength: 4,
    },
  )
  .chain((changes) =>
    fc.record({
      puts: fc.constant(changes.filter(({ gone }) => !gone)),
      deletes: fc.constant(changes.filter(({ gone }) => gone)),
      lines: fc.array(text, { maxLength: 3 }),
    }),
  );

/** The port in the plainest words: what a store has to look like after the commits that it says it made. */
class Model {
  readonly rows = new Map<string, Row>();
  readonly changes: Change[] = [];
  readonly lines: Line[] = [];
  revision: number;

  constructor(revision: number) {
    this.revision = revision;
  }

  conflicts({ puts = [], deletes = [] }: Batch): string[] {
    return [...puts, ...deletes].flatMap(({ key, expect }) =>
      expect === undefined || expect === (this.rows.get(key)?.revision ?? 0) ? [] : [key],
    );
  }

  apply({ puts = [], deletes = [], lines = [] }: Batch, revision: number): void {
    this.revision = revision;
    for (const { key, value } of puts) {
      const previous = this.rows.get(key)?.value ?? null;
      this.rows.set(key, { key, value, revision });
      this.changes.push({ type: "put", key, value, revision, previous });
    }
    for (const { key } of deletes) {
      const previous = this.rows.get(key)?.value;
      if (this.rows.delete(key))
        this.changes.push({ type: "delete", key, revision, previous: previous ?? "" });
    }
    for (const one of lines) {
      const line = typeof one === "string" ? one : one.line;
      this.lines.push({ index: this.lines.length, revision, line });
    }
  }

  list(prefix: string): Row[] {
    const rows = [...this.rows.values()].filter(({ key }) => key.startsWith(prefix));
    return rows.sort((a, b) => Buffer.compare(Buffer.from(a.key), Buffer.from(b.key)));
  }

  /** The list as it was at a revision, made from the changes up to it alone. */
  listAt(prefix: string, revision: number): Row[] {
    const then = new Model(revision);
    for (const change of this.changes.filter((each) => each.revision <= revision)) {
      if (change.type === "delete") then.rows.delete(change.key);
      else then.rows.set(change.key, { key: change.key, value: change.value, revision: change.revision });
    }
    return then.list(prefix);
  }

  since(prefix: string, revision: number): Change[] {
    return this.changes.filter((change) => change.revision > revision && change.key.startsWith(prefix));
  }
}

function toBatch({ puts, deletes, lines }: Step, model: Model): Batch {
  const expecting = (key: string, expects: Expectation): { expect?: number } => {
    const current = model.rows.get(key)?.revision ?? 0;
    const table: Record<Expectation, { expect?: number }> = {
      anything: {},
      absent: { expect: 0 },
      current: { expect: current },
      older: { expect: Math.max(0, current - 1) },
      "never given": { expect: model.revision + 1000 },
    };
    return table[expects];
  };
  return {
    puts: puts.map(({ key, value, expects }) => ({ key, value, ...expecting(key, expects) })),
    deletes: deletes.map(({ key, expects }) => ({ key, ...expecting(key, expects) })),
    lines,
  };
}

/** One writer: what it saw last decides what it expects, which is stale whenever another was faster. */
async function write(
  store: Store,
  steps: readonly (readonly [Step, number])[],
): Promise<{ batch: Batch; result: CommitResult }[]> {
  const done = [];
  for (const [next, waits] of steps) {
    for (let n = 0; n < waits; n += 1) await store.revision();
    const { rows, revision } = await store.list("");
    const seen = new Model(revision);
    for (const row of rows) seen.rows.set(row.key, row);
    const batch = toBatch(next, seen);
    done.push({ batch, result: await store.commit(batch) });
  }
  return done;
}

async function sameAs(store: Store, model: Model, start: number, limit: number): Promise<void> {
  expect(await store.revision()).to.equal(model.revision);
  for (const prefix of PREFIXES) {
    const rows = model.list(prefix);
    expect(await store.list(prefix)).to.deep.equal({ rows, revision: model.revision, remaining: 0 });
    for (let since = start; since <= model.revision; since += 1) {
      expect(await allChanges(store, prefix, since, limit)).to.deep.equal(model.since(prefix, since));
      const then = { rows: model.listAt(prefix, since), revision: since };
      expect(await pagedList(store, prefix, limit, since)).to.deep.equal(then);
    }
  }
  for (const key of KEYS) expect(await store.get(key)).to.deep.equal(model.rows.get(key));
  expect(await store.lines(0, 1000)).to.deep.equal(model.lines);
  expect(await store.lines(2, limit)).to.deep.equal(model.lines.slice(2, 2 + limit));
}

for (const [name, { open }] of Object.entries(drivers)) {
  describe(`store properties: ${name}`, () => {
    async function withStore(work: (store: Store, model: Model) => Promise<void>): Promise<void> {
      const store = await open();
      try {
        await work(store, new Model(await store.revision()));
      } finally {
        await store.close();
      }
    }

    it("after any sequence of commits, reads are those of the model", async () => {
      const property = fc.asyncProperty(
        fc.array(step, { maxLength: 12 }),
        fc.integer({ min: 1, max: 4 }),
        (steps, limit) =>
          withStore(async (store, model) => {
            const start = model.revision;
            for (const each of steps) {
              const batch = toBatch(each, model);
              const conflicts = model.conflicts(batch);
              const index = model.lines.length;
              const result = await store.commit(batch);
              if (result.outcome === "conflict") expect(conflicts).to.include(result.key);
              else {
                expect(conflicts).to.deep.equal([]);
                expect(result.revision).to.be.greaterThan(model.revision);
                expect(result.index).to.equal(index);
                model.apply(batch, result.revision);
              }
            }
            await sameAs(store, model, start, limit);
          }),
      );
      await fc.assert(property, { numRuns: 40 });
    }).timeout(60_000);

    it("commits made at once, in any interleaving, come out as some order of them: each conflict is one there", async () => {
      const waits = fc.integer({ min: 0, max: 3 });
      const writers = fc.array(fc.array(fc.tuple(step, waits), { maxLength: 5 }), {
        minLength: 2,
        maxLength: 6,
      });
      const property = fc.asyncProperty(writers, (each) =>
        withStore(async (store, model) => {
          const start = model.revision;
          const done = (await Promise.all(each.map((steps) => write(store, steps)))).flat();
          const won = done.flatMap(({ batch, result }) =>
            result.outcome === "committed" ? [{ batch, ...result }] : [],
          );
          won.sort((a, b) => a.revision - b.revision);
          expect(new Set(won.map(({ revision }) => revision)).size).to.equal(won.length);
          for (const { batch, revision, index } of won) {
            expect(model.conflicts(batch)).to.deep.equal([]);
            expect(index).to.equal(model.lines.length);
            model.apply(batch, revision);
          }
          await sameAs(store, model, start, 3);
        }),
      );
      await fc.assert(property, { numRuns: 30 });
    }).timeout(60_000);

    it("of commits that expect the same revision of a row, exactly one wins, whatever else they carry", async () => {
      const rivals = fc.array(fc.record({ others: step, gone: fc.boolean() }), {
        minLength: 2,
        maxLength: 12,
      });
      const property = fc.asyncProperty(rivals, fc.boolean(), (each, exists) =>
        withStore(async (store) => {
          const expected = exists
            ? await committed(store, { puts: [{ key: RIVAL, value: "0", expect: 0 }] })
            : 0;
          const batches = each.map(({ others, gone }, n) => {
            const puts = others.puts.map(({ key, value }) => ({ key, value }));
            const lines = [String(n)];
            // A delete that expects no row changes nothing, so it would not stand in another's way.
            return gone && exists
              ? { puts, deletes: [{ key: RIVAL, expect: expected }], lines }
              : { puts: [...puts, { key: RIVAL, value: String(n), expect: expected }], lines };
          });
          const results = await Promise.all(batches.map((batch) => store.commit(batch)));
          const winners = results.flatMap(({ outcome }, n) => (outcome === "committed" ? [String(n)] : []));
          expect(winners).to.have.length(1);
          expect((await store.lines(0)).map(({ line }) => line)).to.deep.equal(winners);
          const losers = results.filter((result) => result.outcome === "conflict" && result.key === RIVAL);
          expect(losers).to.have.length(each.length - 1);
        }),
      );
      await fc.assert(property, { numRuns: 30 });
    }).timeout(60_000);
  });
}

/** The outcome beside the record of the request: the same by the index and without it, and as of the list's moment. */
import { expect } from "chai";
import type { JsonObject } from "#core/admission.ts";
import type { Entry, OutcomeEntry } from "#core/ledger/entry.ts";
import { fitsEntry, type Search } from "#core/ledger/search.ts";
import { toldBy } from "#core/outcome/told.ts";
import type { Store } from "#kit/storage.ts";
import { memoryStore } from "#store/memory.ts";
import { withOutcomes } from "../../../apiserver-ext/resources/record-outcomes.ts";
import type { RecordObject } from "../../../apiserver-ext/resources/records.ts";

const TIME = "2026-11-21T08:00:00.000000Z";
const outcome = (
  of: number,
  source: OutcomeEntry["source"],
  result: OutcomeEntry["result"],
): OutcomeEntry => ({
  ...{ schema: "hoop.dev/outcome/v1", kind: "outcome", time: TIME },
  ...{ of, source, result },
});

/** Looks through all of it, as the index does. */
const searchOf = (store: Store): Search => ({
  async find(query, { from, end, limit }) {
    const lines = await store.lines(from, end - from);
    const fitting = lines.filter(({ line }) => fitsEntry(query, JSON.parse(line) as JsonObject));
    return { outcome: "found", indexes: fitting.slice(0, limit).map(({ index }) => index) };
  },
});
const NO_SEARCH: Search = { find: async () => ({ outcome: "unavailable" }) };

const record = (index: number, effect: "open" | "none") =>
  ({ metadata: { name: String(index) }, spec: { kind: "admission", effect } as Entry }) as RecordObject;

async function tell(store: Store, entry: OutcomeEntry): Promise<number> {
  const put = await toldBy(store, entry, 0);
  const told = await store.commit({ ...(put && { puts: [put] }), lines: [JSON.stringify(entry)] });
  return told.outcome === "committed" ? told.revision : 0;
}

for (const [how, search] of Object.entries({ "the index": searchOf, "its rows": () => NO_SEARCH }))
  describe(`what came of requests, told in lists by ${how}`, () => {
    let store: Store;
    let first: number;
    const results = async (records: RecordObject[], revision: number) =>
      (await withOutcomes({ store, search: search(store) }, records, revision)).map(({ status }) =>
        status === undefined ? "" : `${status.outcome.result} by ${status.outcome.record}`,
      );
    before(async () => {
      store = memoryStore();
      await store.commit({
        lines: Array.from({ length: 300 }, (_, n) => JSON.stringify({ kind: "admission", n })),
      });
      first = await tell(store, outcome(2, "object", "cannot-tell"));
      await tell(store, outcome(250, "audit", "refused"));
      await tell(store, outcome(2, "audit", "took-effect"));
    });

    it("is the last that is told of each, and of others nothing", async () => {
      const records = [record(0, "open"), record(2, "open"), record(3, "none"), record(250, "open")];
      expect(await results(records, await store.revision())).to.deep.equal([
        "",
        "took-effect by 302",
        "",
        "refused by 301",
      ]);
    });

    it("is nothing that came after the moment of the list", async () => {
      expect(await results([record(250, "open")], first)).to.deep.equal([""]);
    });

    it("is what was told before that moment, where an index can tell", async () => {
      const before = search === searchOf ? "cannot-tell by 300" : "";
      expect(await results([record(2, "open")], first)).to.deep.equal([before]);
    });

    it("is told of many at once", async () => {
      const records = Array.from({ length: 300 }, (_, n) => record(n, "open"));
      const told = await results(records, await store.revision());
      expect(told.flatMap((one, n) => (one === "" ? [] : [`${n} ${one}`]))).to.deep.equal([
        "2 took-effect by 302",
        "250 refused by 301",
      ]);
    });
  });

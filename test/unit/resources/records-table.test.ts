/** What plain kubectl prints of records that are about something else than an object of the cluster. */
import { expect } from "chai";
import type { Entry } from "#core/ledger/entry.ts";
import { memoryStore } from "#store/memory.ts";
import { type RecordObject, records } from "../../../apiserver-ext/resources/records.ts";

const { columns } = records({
  store: memoryStore(),
  search: { find: async () => ({ outcome: "unavailable" }) },
  agents: {
    identify: () => ({ kind: "other" }),
    owners: () => undefined,
    expression: () => "false",
    confinedBy: () => [],
    confinedExpression: () => "",
  },
  installationNamespace: "hoop-system",
});
const cases: Record<string, { spec: object; target: string }> = {
  "the record whose outcome it tells": { spec: { kind: "outcome", of: 46 }, target: "record 46" },
  "its session": { spec: { kind: "session", session: { name: "deploy-1" } }, target: "sessions/deploy-1" },
  "nothing, where it is about nothing": { spec: { kind: "gap" }, target: "" },
  "its object": {
    spec: { kind: "request", target: { resource: "pods", subresource: "log", name: "web" } },
    target: "pods/log/web",
  },
};

describe("the column Target of records", () => {
  for (const [what, { spec, target }] of Object.entries(cases))
    it(`names ${what}`, () => {
      const record = { metadata: { name: "1" }, spec: spec as Entry } as RecordObject;
      expect(columns.find(({ name }) => name === "Target")?.cell(record)).to.equal(target);
    });
});

/** What a list of records asks the index for; and that it asks it for nothing that the caller may not see. */
import { expect } from "chai";
import type { Query } from "#core/ledger/search.ts";
import type { Caller, Selection } from "#kit/resource.ts";
import { StatusError } from "#kit/status.ts";
import { RECORD_CONDITIONS, recordQuery } from "../../../apiserver-ext/resources/record-query.ts";
import { AGENTS } from "../../support/search.ts";

const caller = (username: string, ...groups: string[]): Caller => ({
  username,
  uid: "",
  groups,
  extra: new Map(),
});
const ports = { agents: AGENTS, installationNamespace: "hoop-system" };
const asked = (fieldSelector: string, parts: Partial<Selection<never>> = {}) =>
  recordQuery(
    {
      ...{ namespace: "", caller: caller("ann"), labelSelector: "", fieldSelector },
      ...{ accepts: () => true, narrowed: true, guarded: false },
      ...parts,
    },
    ports,
  );
const nothing: Query = { conditions: [], terms: [] };
const is = (facet: string, value: string, really = true) => ({ facet, value, is: really });

describe("what a list of records asks for", () => {
  const cases: Record<string, [selector: string, query: object]> = {
    nothing: ["", nothing],
    "facets, and what they are not": [
      "agent=ci/bot,verdict!=allow,operation=CREATE",
      {
        ...nothing,
        conditions: [is("agent", "ci/bot"), is("operation", "create"), is("verdict", "allow", false)],
      },
    ],
    "the narrowest of several times and numbers": [
      "since=1970-01-01T00:00:01Z,since=1970-01-01T00:00:02Z,until=1970-01-01T00:00:09Z,until=1970-01-01T00:00:08Z,newest=5,newest=3",
      { ...nothing, since: 2_000_000, until: 8_000_000, newest: 3 },
    ],
    words: [
      "text=a b*",
      {
        ...nothing,
        terms: [
          { words: ["a"], prefix: false },
          { words: ["b"], prefix: true },
        ],
      },
    ],
    "a field of the record, as far as the index knows it": [
      "spec.approval.name=a-1,spec.answer!=held,spec.kind=",
      { ...nothing, conditions: [is("approval", "a-1")] },
    ],
    "one record": ["metadata.name=17", { ...nothing, index: 17 }],
  };
  for (const [what, [selector, query]] of Object.entries(cases))
    it(`is ${what}`, () => expect(asked(selector)).to.deep.equal(query));

  it("is the namespace of the request; what is in none lies in the installation's", () => {
    expect(asked("", { namespace: "shop" }).within).to.deep.equal(["shop"]);
    expect(asked("", { namespace: "hoop-system" }).within).to.deep.equal(["hoop-system", ""]);
  });

  it("is, for an agent, never more than its own, whatever it selects", () => {
    for (const selector of ["", "agent=other", "text=secret", "agent!=bot"])
      expect(asked(selector, { caller: caller("bot", "hoop:agents") }).agent).to.equal("bot");
  });

  it("is no more than a hundred conditions: each is looked at for each entry that comes", () => {
    const many = (count: number) => Array.from({ length: count }, (_, n) => `agent!=a${n}`).join(",");
    expect(asked(many(100)).conditions).to.have.length(100);
    expect(() => asked(many(101))).to.throw(StatusError, "more than 100 requirements");
  });

  for (const selector of [
    "agent=",
    "since=now",
    "until!=2026-11-21T00:00:00Z",
    "text=-",
    "text!=a",
    "newest=0",
    "newest=x",
  ])
    it(`is not ${selector}`, () => {
      const [, field = "", operator, value = ""] = /^(\w+)(!?=)(.*)$/.exec(selector) ?? [];
      const look = () =>
        RECORD_CONDITIONS[field]?.({ field, operator: operator === "=" ? "=" : "!=", value });
      expect(look).to.throw(StatusError, `invalid field selector: ${field}: `);
    });
});

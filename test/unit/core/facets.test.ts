/** By what an entry is found, whatever its schema. */
import { expect } from "chai";
import type { JsonObject } from "#core/admission.ts";
import { entryWords, type Facet, facetValues, microseconds, namespaceOf } from "#core/ledger/facets.ts";

const ENTRY: JsonObject = {
  schema: "hoop.dev/admission/v9",
  kind: "admission",
  time: "2026-11-21T10:00:00.123456Z",
  agent: { username: "system:serviceaccount:ci:bot", groups: ["hoop:agents"] },
  session: "ci/s-1",
  operation: "CREATE",
  target: { group: "apps", resource: "deployments", subresource: "scale", namespace: "shop", name: "web" },
  rules: [{ name: "scale", message: "Too Large" }],
  observed: [{ name: "tried" }],
  verdict: "hold",
  answer: "held",
  approval: { namespace: "shop", name: "a-1" },
  payload: { digest: "ab", size: 2 },
};

describe("what an entry is found by", () => {
  const found: Record<Facet, string[]> = {
    agent: ["system:serviceaccount:ci:bot", "bot", "ci:bot", "ci/bot"],
    session: ["ci/s-1", "s-1"],
    approval: ["a-1"],
    verdict: ["hold"],
    answer: ["held"],
    kind: ["admission"],
    rule: ["scale", "tried"],
    namespace: ["shop"],
    resource: ["deployments", "deployments/scale", "deployments.apps", "deployments.apps/scale"],
    name: ["web"],
    operation: ["create"],
    of: [],
  };
  for (const [facet, values] of Object.entries(found) as [Facet, string[]][])
    it(`is its ${facet}`, () => expect(facetValues[facet](ENTRY)).to.deep.equal(values));

  it("is the verb of a request, and the record that an outcome is of", () => {
    expect(facetValues.operation({ kind: "request", verb: "list" })).to.deep.equal(["list"]);
    expect(facetValues.of({ kind: "outcome", of: 17 })).to.deep.equal(["17"]);
  });

  it("is nothing where it has nothing, or something else", () => {
    for (const facet of Object.keys(found) as Facet[])
      for (const odd of [
        {},
        { agent: 1, target: [], rules: {}, approval: "x", session: null, of: "1", kind: 3 },
      ])
        expect(facetValues[facet](odd), facet).to.deep.equal([]);
  });

  it("is its words, but for what every entry says", () => {
    const words = entryWords(ENTRY);
    expect(words).to.include.members(["bot", "too", "large", "scale", "ab", "shop"]);
    expect(words).not.to.include.members(["v9"]);
    expect(words).not.to.include.members(["2026"]);
    expect(entryWords({ kind: "admission", payload: { object: { deep: ["in it"] } } })).to.deep.equal([
      ...["object", "deep", "in", "it"],
    ]);
  });

  it("is the namespace that its record lies in", () => {
    expect(
      namespaceOf({ kind: "approval", approval: { namespace: "a" }, target: { namespace: "b" } }),
    ).to.equal("a");
    expect(namespaceOf({ kind: "request", target: { namespace: "b" } })).to.equal("b");
    expect(namespaceOf({ kind: "gap" })).to.equal(undefined);
  });

  it("is its time, to the microsecond", () => {
    const second = Date.parse("2026-11-21T10:00:00Z") * 1000;
    for (const [time, after] of [
      ["2026-11-21T10:00:00Z", 0],
      ["2026-11-21T10:00:00.000001Z", 1],
      ["2026-11-21T12:00:00.5+02:00", 500_000],
      ["2026-11-21T10:00:00.1234567z", 123_456],
    ] as const)
      expect(microseconds(time), time).to.equal(second + after);
    for (const odd of ["yesterday", "2026-13-21T10:00:00Z", "2026-11-21", 5, undefined])
      expect(microseconds(odd)).to.equal(undefined);
  });
});

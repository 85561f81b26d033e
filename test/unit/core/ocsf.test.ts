/** Exports in OCSF, held against the schema as it was published. */
import { expect } from "chai";
import fc from "fast-check";
import type { JsonObject } from "#core/admission.ts";
import { canonical } from "#core/canonical.ts";
import { ocsf } from "#core/export/ocsf.ts";
import { OCSF_VERSION, ocsfProblems } from "../../support/ocsf/problems.ts";

const name = fc.oneof(fc.constantFrom("web", "<b>", "ä".repeat(300)), fc.string({ minLength: 1 }));
const some = <T>(one: fc.Arbitrary<T>) => fc.option(one, { nil: undefined });
const target = fc.record(
  {
    ...{
      group: fc.constantFrom("", "apps"),
      version: fc.constant("v1"),
      resource: fc.constantFrom("pods", "secrets"),
    },
    ...{ subresource: name, kind: name, namespace: name, name, uid: name },
  },
  { requiredKeys: ["group", "version", "resource"] },
);
const agent = fc.record(
  { username: name, groups: fc.array(name, { maxLength: 3 }), credentialID: name },
  { requiredKeys: ["username", "groups"] },
);
const time = fc.constant("2026-11-21T09:59:56.000123Z");
const approval = fc.record({ namespace: name, name, use: fc.constantFrom("spent", "waiting", "refused") });

const admission = fc.record({
  ...{ kind: fc.constant("admission"), time, agent, target, session: some(name), request: some(name) },
  operation: fc.constantFrom("CREATE", "UPDATE", "DELETE", "CONNECT"),
  answer: fc.constantFrom("allowed", "held", "denied"),
  ...{ verdict: fc.constantFrom("allow", "hold"), message: some(name), approval: some(approval) },
  rules: fc.array(fc.record({ name, message: name }), { maxLength: 2 }),
});
const request = fc.record({
  ...{ kind: fc.constant("request"), time, agent, target: some(target), uri: fc.constant("/metrics?a=b") },
  verb: fc.constantFrom("get", "list", "watch", "patch", "deletecollection", "post", "impersonate"),
  code: some(fc.constantFrom(101, 200, 201, 401, 403, 404, 429, 500)),
  ...{ message: some(name), userAgent: some(name) },
  sourceIPs: some(fc.array(fc.oneof(fc.ipV4(), fc.constant("fd00::1")), { maxLength: 3 })),
});
const decision = fc.record({
  ...{ kind: fc.constant("approval"), event: fc.constant("decided"), time, agent, target, approval },
  operation: fc.constantFrom("CREATE", "DELETE"),
  decision: fc.record({ user: name, verdict: fc.constantFrom("Approve", "Deny"), comment: some(name) }),
});

/** As the ledger has it: without what is not there. */
function eventOf(given: object): JsonObject {
  const entry = JSON.parse(JSON.stringify(given)) as JsonObject;
  const line = ocsf.line({ index: 7, entry, text: canonical(entry), payload: undefined, proof: undefined });
  return JSON.parse(line ?? "null");
}

describe("an event in OCSF", () => {
  for (const [what, entries] of Object.entries({ admission, request, decision }))
    it(`is as the schema of API Activity has it: ${what}`, () => {
      fc.assert(
        fc.property(entries as fc.Arbitrary<object>, (entry) => {
          expect(ocsfProblems(eventOf(entry))).to.deep.equal([]);
        }),
        { numRuns: 300 },
      );
    });

  it("says which version of the schema it is of, and its number in it", () => {
    const event = eventOf(fc.sample(admission, { numRuns: 1, seed: 1 })[0] ?? {});
    expect(event["metadata"]).to.deep.include({ version: OCSF_VERSION, uid: "7", sequence: 7 });
    expect(event["type_uid"]).to.equal(Number(event["class_uid"]) * 100 + Number(event["activity_id"]));
  });

  const wrong: Record<string, [change: (event: JsonObject) => void, found: string]> = {
    "what the schema does not know": [
      (event) => Object.assign(event, { verdict: "x" }),
      "event.verdict is unknown",
    ],
    "what is missing": [(event) => delete event["actor"], "event.actor is missing"],
    "a number that stands for nothing": [
      (event) => Object.assign(event, { severity_id: 12, severity: undefined }),
      "event.severity_id is none of its values",
    ],
    "a word that is not the number's": [
      (event) => Object.assign(event, { status: "allowed" }),
      'event.status is "allowed" beside status_id 1',
    ],
    "a text for a number": [
      (event) => Object.assign(event, { time: "now" }),
      "event.time is not of its type",
    ],
    "an object that nothing names": [
      (event) => Object.assign(event, { resources: [{ type: "pods" }] }),
      "event.resources[0] has none of name, uid",
    ],
    "one where many are wanted": [
      (event) => Object.assign(event, { resources: {} }),
      "event.resources is no array",
    ],
    "an address that is none": [
      (event) => Object.assign(event, { src_endpoint: { ip: "here" } }),
      "event.src_endpoint.ip is not as its type has it: here",
    ],
  };
  const allowed = {
    kind: "admission",
    time: "2026-11-21T09:59:56.000123Z",
    answer: "allowed",
    operation: "CREATE",
  };
  for (const [what, [change, found]] of Object.entries(wrong))
    it(`would be found to have ${what}`, () => {
      const event = eventOf({
        ...allowed,
        agent: { username: "bot", groups: [] },
        target: { group: "", version: "v1", resource: "pods" },
      });
      expect(ocsfProblems(event)).to.deep.equal([]);
      change(event);
      expect(ocsfProblems(JSON.parse(JSON.stringify(event)))).to.include(found);
    });
});

import { expect } from "chai";
import fc from "fast-check";
import { type AdmissionRequest, isObject, type Json, type JsonObject } from "#core/admission.ts";
import { canonical } from "#core/canonical.ts";
import { changesBetween, isSame, valueAt } from "#core/digest/changes.ts";
import { digestOf } from "#core/digest.ts";
import { parseJson } from "#core/json.ts";
import { request, update } from "../unit/core/requests.ts";

const agent = { username: "agent" };
const asked = (one: AdmissionRequest) => digestOf(one, agent);

/** Few names and values, so that objects often agree in part; some names every JavaScript object has. */
const names = fc.constantFrom(
  "a",
  "b",
  "name",
  "spec",
  "containers",
  "env",
  "ports",
  "constructor",
  "__proto__",
);
const leaves = fc.oneof(
  fc.constantFrom<Json[]>(null, true, 0, 1, -1.5, "", "a", "b", "9007199254740993", "\ud800"),
  fc.constantFrom("9007199254740992", "9007199254740993", "-18446744073709551615", "1e400").map(parseJson),
);
const { value } = fc.letrec<{ value: Json; object: JsonObject; item: JsonObject }>((tie) => ({
  value: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    leaves,
    tie("object"),
    fc.array(tie("value"), { maxLength: 3 }),
    fc.array(tie("item"), { maxLength: 4 }),
  ),
  object: fc
    .array(fc.tuple(names, tie("value")), { maxLength: 4 })
    .map((members) => Object.fromEntries(members)),
  item: fc.record({ name: fc.constantFrom("x", "y", "z"), value: tie("value") }),
}));
const objects = fc
  .array(fc.tuple(names, value), { maxLength: 5 })
  .map((members): JsonObject => Object.fromEntries(members));

function reversed(value: Json): Json {
  if (Array.isArray(value)) return value.map(reversed);
  if (!isObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value)
      .toReversed()
      .map(([name, item]) => [name, reversed(item)]),
  );
}

describe("the digest of a request", () => {
  it("ignores the order of members", () => {
    fc.assert(
      fc.property(objects, objects, (before, after) => {
        const turned = (object: JsonObject) => reversed(object) as JsonObject;
        expect(asked(request({ object: turned(after) }))).to.deep.equal(asked(request({ object: after })));
        expect(asked(update(turned(before), turned(after)))).to.deep.equal(asked(update(before, after)));
      }),
    );
  });

  it("ignores what the server fills in", () => {
    const system = fc.record(
      {
        uid: fc.uuid(),
        resourceVersion: fc.nat().map(String),
        generation: fc.nat(),
        creationTimestamp: fc.date({ noInvalidDate: true }).map(String),
        managedFields: fc.array(objects),
        selfLink: fc.string(),
      },
      { requiredKeys: [] },
    );
    const filled = (object: JsonObject, metadata: object) => ({
      ...object,
      metadata: { name: "thing", ...metadata } as JsonObject,
    });
    fc.assert(
      fc.property(objects, objects, system, system, (before, after, one, other) => {
        expect(asked(request({ object: filled(after, one) }))).to.deep.equal(
          asked(request({ object: filled(after, other) })),
        );
        const uid = { uid: "1" };
        expect(asked(update(filled(before, { ...one, ...uid }), filled(after, one)))).to.deep.equal(
          asked(update(filled(before, { ...other, ...uid }), filled(after, other))),
        );
      }),
    );
  });

  it("changes with anything else, in what is created and in what an update makes of an object", () => {
    fc.assert(
      fc.property(objects, objects, objects, (before, one, other) => {
        const same = canonical(one) === canonical(other);
        for (const [first, second] of [
          [asked(request({ object: one })), asked(request({ object: other }))],
          [asked(update(before, one)), asked(update(before, other))],
        ] as const) {
          expect(first.digest === second.digest).to.equal(same);
          expect(first.intent === second.intent).to.equal(same);
        }
      }),
      { numRuns: 500 },
    );
  });

  it("changes with every integer, however large", () => {
    const integers = fc.bigInt({ min: -(2n ** 70n), max: 2n ** 70n });
    fc.assert(
      fc.property(integers, fc.bigInt({ min: -3n, max: 3n }), (one, step) => {
        const of = (n: bigint) => asked(request({ object: parseJson(`{"n":${n}}`) as JsonObject })).digest;
        expect(of(one) === of(one + step)).to.equal(step === 0n);
      }),
    );
  });
});

describe("the changes between two objects", () => {
  it("are none exactly where both are the same JSON", () => {
    fc.assert(
      fc.property(value, value, (one, other) => {
        expect(isSame(one, other)).to.equal(canonical(one) === canonical(other));
        expect(isSame(one, reversed(one))).to.equal(true);
      }),
    );
  });

  it("stand where their paths say", () => {
    fc.assert(
      fc.property(objects, objects, (before, after) => {
        for (const change of changesBetween(before, after)) {
          expect(valueAt(before, change.path)).to.equal(change.before);
          expect(valueAt(after, change.path)).to.equal(change.after);
        }
      }),
    );
  });
});

describe("canonical JSON", () => {
  it("is read back as the same value, and is the same for it", () => {
    fc.assert(
      fc.property(value, (one) => {
        expect(canonical(parseJson(canonical(one)))).to.equal(canonical(one));
      }),
    );
  });

  it("is JSON.stringify's for what a double holds", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (one) => {
        const text = JSON.stringify(one);
        expect(JSON.parse(canonical(parseJson(text)))).to.deep.equal(JSON.parse(text));
      }),
    );
  });
});

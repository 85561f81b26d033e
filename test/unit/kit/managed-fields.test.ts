import { expect } from "chai";
import fc from "fast-check";
import Type from "typebox";
import { compare } from "#kit/managed-fields/compare.ts";
import {
  difference,
  type FieldSet,
  fieldSet,
  fromFieldsV1,
  intersection,
  toFieldsV1,
  union,
} from "#kit/managed-fields/field-set.ts";
import { managed } from "#kit/managed-fields/manage.ts";
import { objectRules } from "#kit/object-rules.ts";
import type { KubeObject } from "#kit/resource.ts";
import { structural } from "#kit/structural.ts";

const element = fc.constantFrom(
  "f:a",
  "f:b",
  "f:",
  'v:"x"',
  "v:5",
  'k:{"id":"1"}',
  'k:{"id":"1","n":2}',
  "i:0",
);
const set = fc.array(fc.array(element, { minLength: 1, maxLength: 4 }), { maxLength: 12 }).map(fieldSet);
const written = (fields: FieldSet | undefined) => fields && JSON.stringify(toFieldsV1(fields));

describe("sets of fields", () => {
  it("come back from FieldsV1 as they were", () => {
    fc.assert(
      fc.property(set, (fields) => {
        expect(written(fromFieldsV1(toFieldsV1(fields)))).to.equal(written(fields));
      }),
    );
  });

  it("follow the laws of sets", () => {
    fc.assert(
      fc.property(set, set, set, (a, b, c) => {
        expect(written(union(a, b))).to.equal(written(union(b, a)));
        expect(written(intersection(a, b))).to.equal(written(intersection(b, a)));
        expect(written(union(difference(a, b), intersection(a, b)))).to.equal(written(a));
        expect(written(intersection(difference(a, b), b))).to.equal("{}");
        expect(written(difference(a, union(b, c)))).to.equal(written(difference(difference(a, b), c)));
      }),
    );
  });

  it("are written in the order of upstream", () => {
    const fields = fieldSet([
      ["i:0"],
      ["v:1"],
      ['k:{"id":1}'],
      ["f:b"],
      ["f:a"],
      ["f:a", "f:x"],
      ["f:c", "f:y"],
    ]);
    expect(written(fields)).to.equal(
      '{"f:a":{".":{},"f:x":{}},"f:b":{},"f:c":{"f:y":{}},"k:{\\"id\\":1}":{},"v:1":{},"i:0":{}}',
    );
  });

  it("know keys in any order, leave out what is new, and refuse what is none", () => {
    expect(written(fromFieldsV1({ 'k:{"b":1,"a":2}': {}, "z:new": {} }))).to.equal(
      '{"k:{\\"a\\":2,\\"b\\":1}":{}}',
    );
    for (const broken of [{ a: {} }, { "k:{": {} }, { "f:a": 1 }, { "v:": {} }, [], "x"])
      expect(fromFieldsV1(broken)).to.equal(undefined);
  });
});

const SCHEMA = structural({
  type: "object",
  properties: {
    text: { type: "string" },
    map: { type: "object", additionalProperties: { type: "integer" } },
    whole: { type: "object", "x-kubernetes-map-type": "atomic", additionalProperties: { type: "integer" } },
    plain: { type: "array", items: { type: "object" } },
    set: { type: "array", "x-kubernetes-list-type": "set", items: { type: "string" } },
    keyed: {
      ...{ type: "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["id"] },
      items: { type: "object", properties: { id: { type: "string" }, n: { type: "integer" } } },
    },
    free: {},
  },
});

const value = fc.record(
  {
    text: fc.constantFrom("a", "b"),
    map: fc.dictionary(fc.constantFrom("x", "y"), fc.integer({ min: 0, max: 2 }), { noNullPrototype: true }),
    whole: fc.dictionary(fc.constantFrom("x", "y"), fc.integer({ min: 0, max: 2 }), {
      noNullPrototype: true,
    }),
    plain: fc.array(fc.constantFrom({}, { a: 1 }), { maxLength: 2 }),
    set: fc.uniqueArray(fc.constantFrom("p", "q", "r")),
    keyed: fc.uniqueArray(fc.record({ id: fc.constantFrom("1", "2", "3"), n: fc.constantFrom(1, 2) }), {
      selector: ({ id }) => id,
    }),
    free: fc.constantFrom(null, 1, {}, { a: { b: 1 } }, { a: {} }, [], [1]),
  },
  { requiredKeys: [] },
);

describe("comparing", () => {
  const shown = (old: unknown, now: unknown) => {
    const found = compare(SCHEMA, old, now);
    return (
      found && {
        added: toFieldsV1(found.added),
        modified: toFieldsV1(found.modified),
        removed: toFieldsV1(found.removed),
      }
    );
  };

  it("finds nothing between equals, and the other way round what it finds one way", () => {
    fc.assert(
      fc.property(value, value, (a, b) => {
        expect(shown(a, structuredClone(a))).to.deep.equal({ added: {}, modified: {}, removed: {} });
        const [there, back] = [shown(a, b), shown(b, a)];
        expect(there?.added).to.deep.equal(back?.removed);
        expect(there?.modified).to.deep.equal(back?.modified);
      }),
    );
  });

  const changes: Record<
    string,
    [old: object, now: object, added: object, modified: object, removed: object]
  > = {
    "fields of maps one by one": [
      { map: { x: 1, y: 1 } },
      { map: { x: 2, z: 1 } },
      { "f:map": { "f:z": {} } },
      { "f:map": { "f:x": {} } },
      { "f:map": { "f:y": {} } },
    ],
    "atomic maps as a whole": [{ whole: { x: 1 } }, { whole: { y: 1 } }, {}, { "f:whole": {} }, {}],
    "lists as a whole": [{ plain: [{ a: 1 }] }, { plain: [{ a: 2 }] }, {}, { "f:plain": {} }, {}],
    "sets by value": [
      { set: ["p", "q"] },
      { set: ["q", "r"] },
      { "f:set": { 'v:"r"': {} } },
      {},
      { "f:set": { 'v:"p"': {} } },
    ],
    "keyed lists by key": [
      {
        keyed: [
          { id: "1", n: 1 },
          { id: "2", n: 1 },
        ],
      },
      { keyed: [{ id: "2", n: 2 }, { id: "3" }] },
      { "f:keyed": { 'k:{"id":"3"}': { ".": {}, "f:id": {} } } },
      { "f:keyed": { 'k:{"id":"2"}': { "f:n": {} } } },
      { "f:keyed": { 'k:{"id":"1"}': { ".": {}, "f:id": {}, "f:n": {} } } },
    ],
    "what becomes empty": [{ map: { x: 1 } }, { map: {} }, {}, {}, { "f:map": { "f:x": {} } }],
    "what is new and empty": [{}, { map: {}, set: [] }, { "f:map": {}, "f:set": {} }, {}, {}],
    "another type": [{ free: { a: 1 } }, { free: "x" }, {}, { "f:free": {} }, { "f:free": { "f:a": {} } }],
  };
  for (const [name, [old, now, added, modified, removed]] of Object.entries(changes))
    it(`tells ${name}`, () => {
      expect(shown(old, now)).to.deep.equal({ added, modified, removed });
    });
});

const RULES = objectRules({
  group: "g",
  version: "v1",
  kind: "K",
  schema: Type.Object({ spec: Type.Unknown() }),
});

function object(spec: unknown): KubeObject {
  const metadata = { name: "x", uid: "u", creationTimestamp: "2026-01-01T00:00:00Z" };
  return { apiVersion: "g/v1", kind: "K", metadata, spec } as KubeObject;
}

/** Writes `spec` as `manager` at a second. */
function write(old: KubeObject | undefined, spec: unknown, manager: string, second = 0): KubeObject {
  const next = { ...object(spec), ...(old ? { metadata: old.metadata } : {}), spec };
  const operation = { manager, subresource: "", ignored: [], now: Date.UTC(2026, 0, 1, 0, 0, second) };
  return managed(next, old, { schema: RULES.whole, apiVersion: "g/v1", ...operation });
}

const owners = ({ metadata }: KubeObject) =>
  Object.fromEntries(
    (metadata.managedFields ?? []).map((entry) => {
      const { manager, fieldsV1 } = entry as { manager: string; fieldsV1: Record<string, object> };
      const fields = Object.keys(fieldsV1["f:spec"] ?? {});
      return [manager, fields.length === 0 ? ["."] : fields];
    }),
  );

describe("managed fields", () => {
  it("belong to whoever changed them last", () => {
    const first = write(undefined, { a: 1, b: 1 }, "one");
    expect(owners(first)).to.deep.equal({ one: [".", "f:a", "f:b"] });
    const second = write(first, { a: 2, b: 1, c: 1 }, "two");
    expect(owners(second)).to.deep.equal({ one: [".", "f:b"], two: ["f:a", "f:c"] });
    expect(owners(write(second, { c: 1 }, "three"))).to.deep.equal({ one: ["."], two: ["f:c"] });
  });

  it("have a new time only where something changed", () => {
    const first = write(undefined, { a: 1 }, "one", 1);
    const same = write(first, { a: 1 }, "one", 2);
    expect(same).to.deep.equal(first);
    const changed = write(first, { a: 2 }, "one", 3);
    expect(changed.metadata.managedFields?.[0]).to.include({ time: "2026-01-01T00:00:03Z" });
  });

  it("have one owner each, and every field has one, whatever is written", () => {
    const spec = fc.dictionary(fc.constantFrom("a", "b", "c"), fc.integer({ min: 0, max: 2 }), {
      minKeys: 1,
      noNullPrototype: true,
    });
    fc.assert(
      fc.property(
        fc.array(fc.tuple(spec, fc.constantFrom("one", "two", "three")), { minLength: 1, maxLength: 8 }),
        (writes) => {
          const last = writes.reduce<KubeObject | undefined>(
            (old, [each, manager], at) => write(old, each, manager, at),
            undefined,
          );
          const owned = Object.values(owners(last as KubeObject))
            .flat()
            .filter((field) => field !== ".");
          expect(owned.toSorted()).to.deep.equal(
            Object.keys(writes.at(-1)?.[0] ?? {})
              .map((name) => `f:${name}`)
              .toSorted(),
          );
        },
      ),
    );
  });

  it("keep ten that update; the oldest are taken together", () => {
    const all = Array.from({ length: 14 }, (_, at) => at);
    const last = all.reduce<KubeObject | undefined>((old, at) => {
      const before = (old as { spec?: object } | undefined)?.spec ?? {};
      return write(old, { ...before, [`k${at}`]: at }, `m${at}`, at);
    }, undefined) as KubeObject;
    const found = owners(last);
    expect(Object.keys(found)).to.deep.equal(["ancient-changes", ...all.slice(5).map((at) => `m${at}`)]);
    expect(found["ancient-changes"]).to.deep.equal([".", "f:k0", "f:k1", "f:k2", "f:k3", "f:k4"]);
  });

  const given: Record<string, [entries: unknown[] | undefined, expected: object]> = {
    "left out, they stay": [undefined, { one: ["."], two: ["f:a"] }],
    "broken, they stay": [[{ manager: "x" }], { one: ["."], two: ["f:a"] }],
    "of another version, they go": [
      [
        {
          manager: "x",
          operation: "Update",
          apiVersion: "g/v2",
          fieldsType: "FieldsV1",
          fieldsV1: { "f:spec": { "f:b": {} } },
        },
      ],
      { two: ["f:a"] },
    ],
    "one empty entry, they go for good": [[{}], {}],
    "others, those count": [
      [
        {
          manager: "x",
          operation: "Apply",
          apiVersion: "g/v1",
          fieldsType: "FieldsV1",
          fieldsV1: { "f:spec": { "f:a": {}, "f:b": {} } },
        },
      ],
      { x: ["f:b"], two: ["f:a"] },
    ],
  };
  for (const [name, [entries, expected]] of Object.entries(given))
    it(`may be sent along: ${name}`, () => {
      const old = write(undefined, { a: 1 }, "one");
      const { managedFields: _, ...metadata } = old.metadata;
      const next = {
        ...object({ a: 2 }),
        metadata: { ...metadata, ...(entries ? { managedFields: entries } : {}) },
      };
      const operation = {
        schema: RULES.whole,
        apiVersion: "g/v1",
        manager: "two",
        subresource: "",
        ignored: [],
        now: 0,
      };
      const after = managed(next, old, operation);
      expect(owners(after)).to.deep.equal(expected);
      const again = managed({ ...after, spec: { a: 3 } } as KubeObject, after, operation);
      expect(Object.keys(owners(again))).to.have.length(Object.keys(expected).length);
    });
});

/** Gadgets as callers send them: right ones, and ones with something wrong in every place where something can be. */
import fc from "fast-check";
import { stringify } from "yaml";

/** Few, so that steps meet one another. */
export const NAMES = ["a", "b", "c"] as const;

type Path = readonly string[];
type Change = readonly [Path, unknown];

const OWNER = {
  apiVersion: "v1",
  kind: "ConfigMap",
  name: "owner",
  uid: "6e9b8a0e-0000-4000-8000-000000000001",
};

/** `undefined` removes. */
const CHANGES: readonly Change[] = [
  [["spec", "color"], "pink"],
  [["spec", "color"], null],
  [["spec", "color"], 5],
  [["spec", "color"], undefined],
  [["spec", "size"], 0],
  [["spec", "size"], 1.5],
  [["spec", "size"], 1000],
  [["spec", "size"], "3"],
  [["spec", "size"], null],
  [["spec", "note"], "more than twenty characters"],
  [["spec", "note"], null],
  [["spec", "note"], 7],
  [["spec", "note"], "é 漢 <&>"],
  [["spec", "code"], "A"],
  [["spec", "code"], "abc"],
  [["spec", "ratio"], 0.5],
  [["spec", "ratio"], -1],
  [["spec", "ratio"], 2],
  [["spec", "enabled"], true],
  [["spec", "enabled"], "yes"],
  [["spec", "nothing"], null],
  [["spec", "nothing"], "x"],
  [
    ["spec", "tags"],
    ["x", "y"],
  ],
  [
    ["spec", "tags"],
    [1, null],
  ],
  [
    ["spec", "tags"],
    ["a", "b", "c", "d"],
  ],
  [["spec", "tags"], "x"],
  [["spec", "tags"], []],
  [["spec", "parts"], []],
  [["spec", "parts"], [{}]],
  [
    ["spec", "parts"],
    [{ name: "n" }, { name: "m", count: 2 }],
  ],
  [["spec", "parts"], [{ name: "n", colour: 1 }]],
  [["spec", "parts"], ["n"]],
  [["spec", "settings"], { any: "thing", "with.dot/x": "" }],
  [["spec", "settings"], { any: 1 }],
  [["spec", "settings"], {}],
  [["spec", "limits"], {}],
  [["spec", "limits"], { low: 1, high: null }],
  [["spec", "limits"], null],
  [["spec", "unknown"], { deep: [1] }],
  [["extra"], {}],
  [["spec"], null],
  [["spec"], undefined],
  [["spec"], []],
  [["status"], { phase: "Done", observed: 3 }],
  [["status"], { phase: "Odd" }],
  [["status"], { observed: -1, more: 1 }],
  [["status"], null],
  [["apiVersion"], "v2"],
  [["apiVersion"], "{{group}}/v2"],
  [["apiVersion"], undefined],
  [["kind"], "Gizmo"],
  [["kind"], undefined],
  [["metadata"], undefined],
  [["metadata"], null],
  [["metadata"], []],
  [["metadata", "name"], "Bad_Name"],
  [["metadata", "name"], ""],
  [["metadata", "name"], undefined],
  [["metadata", "name"], 5],
  [["metadata", "name"], "other"],
  [["metadata", "namespace"], "elsewhere"],
  [["metadata", "namespace"], "{{ns}}"],
  [["metadata", "generateName"], "gen-{{fresh}}-"],
  [["metadata", "uid"], "6e9b8a0e-0000-4000-8000-00000000000f"],
  [["metadata", "uid"], "{{uid a}}"],
  [["metadata", "resourceVersion"], "1"],
  [["metadata", "resourceVersion"], "0"],
  [["metadata", "resourceVersion"], "x"],
  [["metadata", "resourceVersion"], ""],
  [["metadata", "creationTimestamp"], "2001-02-03T04:05:06Z"],
  [["metadata", "creationTimestamp"], null],
  [["metadata", "creationTimestamp"], "yesterday"],
  [["metadata", "deletionTimestamp"], "2001-02-03T04:05:06Z"],
  [["metadata", "deletionGracePeriodSeconds"], 5],
  [["metadata", "generation"], 7],
  [["metadata", "selfLink"], "/x"],
  [["metadata", "labels"], { tier: "front", "example.com/x": "1" }],
  [["metadata", "labels"], { tier: "not valid!" }],
  [["metadata", "labels"], { "-": "x" }],
  [["metadata", "labels"], { tier: 1 }],
  [["metadata", "labels"], "x"],
  [["metadata", "labels"], {}],
  [["metadata", "annotations"], { "example.com/x": "any text" }],
  [["metadata", "annotations"], { "bad key!": "x" }],
  [["metadata", "annotations"], { x: null }],
  [["metadata", "finalizers"], ["example.com/hold"]],
  [["metadata", "finalizers"], ["nodomain"]],
  [
    ["metadata", "finalizers"],
    ["example.com/hold", "example.com/hold"],
  ],
  [["metadata", "finalizers"], []],
  [["metadata", "ownerReferences"], [OWNER]],
  [
    ["metadata", "ownerReferences"],
    [
      { ...OWNER, controller: true },
      { ...OWNER, name: "b", controller: true },
    ],
  ],
  [["metadata", "ownerReferences"], [{ ...OWNER, uid: "" }]],
  [["metadata", "ownerReferences"], [{ kind: "X" }]],
  [["metadata", "ownerReferences"], [{ ...OWNER, blockOwnerDeletion: true }]],
  [["metadata", "managedFields"], [{}]],
  [
    ["metadata", "managedFields"],
    [{ manager: "me", operation: "Odd", apiVersion: "v1", fieldsType: "FieldsV1" }],
  ],
  [["metadata", "managedFields"], []],
  [["metadata", "odd"], 1],
  [["metadata", "ownerReferences"], [{ ...OWNER, odd: 1 }]],
];

const base = fc.record({
  name: fc.constantFrom(...NAMES),
  labels: fc.option(fc.constantFrom({ tier: "front" }, { tier: "back" }, { tier: "front", env: "prod" }), {
    nil: undefined,
  }),
  color: fc.constantFrom("red", "green", "blue"),
  size: fc.option(fc.constantFrom(1, 2, 3, 100), { nil: undefined }),
  finalizers: fc.oneof(
    { weight: 5, arbitrary: fc.constant(undefined) },
    { weight: 1, arbitrary: fc.constant(["example.com/hold"]) },
  ),
});

/** One or two things changed, of all that can be. */
const changes = fc.array(fc.constantFrom(...CHANGES), { minLength: 1, maxLength: 2 });

/** A gadget that is right two times of three. */
export function gadget(
  more: (name: string) => object = () => ({}),
): fc.Arbitrary<{ name: string; value: object }> {
  const change = fc.oneof(
    { weight: 2, arbitrary: fc.constant<readonly Change[]>([]) },
    { weight: 1, arbitrary: changes },
  );
  return fc.tuple(base, change).map(([{ name, labels, color, size, finalizers }, changed]) => {
    const value = {
      apiVersion: "{{group}}/v1",
      kind: "Gadget",
      metadata: { name, ...defined({ labels, finalizers }), ...more(name) },
      spec: { color, ...defined({ size }) },
    };
    return { name, value: altered(value, changed) };
  });
}

function altered(value: object, changed: readonly Change[]): object {
  let object = value;
  for (const [path, to] of changed) object = put(object, path, to);
  return object;
}

function defined(fields: Record<string, unknown>): object {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}

function put(object: unknown, [key = "", ...rest]: Path, value: unknown): object {
  const record = typeof object === "object" && object !== null && !Array.isArray(object) ? object : {};
  const inner = rest.length === 0 ? value : put((record as Record<string, unknown>)[key], rest, value);
  return defined({ ...record, [key]: inner });
}

export interface Encoded {
  type: string;
  text: string;
}

/** Texts of a value, most of them JSON; some are no good. */
export function encoded(value: object): fc.Arbitrary<Encoded> {
  const json = JSON.stringify(value);
  const text = (type: string, said: string) => fc.constant({ type, text: said });
  return fc.oneof(
    { weight: 20, arbitrary: text("application/json", json) },
    { weight: 3, arbitrary: text("application/yaml", stringify(value)) },
    { weight: 1, arbitrary: text("application/json; charset=utf-8", JSON.stringify(value, null, 2)) },
    { weight: 1, arbitrary: text("", json) },
    { weight: 1, arbitrary: fc.constantFrom(...broken(json)) },
  );
}

function broken(json: string): Encoded[] {
  const type = "application/json";
  return [
    { type, text: "" },
    { type, text: "null" },
    { type, text: "[]" },
    { type, text: "7" },
    { type, text: '"text"' },
    { type, text: json.slice(0, -3) },
    { type, text: `${json} trailing` },
    { type, text: json.replace('"spec":{', '"spec":{"color":"green",') },
    { type, text: json.replace('"metadata":{', '"metadata":{"name":"a",') },
    { type, text: json.replace('"kind"', '"kind":"Gadget","kind"') },
    { type, text: json.replace('"spec":{', '"spec":{"note":"x","note":"y","odd":1,"odd":2,') },
    { type: "text/plain", text: json },
    { type: "application/x-www-form-urlencoded", text: "a=b" },
    { type: "application/yaml", text: "a: b: c" },
    { type: "application/yaml", text: "- x" },
    { type: "application/yaml", text: `${json}\n---\n${json}` },
  ];
}

import { expect } from "chai";
import fc from "fast-check";
import { createPatch } from "rfc6902";
import { parsePatch } from "#kit/patch.ts";

const key = fc.constantFrom("a", "b", "c", "x/y", "m~n", "", "0", "-");
const tree = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 3 },
    fc.constantFrom(null, true, 0, "s"),
    tie("object"),
    fc.array(tie("value"), { maxLength: 4 }),
  ),
  object: fc.dictionary(key, tie("value"), { maxKeys: 4, noNullPrototype: true }),
}));

const jsonPatch = (operations: unknown) =>
  parsePatch("application/json-patch+json", JSON.stringify(operations), "Warn");
const mergePatch = (patch: unknown) =>
  parsePatch("application/merge-patch+json", JSON.stringify(patch), "Warn");

describe("a JSON patch", () => {
  it("leads from any object to any other by their difference", () => {
    fc.assert(
      fc.property(tree.object, tree.object, (from, to) => {
        expect(jsonPatch(createPatch(from, to)).apply(from)).to.deep.equal(to);
      }),
    );
  });

  it("leaves the object that it is applied to alone", () => {
    fc.assert(
      fc.property(tree.object, tree.object, (from, to) => {
        const copy = structuredClone(from);
        const result = jsonPatch([...createPatch(from, to), { op: "add", path: "/new", value: to }]).apply(
          from,
        );
        (result as { new: Record<string, unknown> }).new["changed"] = true;
        expect(from).to.deep.equal(copy);
        expect(to).not.to.have.property("changed");
      }),
    );
  });

  const lenient: Record<string, [object: object, operations: object[], result: object]> = {
    "replaces what is not there": [{}, [{ op: "replace", path: "/a", value: 1 }], { a: 1 }],
    "copies what is not there as null": [{}, [{ op: "copy", from: "/b", path: "/a" }], { a: null }],
    "adds null where no value is given": [{}, [{ op: "add", path: "/a" }], { a: null }],
    "tests what is not there against null": [{}, [{ op: "test", path: "/a", value: null }], {}],
    "counts from the end": [
      { a: [1, 2] },
      [
        { op: "add", path: "/a/-1", value: 3 },
        { op: "remove", path: "/a/-3" },
      ],
      { a: [2, 3] },
    ],
    "takes a whole object": [{ a: 1 }, [{ op: "replace", path: "", value: { b: 2 } }], { b: 2 }],
    "compares without order": [
      { a: { x: 1, y: 2 } },
      [{ op: "test", path: "/a", value: { y: 2, x: 1 } }],
      { a: { x: 1, y: 2 } },
    ],
  };
  for (const [name, [object, operations, result]] of Object.entries(lenient))
    it(`${name}, as kube-apiserver's`, () => {
      expect(jsonPatch(operations).apply(object)).to.deep.equal(result);
    });
});

describe("a merge patch", () => {
  it("makes another object of any by its own fields, null for those that go", () => {
    const withoutNulls = tree.object.filter((object) => !JSON.stringify(object).includes("null"));
    fc.assert(
      fc.property(withoutNulls, withoutNulls, (from, to) => {
        const gone = Object.fromEntries(Object.keys(from).map((name) => [name, null]));
        expect(mergePatch({ ...gone }).apply(from)).to.deep.equal({});
        expect(mergePatch(to).apply({})).to.deep.equal(to);
        expect(mergePatch(to).apply(to)).to.deep.equal(to);
      }),
    );
  });

  it("is the same done twice", () => {
    fc.assert(
      fc.property(tree.object, tree.object, (object, patch) => {
        const once = mergePatch(patch).apply(object);
        expect(mergePatch(patch).apply(once)).to.deep.equal(once);
      }),
    );
  });
});

import { expect } from "chai";
import type { KubeObject } from "#kit/resource.ts";
import { fieldMatcher, fieldRequirements, labelMatcher } from "#kit/selectors.ts";
import { StatusError } from "#kit/status.ts";

function labelled(labels: Record<string, string>): KubeObject {
  const metadata = { name: "x", namespace: "a", uid: "u", creationTimestamp: "", labels };
  return { apiVersion: "v1", kind: "Thing", metadata };
}

describe("label selectors", () => {
  const matching: [selector: string, labels: Record<string, string>, matches: boolean][] = [
    ["", {}, true],
    ["a=b", { a: "b" }, true],
    ["a==b", { a: "c" }, false],
    ["a = b , c", { a: "b", c: "" }, true],
    ["a!=b", {}, true],
    ["a!=b", { a: "b" }, false],
    ["a=", { a: "" }, true],
    ["a=", { a: "x" }, false],
    ["a=,b", { a: "", b: "1" }, true],
    ["a", { a: "x" }, true],
    ["a", {}, false],
    ["!a", {}, true],
    ["! a", { a: "x" }, false],
    ["a in (b, c)", { a: "c" }, true],
    ["a in (b)", {}, false],
    ["a in ()", { a: "" }, true],
    ["a in (,b)", { a: "" }, true],
    ["a notin (b,c),d", { d: "x" }, true],
    ["a notin (b,c)", { a: "c" }, false],
    ["in in (in)", { in: "in" }, true],
    ["a>5", { a: "6" }, true],
    ["a<5", { a: "6" }, false],
    ["a>5", { a: "x" }, false],
    ["hoop.dev/agent=x", { "hoop.dev/agent": "x" }, true],
    ["constructor", {}, false],
  ];
  for (const [selector, labels, matches] of matching) {
    it(`${selector || '""'} ${matches ? "selects" : "does not select"} ${JSON.stringify(labels)}`, () => {
      expect(labelMatcher(selector)(labelled(labels))).to.equal(matches);
    });
  }

  for (const selector of [
    "a,",
    ",a",
    "a b",
    "a in",
    "a in (b",
    "a in b",
    "=b",
    "a>x",
    "a=b=c",
    "a/b/c",
    "-a",
    "a=-",
    "()",
  ]) {
    it(`${selector} does not parse`, () => {
      expect(() => labelMatcher(selector))
        .to.throw(StatusError)
        .with.property("reason", "BadRequest");
    });
  }
});

describe("field selectors", () => {
  const fields = { "status.phase": (object: KubeObject) => object.metadata.labels?.["phase"] ?? "" };
  const matching: [selector: string, matches: boolean][] = [
    ["", true],
    ["metadata.name=x", true],
    ["metadata.name==x,metadata.namespace=a", true],
    ["metadata.namespace!=a", false],
    ["status.phase=Pending", true],
    ["status.phase=", false],
  ];
  for (const [selector, matches] of matching) {
    it(`${selector || '""'} ${matches ? "selects" : "does not select"}`, () => {
      expect(fieldMatcher(selector, fields)(labelled({ phase: "Pending" }))).to.equal(matches);
    });
  }

  it("takes commas and equals signs that are escaped as they are", () => {
    expect(fieldRequirements("a=b\\,c\\=d\\\\")).to.deep.equal([
      { field: "a", operator: "=", value: "b,c=d\\" },
    ]);
  });

  for (const selector of ["status.other=x", "toString=x", "metadata.name", "a=b=c"]) {
    it(`${selector} is refused`, () => {
      expect(() => fieldMatcher(selector, fields))
        .to.throw(StatusError)
        .with.property("reason", "BadRequest");
    });
  }
});

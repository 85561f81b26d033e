import { expect } from "chai";
import { fieldRequirements } from "#kit/field-selectors.ts";
import type { KubeObject } from "#kit/resource.ts";
import { fieldMatcher, labelMatcher } from "#kit/selectors.ts";
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

  const unparsable: [selector: string, message: string][] = [
    ["a,", "found '', expected: identifier after ','"],
    [",a", "found ',', expected: !, identifier, or 'end of string'"],
    ["a b", "unable to parse requirement: found 'b', expected: in, notin, =, ==, !=, gt, lt"],
    ["a in", "unable to parse requirement: found '' expected: '('"],
    ["a in (", "unable to parse requirement: found '', expected: ',', ')' or identifier"],
    ["a in (b", "unable to parse requirement: found '', expected: ',' or ')'"],
    ["a in (b,=)", "unable to parse requirement: found '=', expected: ',', or identifier"],
    ["a in b", "unable to parse requirement: found 'b' expected: '('"],
    ["=b", "found '=', expected: !, identifier, or 'end of string'"],
    [
      "a>x",
      "unable to parse requirement: values[0]: Invalid value: \"x\": for 'Gt', 'Lt' operators, the value must be an integer",
    ],
    ["a=b=c", "found '=', expected: ',' or 'end of string'"],
    ["!a=b", "found '=', expected: ',' or 'end of string'"],
    ["a=(", "unable to parse requirement: found '(', expected: identifier"],
    ["!", "unable to parse requirement: found '', expected: identifier"],
    ["()", "found '(', expected: !, identifier, or 'end of string'"],
  ];
  for (const [selector, message] of unparsable) {
    it(`${selector} does not parse`, () => {
      expect(() => labelMatcher(selector)).to.throw(StatusError, message);
    });
  }

  for (const [selector, field] of [
    ["a/b/c", "<nil>"],
    ["-a", "<nil>"],
    ["a=-", "values[0][a]"],
    ["a in (b,-)", "values[0][a]"],
  ] as const) {
    it(`${selector} has a part that no label has`, () => {
      const named = `unable to parse requirement: ${field}: Invalid value: `;
      expect(() => labelMatcher(selector)).to.throw(StatusError, named);
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
    ["=", true],
    [",metadata.name=x,", true],
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

  it("know no namespace where there are none", () => {
    expect(() => fieldMatcher("metadata.namespace=a", fields, "Cluster")).to.throw(
      StatusError,
      "not supported",
    );
  });

  const refused: [selector: string, message: string][] = [
    ["status.other=x", "field label not supported: status.other"],
    ["toString=x", "field label not supported: toString"],
    [" metadata.name=x", "field label not supported:  metadata.name"],
    ["metadata.name", "invalid selector: 'metadata.name'; can't understand 'metadata.name'"],
    ["a=b=c", "invalid field selector: unescaped character in value: 61"],
    ["a=b\\c", "invalid field selector: invalid escape sequence: \\c"],
    ["a=b\\", "invalid field selector: invalid escape sequence: \\"],
  ];
  for (const [selector, message] of refused) {
    it(`${selector} is refused`, () => {
      expect(() => fieldMatcher(selector, fields)).to.throw(StatusError, message);
    });
  }
});

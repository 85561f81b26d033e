import { expect } from "chai";
import type { JsonObject } from "#core/admission.ts";
import { describeChange, diffTexts } from "#core/change.ts";
import { parseJson } from "#core/json.ts";
import { on, request, update } from "./requests.ts";

const lines = (...all: string[]) => all.join("\n");
const secret = (data: JsonObject): JsonObject => ({
  kind: "Secret",
  metadata: { name: "db", uid: "1", managedFields: [{}] },
  data,
});

describe("core/change: describeChange", () => {
  it("shows a CREATE as what comes, without what the server filled in", () => {
    const object = {
      kind: "ConfigMap",
      metadata: { name: "a", uid: "1", creationTimestamp: "t", managedFields: [{}] },
      data: { a: "yes", n: parseJson("9007199254740993") },
    };
    const change = describeChange(request({ object }));
    expect(change.diff).to.equal(
      lines(
        "+kind: ConfigMap",
        "+metadata:",
        "+  name: a",
        "+data:",
        '+  a: "yes"',
        '+  "n": 9007199254740993',
      ),
    );
    expect(change.object).to.deep.equal({
      ...object,
      metadata: { name: "a", uid: "1", creationTimestamp: "t" },
    });
    expect(change).not.to.have.property("options");
  });

  it("shows an UPDATE as hunks with context", () => {
    const of = (replicas: number) => ({
      metadata: { generation: replicas },
      spec: { a: 1, b: 2, c: 3, d: 4, replicas, e: 5 },
    });
    expect(describeChange(update(of(1), of(2))).diff).to.equal(
      lines(
        "@@ -4,5 +4,5 @@",
        "   b: 2",
        "   c: 3",
        "   d: 4",
        "-  replicas: 1",
        "+  replicas: 2",
        "   e: 5",
      ),
    );
  });

  it("shows a DELETE as what goes, with its options", () => {
    const change = describeChange(
      request({
        operation: "DELETE",
        oldObject: secret({ pw: "aHVudGVyMg==" }),
        options: { propagationPolicy: "Orphan" },
      }),
    );
    expect(change.diff).to.equal(
      lines("-kind: Secret", "-metadata:", "-  name: db", "-data:", '-  pw: "[masked: Secret value]"'),
    );
    expect(change.options).to.deep.equal({ propagationPolicy: "Orphan" });
    expect(change).not.to.have.property("object");
  });

  it("says what a CONNECT is for, and has its options beside it", () => {
    const object = { kind: "PodExecOptions", command: ["sh", "-c", "echo hi"], stdin: true };
    const change = describeChange(
      request({ ...on("", "pods"), subresource: "exec", operation: "CONNECT", name: "web", object }),
    );
    expect(change).to.deep.equal({
      diff: "",
      wants: "run in the default container of pod web, with standard input:\n  sh -c 'echo hi'",
      options: object,
    });
  });

  it("says which of a Secret's values change, and not to what", () => {
    const { diff } = describeChange(
      update(secret({ a: "YQ==", b: "Yg==" }), secret({ a: "YQ==", b: "Yw==" })),
    );
    expect(diff).to.contain(
      '   a: "[masked: Secret value]"\n-  b: "[masked: Secret value]"\n+  b: "[masked: changed]"',
    );
    expect(diff).not.to.match(/Y[gw]==/);
  });

  it("says so where a masked variable of a container changes", () => {
    const of = (value: string) => ({
      spec: { containers: [{ name: "a", env: [{ name: "TOKEN", value }] }] },
    });
    expect(describeChange(update(of("one"), of("two"))).diff).to.contain('"[masked: changed]"');
  });

  it("says that masked values may differ where a whole list was rearranged", () => {
    const a = (value: string) => ({ name: "TOKEN", value });
    const b = { name: "B", value: "1" };
    const { diff } = describeChange(update({ env: [a("one"), b] }, { env: [b, a("two")] }));
    expect(diff).to.match(/^ # masked values in env may differ as well\n@@/);
    expect(
      describeChange(update({ args: ["--token", "one"] }, { args: ["--token", "two"] })).diff,
    ).to.contain("[masked: changed]");
  });

  it("leaves nothing invisible in the diff", () => {
    const { diff } = describeChange(request({ object: { a: "\u202eevil\u001b[31m", b: "x\u200b\ny\r" } }));
    expect(diff)
      .to.match(/^[\x20-\x7e\n]*$/)
      .and.contain("\\u{202e}evil");
  });

  it("shows a change between a character and its written form", () => {
    expect(describeChange(update({ a: "\u200b" }, { a: "\\u{200b}" })).diff).to.match(/^-a:.*\n\+a:/m);
  });

  it("never cuts", () => {
    const data = Object.fromEntries(
      Array.from({ length: 3000 }, (_, index) => [`k${index}`, "x".repeat(500)]),
    );
    const { diff } = describeChange(update({ data: {} }, { data }));
    const shown = new Set(diff.split("\n"));
    expect(Object.keys(data).filter((name) => !shown.has(`+  ${name}: ${"x".repeat(500)}`))).to.deep.equal(
      [],
    );
  });
});

describe("core/change: diffTexts", () => {
  it("is empty for equal texts", () => expect(diffTexts("a\nb", "a\nb")).to.equal(""));
  it("shows what differs", () => expect(diffTexts("a\nb", "a\nc")).to.equal("@@ -1,2 +1,2 @@\n a\n-b\n+c"));
  it("shows what came first or last", () => expect(diffTexts("", "a")).to.contain("+a"));

  it("shows all of both where they are too far apart", () => {
    const text = (letter: string) => Array.from({ length: 5000 }, (_, index) => letter + index).join("\n");
    const diff = diffTexts(text("a"), text("b")).split("\n");
    expect(diff.filter((line) => line.startsWith("-a"))).to.have.lengthOf(5000);
    expect(diff.filter((line) => line.startsWith("+b"))).to.have.lengthOf(5000);
  });
});

/** What an agent makes large or deep on purpose: nothing that people read of it grows out of proportion. */
import { expect } from "chai";
import type { JsonObject } from "#core/admission.ts";
import { describeChange } from "#core/change.ts";
import { digestOf } from "#core/digest.ts";
import { on, request, update } from "./requests.ts";

const THING = on("example.com", "things");
const thing = (spec: JsonObject): JsonObject => ({ metadata: { name: "x", namespace: "demo" }, spec });

function nested(levels: number): JsonObject {
  return levels === 0 ? { end: "of it" } : { a: nested(levels - 1) };
}

describe("the description of a change", () => {
  it("of a deep object stays about as long as the object, and leaves nothing out", () => {
    const object = thing({ deep: Array.from({ length: 50 }, () => nested(450)) });
    const { diff } = describeChange(request({ ...THING, object }));
    expect(diff.length).to.be.below(10 * JSON.stringify(object).length);
    expect(diff.match(/of it/g)).to.have.length(50);
  });

  it("of an object as deep as people write them is YAML all the way", () => {
    const { diff } = describeChange(request({ ...THING, object: thing(nested(25)) }));
    expect(diff).to.match(/\n\+ {52}end: of it$/);
  });

  it("with thousands of masked changes says that not each is marked", () => {
    const env = (suffix: string) =>
      Array.from({ length: 2_000 }, (_, index) => ({ name: `TOKEN_${index}`, value: `v${index}${suffix}` }));
    const { diff } = describeChange(update(thing({ env: env("a") }), thing({ env: env("b") }), THING));
    expect(diff).to.contain("masked values may be some as well").and.to.contain("what differs is masked");
  });
});

describe("the digest of a change in thousands of places", () => {
  const list = (suffix: string) => Array.from({ length: 2_000 }, (_, index) => `${index}${suffix}`);
  const before = thing({ list: list("a"), beside: 1 });
  const after = thing({ list: list("b"), beside: 1 });
  const digest = (old: JsonObject, now: JsonObject) =>
    digestOf(update(old, now, THING), { username: "agent" }, { key: "k" }).digest;

  it("is another where one of them differs", () => {
    const other = thing({ list: [...list("b").slice(1), "c"], beside: 1 });
    expect(digest(before, after)).to.equal(digest(before, after));
    expect(digest(before, other)).not.to.equal(digest(before, after));
  });

  it("is another where anything beside them has moved", () => {
    const moved = (object: JsonObject) => ({
      ...object,
      spec: { ...(object["spec"] as JsonObject), beside: 2 },
    });
    expect(digest(moved(before), moved(after))).not.to.equal(digest(before, after));
  });
});

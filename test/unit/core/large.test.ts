/** What an agent makes large or deep on purpose: nothing that people read of it grows out of proportion. */
import { expect } from "chai";
import type { Json, JsonObject } from "#core/admission.ts";
import { canonical } from "#core/canonical.ts";
import { describeChange, tooLargeToShow } from "#core/change.ts";
import { changesBetween } from "#core/digest/changes.ts";
import { digestOf } from "#core/digest.ts";
import { gainedRights } from "#core/policy/facts/rights.ts";
import { podCreate } from "../../support/reviews.ts";
import { sure, World } from "../../support/world.ts";
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

describe("a change in more places than can be told one by one", () => {
  const wide = (suffix: string, levels = 300): Json =>
    levels === 0
      ? suffix
      : {
          ...Object.fromEntries(list(50).map((n) => [`k${n}`, `${n}${suffix}`])),
          a: wide(suffix, levels - 1),
        };
  const list = (length: number) => Array.from({ length }, (_, index) => index);
  const shapes: Record<string, (suffix: string) => Json> = {
    "at many levels": wide,
    "in a list of numbers": (suffix) => list(30_000).map((n) => n + suffix.length),
    "in items with a name": (suffix) => ({
      env: list(10_000).map((n) => ({ name: `E${n}`, value: `${n}${suffix}` })),
    }),
  };
  for (const [where, spec] of Object.entries(shapes)) {
    const before = { metadata: { name: "x", labels: { a: "1" } }, spec: spec("a"), z: 1 };
    const after = { metadata: { name: "x", labels: { a: "2" } }, spec: spec("bb"), z: 2 };

    it(`${where} is told as a whole, and what differs beside it as ever`, () => {
      expect(changesBetween(before, after)).to.deep.equal([
        { path: ["metadata", "labels", "a"], before: "1", after: "2" },
        { path: ["spec"], before: before.spec, after: after.spec },
        { path: ["z"], before: 1, after: 2 },
      ]);
    });

    it(`${where} has another digest where one of them differs`, () => {
      const digest = (now: JsonObject) =>
        digestOf(update(before, now, THING), { username: "agent" }, { key: "k" }).digest;
      const other = { ...after, spec: JSON.parse(JSON.stringify(after.spec).replace("bb", "bc")) };
      if (where !== "in a list of numbers") expect(digest(other)).not.to.equal(digest(after));
      expect(digest(JSON.parse(JSON.stringify(after)))).to.equal(digest(after));
    });
  }

  it("takes no more room than both objects, however many members differ", () => {
    const many = (suffix: string) =>
      Object.fromEntries(list(60).map((n) => [`m${n}`, wide(suffix, 10)])) as JsonObject;
    const [before, after] = [many("a"), many("b")];
    const changes = changesBetween(before, after) as unknown as Json;
    expect(canonical(changes).length).to.be.below(2 * (canonical(before).length + canonical(after).length));
  });

  it("with masked values in it says that they may be some of it", () => {
    const env = (suffix: string) => list(5_500).map((n) => ({ name: `TOKEN_${n}`, value: `v${n}${suffix}` }));
    const { diff } = describeChange(update(thing({ env: env("a") }), thing({ env: env("b") }), THING));
    expect(diff)
      .to.contain("masked values in spec may differ as well")
      .and.to.contain("what differs is masked");
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

/** The value, counting each time that one of its members or items is read. */
function counted(value: Json, steps: { count: number }): Json {
  if (typeof value !== "object" || value === null) return value;
  const parts = Object.entries(value).map(([name, part]) => [name, counted(part as Json, steps)] as const);
  const copy = Array.isArray(value) ? parts.map(([, part]) => part) : Object.fromEntries(parts);
  return new Proxy(copy as JsonObject, {
    get(target, name, receiver) {
      steps.count++;
      return Reflect.get(target, name, receiver) as unknown;
    },
  });
}

/** How many reads the work takes for objects of this size. */
function stepsOf(size: number, made: (size: number, version: string) => JsonObject, work: Work): number {
  const steps = { count: 0 };
  const sides = ["a", "b"].map((version) => counted(made(size, version), steps) as JsonObject);
  work(update(sides[0] ?? {}, sides[1] ?? {}, THING));
  return steps.count;
}

type Work = (asked: ReturnType<typeof update>) => unknown;

const many = (size: number, item: (index: number) => Json) => Array.from({ length: size }, (_, i) => item(i));
const LARGE: Readonly<Record<string, (size: number, version: string) => JsonObject>> = {
  "variables that all change": (size, version) =>
    thing({ env: many(size, (i) => ({ name: `E${i}`, value: `${version}${i}` })) }),
  "secret variables, some of which change, behind many others": (size, version) =>
    thing({
      env: many(size, (i) => ({ name: `TOKEN_${i}`, value: i < size - 400 ? "same" : `${version}${i}` })),
    }),
  "owners, in another order": (size, version) => ({
    metadata: {
      name: "x",
      ownerReferences: many(size, (i) => ({ uid: `${version === "a" ? i : size - i}`, name: "o" })),
    },
  }),
  "lists in lists in another order": (size, version) =>
    thing({
      containers: many(10, (i) => ({
        name: `${version === "a" ? i : 10 - i}`,
        env: many(size / 10, (at) => ({ name: `E${version === "a" ? at : size - at}`, value: "v" })),
      })),
    }),
  ports: (size, version) =>
    thing({ ports: many(size, (i) => ({ port: i, protocol: "TCP", name: `${version}${i}` })) }),
  settings: (size, version) =>
    thing(Object.fromEntries(many(size, (i) => i).map((i) => [`k${String(i)}`, version]))),
};
const WORK: Readonly<Record<string, Work>> = {
  "to describe it": describeChange,
  "to digest it": (asked) => digestOf(asked, { username: "agent" }, { key: "k" }),
};

/** Of each item or member: as often it is looked at, and what is in it. */
const MOST_READS = 50;

describe("twice as large a change takes no more than about twice the work", () => {
  for (const [what, made] of Object.entries(LARGE))
    for (const [task, work] of Object.entries(WORK))
      it(`${task}: ${what}`, () => {
        const once = stepsOf(1_200, made, work);
        expect(once).to.be.within(1_200, MOST_READS * 1_200);
        expect(stepsOf(2_400, made, work)).to.be.below(2.5 * once);
      });

  it("to tell the rights that a role gains", () => {
    const role = (size: number, version: string): JsonObject => ({
      metadata: { name: "r" },
      rules: [
        {
          apiGroups: [""],
          resources: ["pods"],
          verbs: ["get"],
          resourceNames: many(size, (i) => `${version}${i}`),
        },
      ],
    });
    const rights: Work = (asked) =>
      gainedRights({
        ...asked,
        resource: { group: "rbac.authorization.k8s.io", version: "v1", resource: "roles" },
      });
    const once = stepsOf(1_000, role, rights);
    expect(once).to.be.greaterThan(1_000);
    expect(stepsOf(2_000, role, rights)).to.be.below(2.5 * once);
  });
});

describe("what is too large to be shown", () => {
  const config = (data: JsonObject) => request({ object: { metadata: { name: "x" }, data } });
  const cases: Record<string, [JsonObject, RegExp | undefined]> = {
    "no more values than people could go through": [{ list: many(19_000, (i) => i) }, undefined],
    "too many values": [{ list: many(20_001, (i) => i) }, /more than 20000 values/],
    "too many values within one another": [{ deep: many(50, () => nested(450)) }, /more than 20000 values/],
    "a file of a megabyte less a little": [{ file: "x".repeat(1_000_000) }, undefined],
    "more text than that": [{ file: "x".repeat(1_100_000) }, /more than 1048576 characters/],
    "more text in names": [
      Object.fromEntries(many(2_000, (i) => i).map((i) => [`${String(i)}${"x".repeat(1_000)}`, 1])),
      /more than 1048576 characters/,
    ],
  };
  for (const [what, [data, why]] of Object.entries(cases))
    it(`is known of: ${what}`, () => {
      const said = tooLargeToShow(config(data));
      if (why === undefined) expect(said).to.equal(undefined);
      else expect(said).to.match(why);
    });

  it("is refused with what to do, and neither held nor described, a dry run neither", async () => {
    const world = await World.begin();
    const env = many(10_000, (i) => ({ name: `E${i}`, value: "v" }));
    for (const dryRun of [false, true]) {
      const containers = [{ name: "c", image: "i", env, securityContext: { privileged: true } }];
      const { allowed, refusal } = sure(await world.send({ ...podCreate("big", { containers }), dryRun }));
      expect(allowed).to.equal(false);
      expect(refusal?.message).to.match(
        /privileged-container.*too large to be shown.*20000 values; split it/,
      );
    }
    expect(await world.approvals()).to.deep.equal([]);
  });

  it("is allowed where nobody is asked about it", async () => {
    const world = await World.begin();
    const env = many(10_000, (i) => ({ name: `E${i}`, value: "v" }));
    const spec = { automountServiceAccountToken: false, containers: [{ name: "c", image: "i", env }] };
    expect(sure(await world.send(podCreate("big", spec))).allowed).to.equal(true);
  });
});

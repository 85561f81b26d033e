/** The storage of objects in rows: what is written, and what a write answers. */
import { expect } from "chai";
import type { KubeObject, WriteContext } from "#kit/resource.ts";
import { StatusError } from "#kit/status.ts";
import type { Store } from "#kit/storage.ts";
import { stored } from "#kit/stored.ts";
import { memoryStore } from "#store/memory.ts";
import { thrown } from "../../conformance/store/steps.ts";

interface Thing extends KubeObject {
  spec: { size: number };
}

const thing = (name: string, size = 1, namespace: string | undefined = "a"): Thing => ({
  apiVersion: "example.com/v1",
  kind: "Thing",
  metadata: {
    name,
    uid: `uid-${name}`,
    creationTimestamp: "2026-01-01T00:00:00Z",
    ...(namespace === undefined ? {} : { namespace }),
  },
  spec: { size },
});

const context = (dryRun = false): WriteContext => ({
  caller: { username: "alice", uid: "", groups: [], extra: new Map() },
  dryRun,
  fieldManager: "test",
  signal: new AbortController().signal,
  deadline: Infinity,
  warn: () => {},
  auditID: "",
});

const LATEST = { kind: "latest" } as const;

describe("stored objects", () => {
  let store: Store;
  let things: ReturnType<typeof stored<Thing>>;
  beforeEach(() => {
    store = memoryStore();
    things = stored<Thing>(store, { prefix: "things/" });
  });

  const version = async () => String(await store.revision());

  async function created(object: Thing): Promise<Thing> {
    const result = await things.create(object, context());
    if (result.outcome !== "stored") throw new Error(result.outcome);
    return result.object;
  }

  it("come back with the version of the commit, and lie in the store without one", async () => {
    const object = await created(thing("one"));
    expect(object).to.deep.equal({
      ...thing("one"),
      metadata: { ...thing("one").metadata, resourceVersion: await version() },
    });
    const row = await store.get("things/a/one");
    expect(JSON.parse(row?.value ?? "")).to.deep.equal(thing("one"));
    expect(await things.get("a", "one", LATEST)).to.deep.equal(object);
  });

  it("are created once, also by two at the same time", async () => {
    const results = await Promise.all([1, 2].map((size) => things.create(thing("one", size), context())));
    expect(results.map(({ outcome }) => outcome)).to.have.members(["stored", "exists"]);
  });

  it("are replaced and removed in the version that is expected, and in no other", async () => {
    const first = await created(thing("one"));
    const old = first.metadata.resourceVersion ?? "";
    const changed = await things.replace(thing("one", 2), old, context());
    expect(changed).to.have.nested.property("object.metadata.resourceVersion", await version());
    for (const write of [things.replace, things.remove])
      for (const expected of [old, "", "x", "999"])
        expect(await write(thing("one", 3), expected, context())).to.deep.equal({ outcome: "conflict" });
    expect(await things.get("a", "one", LATEST)).to.have.nested.property("spec.size", 2);
    const removed = await things.remove(thing("one", 2), await version(), context());
    expect(removed).to.have.nested.property("object.metadata.resourceVersion", await version());
    expect(await things.get("a", "one", LATEST)).to.equal(undefined);
  });

  it("are gone for writes when they are not there", async () => {
    for (const write of [things.replace, things.remove])
      expect(await write(thing("none"), "1", context())).to.deep.equal({ outcome: "gone" });
  });

  it("let exactly one of many writers through that expect the same version", async () => {
    const { metadata } = await created(thing("one"));
    const expected = metadata.resourceVersion ?? "";
    const writes = Array.from({ length: 10 }, (_, n) =>
      n % 2 === 0
        ? things.replace(thing("one", n), expected, context())
        : things.remove(thing("one"), expected, context()),
    );
    const outcomes = (await Promise.all(writes)).map(({ outcome }) => outcome);
    expect(outcomes.filter((outcome) => outcome === "stored")).to.have.length(1);
  });

  it("are left alone by dry runs, which answer as the real ones would", async () => {
    const dry = context(true);
    expect(await things.create(thing("one"), dry)).to.deep.equal({ outcome: "stored", object: thing("one") });
    const { metadata } = await created(thing("one"));
    const before = await version();
    const expected = metadata.resourceVersion ?? "";
    expect(await things.create(thing("one"), dry)).to.deep.equal({ outcome: "exists" });
    for (const write of [things.replace, things.remove]) {
      const result = await write(thing("one", 2), expected, dry);
      expect(result).to.have.nested.property("object.metadata.resourceVersion", expected);
      expect(await write(thing("one", 2), "1", dry)).to.deep.equal({ outcome: "conflict" });
      expect(await write(thing("none"), "1", dry)).to.deep.equal({ outcome: "gone" });
    }
    expect(await version()).to.equal(before);
    expect(await things.get("a", "one", LATEST)).to.have.nested.property("spec.size", 1);
  });

  it("lie directly under the prefix where there are no namespaces", async () => {
    const cluster = stored<Thing>(store, { prefix: "wide/", scope: "Cluster" });
    await cluster.create(thing("one", 1, undefined), context());
    expect((await store.list("wide/")).rows.map(({ key }) => key)).to.deep.equal(["wide/one"]);
    expect(await cluster.get("", "one", LATEST)).to.have.nested.property("spec.size", 1);
  });

  it("are refused in a namespace that is not there", async () => {
    const keyed = stored<Thing>(store, { prefix: "keyed/", prefixOf: async () => undefined });
    const error = await thrown(() => keyed.create(thing("one"), context()));
    expect(error)
      .to.be.instanceOf(StatusError)
      .and.include({ reason: "NotFound", message: 'namespaces "a" not found' });
  });

  it("lie under what stands for their namespace", async () => {
    const keyed = stored<Thing>(store, { prefix: "keyed/", prefixOf: async (name) => `uid-of-${name}` });
    await keyed.create(thing("one"), context());
    expect((await store.list("keyed/")).rows.map(({ key }) => key)).to.deep.equal(["keyed/uid-of-a/one"]);
    expect(await keyed.get("a", "one", LATEST)).to.have.nested.property("metadata.name", "one");
  });

  it("take ledger lines along, each in the very commit of its write and in no other", async () => {
    const told = stored<Thing>(store, {
      prefix: "told/",
      lines: ({ type, object, context: { caller } }) => [
        `${caller.username} ${type} ${object.metadata.name}`,
      ],
    });
    await told.create(thing("one"), context());
    await told.create(thing("one"), context());
    await told.create(thing("two"), context(true));
    await told.replace(thing("one", 2), await version(), context());
    await told.replace(thing("one", 3), "1", context());
    await told.remove(thing("one", 2), await version(), context());
    const lines = await store.lines(0);
    expect(lines.map(({ line }) => line)).to.deep.equal([
      "alice create one",
      "alice replace one",
      "alice remove one",
    ]);
    const { changes } = (await store.changes("told/", 1)) as { changes: { revision: number }[] };
    expect(lines.map(({ revision }) => revision)).to.deep.equal(changes.map(({ revision }) => revision));
  });
});

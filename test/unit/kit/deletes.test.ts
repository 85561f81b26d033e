import { expect } from "chai";
import { memoryStore } from "#store/memory.ts";
import { GIZMOS, gizmo, gizmos, MERGE, made } from "./gizmo.ts";
import { type Loose, startToy, type Toy } from "./toy.ts";

const ONE = `${GIZMOS}/one`;
const DETAILS = { name: "one", group: "toy.example.com", kind: "gizmos" };

describe("deleting", () => {
  let toy: Toy;
  beforeEach(async () => {
    const store = memoryStore();
    toy = await startToy(store, [gizmos(store)]);
  });
  afterEach(() => toy.close());

  const remove = (path: string, body?: object | string, headers = {}) =>
    toy.call(path, { method: "DELETE", headers, ...(body === undefined ? {} : { body }) });
  const finalize = (finalizers: string[] | null) =>
    toy.call(ONE, { method: "PATCH", headers: MERGE, body: { metadata: { finalizers } } });

  it("answers with what is gone, by uid", async () => {
    const { metadata } = await made(toy, "one");
    const { status, json } = await remove(ONE);
    expect(status).to.equal(200);
    expect(json).to.deep.equal({
      ...{ kind: "Status", apiVersion: "v1", metadata: {}, status: "Success" },
      details: { ...DETAILS, uid: metadata.uid },
    });
    expect((await toy.call(ONE)).status).to.equal(404);
  });

  const bodies: Record<string, [body: string | object, headers: object]> = {
    "JSON of the resource's own group": [{ kind: "DeleteOptions", apiVersion: "toy.example.com/v1" }, {}],
    "JSON with what is not known": [
      { kind: "DeleteOptions", apiVersion: "v1", gracePeriodSeconds: -1, odd: 1 },
      {},
    ],
    YAML: [
      "kind: DeleteOptions\napiVersion: v1\ngracePeriodSeconds: 30\n",
      { "content-type": "application/yaml" },
    ],
  };
  for (const [name, [body, headers]] of Object.entries(bodies))
    it(`takes options as ${name}`, async () => {
      await made(toy, "one");
      expect((await remove(ONE, body, headers)).json.status).to.equal("Success");
    });

  it("waits for finalizers, and ends with the last", async () => {
    const before = await made(toy, "one", {}, { finalizers: ["x.io/a", "x.io/b"] });
    const { status, json } = await remove(ONE);
    expect(status).to.equal(200);
    expect(json.metadata).to.include({
      deletionGracePeriodSeconds: 0,
      generation: 2,
      uid: before.metadata.uid,
    });
    expect(json.metadata.deletionTimestamp).to.match(/Z$/);
    expect((await remove(ONE)).json, "again").to.deep.equal(json);
    expect((await finalize(["x.io/a", "x.io/c"])).json.message).to.equal(
      'Gizmo.toy.example.com "one" is invalid: metadata.finalizers: Forbidden: no new finalizers can be added if the object is being deleted, found new finalizers []string{"x.io/c"}',
    );
    expect((await finalize(["x.io/b"])).status).to.equal(200);
    const revision = await toy.store.revision();
    expect(
      (
        await toy.call(`${ONE}?dryRun=All`, {
          method: "PATCH",
          headers: MERGE,
          body: { metadata: { finalizers: null } },
        })
      ).status,
    ).to.equal(200);
    expect(await toy.store.revision()).to.equal(revision);
    const last = await finalize(null);
    expect(last.status).to.equal(200);
    expect(last.json.metadata).to.include({ name: "one" });
    expect((await toy.call(ONE)).status).to.equal(404);
  });

  const policies: Record<string, [query: string, before: string[], code: number, after: string[]]> = {
    Foreground: ["propagationPolicy=Foreground", [], 200, ["foregroundDeletion"]],
    Orphan: ["propagationPolicy=Orphan", [], 200, ["orphan"]],
    Background: ["propagationPolicy=Background", [], 200, []],
    "Background after Foreground": ["propagationPolicy=Background", ["foregroundDeletion"], 200, []],
    "nothing after Orphan": ["", ["orphan", "x.io/a"], 200, ["orphan", "x.io/a"]],
    "Foreground after Orphan": [
      "propagationPolicy=Foreground",
      ["orphan", "x.io/a"],
      200,
      ["x.io/a", "foregroundDeletion"],
    ],
    orphanDependents: ["orphanDependents=true", [], 200, ["orphan"]],
    "no orphanDependents": ["orphanDependents=false", ["x.io/a", "orphan"], 202, ["x.io/a"]],
  };
  for (const [name, [query, before, code, after]] of Object.entries(policies)) {
    it(`follows ${name}`, async () => {
      await made(toy, "one", {}, { finalizers: before });
      const { status, json } = await remove(`${ONE}?${query}`);
      expect(status).to.equal(code);
      expect(json.metadata.finalizers ?? []).to.deep.equal(after);
      expect((await toy.call(ONE)).status).to.equal(after.length > 0 ? 200 : 404);
    });

    it(`follows ${name} in a dry run, and does nothing`, async () => {
      await made(toy, "one", {}, { finalizers: before });
      const revision = await toy.store.revision();
      const { status, json } = await remove(`${ONE}?dryRun=All&${query}`);
      expect(status).to.equal(code);
      expect(json.metadata.finalizers ?? []).to.deep.equal(after);
      expect(await toy.store.revision()).to.equal(revision);
    });
  }

  it("happens once, however many ask", async () => {
    await made(toy, "one");
    const codes = await Promise.all(Array.from({ length: 10 }, async () => (await remove(ONE)).status));
    expect(codes.toSorted()).to.deep.equal([200, ...Array.from({ length: 9 }, () => 404)]);
  });

  it("tells watchers what went, with the version of the deletion", async () => {
    const before = await made(toy, "one");
    const watching = await toy.watch(
      `${GIZMOS}?watch=true&resourceVersion=${before.metadata.resourceVersion}`,
    );
    await remove(`${ONE}?dryRun=All`);
    await remove(ONE);
    const frame = await watching.next();
    watching.close();
    expect(frame.type).to.equal("DELETED");
    expect(frame.object.metadata.resourceVersion).to.equal(String(await toy.store.revision()));
  });

  describe("a collection", () => {
    const names = (list: Loose) => list.items.map((item: Loose) => item.metadata.name);
    beforeEach(async () => {
      for (const [name, color] of [
        ["a", "red"],
        ["b", "blue"],
        ["c", "red"],
        ["d", "blue"],
      ])
        await made(toy, name ?? "", { color }, { labels: { color } });
      await made(toy, "kept", {}, { finalizers: ["x.io/y"] });
    });

    it("answers with the list as it was, and leaves what finalizers keep", async () => {
      const { status, json } = await remove(GIZMOS, { propagationPolicy: "Background" });
      expect(status).to.equal(200);
      expect(json).to.include({ kind: "GizmoList", apiVersion: "toy.example.com/v1" });
      expect(names(json)).to.deep.equal(["a", "b", "c", "d", "kept"]);
      const left = (await toy.call(GIZMOS)).json;
      expect(names(left)).to.deep.equal(["kept"]);
      expect(left.items[0].metadata).to.have.property("deletionTimestamp");
    });

    const selections: Record<string, [query: string, left: string[]]> = {
      labels: ["?labelSelector=color%3Dred", ["b", "d", "kept"]],
      fields: ["?fieldSelector=spec.color%3Dblue", ["a", "c", "kept"]],
      "one name": ["?fieldSelector=metadata.name%3Db", ["a", "c", "d", "kept"]],
      "a limit": ["?limit=2", ["c", "d", "kept"]],
      nothing: ["?labelSelector=color%3Dgreen", ["a", "b", "c", "d", "kept"]],
      "a dry run": ["?dryRun=All", ["a", "b", "c", "d", "kept"]],
    };
    for (const [name, [query, left]] of Object.entries(selections))
      it(`is limited by ${name}`, async () => {
        const { status } = await remove(`${GIZMOS}${query}`);
        expect(status).to.equal(200);
        expect(names((await toy.call(GIZMOS)).json)).to.deep.equal(left);
      });

    it("holds nothing that the caller does not see", async () => {
      await toy.call(GIZMOS, {
        method: "POST",
        headers: { user: "bob" },
        body: gizmo("hidden", { owner: "bob" }),
      });
      expect(names((await remove(GIZMOS)).json)).not.to.include("hidden");
      expect((await toy.call(`${GIZMOS}/hidden`, { headers: { user: "bob" } })).status).to.equal(200);
    });
  });
});

import { expect } from "chai";
import { memoryStore } from "#store/memory.ts";
import { GIZMOS, gizmo, gizmos, JSON_PATCH, MERGE, made, YAML } from "./gizmo.ts";
import { type Loose, ROOT, startToy, type Toy } from "./toy.ts";

const ONE = `${GIZMOS}/one`;

describe("writing", () => {
  let toy: Toy;
  beforeEach(async () => {
    const store = memoryStore();
    toy = await startToy(store, [gizmos(store)]);
  });
  afterEach(() => toy.close());

  const merge = (path: string, body: object, headers = {}) =>
    toy.call(path, { method: "PATCH", headers: { ...MERGE, ...headers }, body });
  const revision = async () => (await toy.store.revision()).valueOf();

  describe("create", () => {
    it("answers 201 with the object, defaults filled in, and what the server says of it", async () => {
      const { status, json } = await toy.call(GIZMOS, {
        method: "POST",
        headers: { "user-agent": "kubectl/v1.36" },
        body: {
          ...gizmo(
            "one",
            {},
            {
              ...{ uid: "mine", generation: 7, selfLink: "/x", creationTimestamp: "2000-01-01T00:00:00Z" },
              ...{
                deletionTimestamp: "2000-01-01T00:00:00Z",
                deletionGracePeriodSeconds: 5,
                labels: { a: "b" },
              },
            },
          ),
          status: { phase: "Sneaky" },
        },
      });
      expect(status).to.equal(201);
      const { uid, creationTimestamp, resourceVersion, managedFields, ...metadata } = json.metadata;
      expect(uid).to.match(/^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/);
      expect(creationTimestamp).to.match(/^20[2-9]\d-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
      expect(resourceVersion).to.equal(String(await revision()));
      expect(managedFields[0]).to.include({
        manager: "kubectl",
        operation: "Update",
        fieldsType: "FieldsV1",
      });
      expect(metadata).to.deep.equal({ name: "one", namespace: "a", generation: 1, labels: { a: "b" } });
      expect(json.spec).to.deep.equal({ color: "red", size: 3 });
      expect(json).not.to.have.property("status");
      expect((await toy.call(ONE)).json).to.deep.equal(json);
    });

    it("takes YAML", async () => {
      const body =
        "kind: Gizmo\napiVersion: toy.example.com/v1\nmetadata: {name: one}\nspec: {color: blue}\n";
      const { status, json } = await toy.call(GIZMOS, { method: "POST", headers: YAML, body });
      expect(status).to.equal(201);
      expect(json.spec.color).to.equal("blue");
    });

    it("makes names up, each another one", async () => {
      const names = await Promise.all(
        Array.from(
          { length: 50 },
          async () => (await made(toy, "", {}, { generateName: "one-" })).metadata.name,
        ),
      );
      expect(new Set(names).size).to.equal(50);
      for (const name of names) expect(name).to.match(/^one-[bcdfghjklmnpqrstvwxz2456789]{5}$/);
    });

    it("gives up on made-up names that are all taken, and says when to come back", async () => {
      const store = memoryStore();
      const taken = gizmos(store);
      const full = {
        ...taken,
        storage: { ...taken.storage, create: async () => ({ outcome: "exists" }) as const },
      };
      const crowded = await startToy(store, [full as typeof taken]);
      const { status, json, headers } = await crowded.call(GIZMOS, {
        method: "POST",
        body: gizmo("", {}, { generateName: "one-" }),
      });
      await crowded.close();
      expect(status).to.equal(409);
      expect(json.message).to.match(/already exists, the server was not able to generate a unique name/);
      expect(json.details.retryAfterSeconds).to.equal(1);
      expect(headers["retry-after"]).to.equal("1");
    });

    it("writes nothing in a dry run, and tells nobody", async () => {
      const before = await revision();
      const { status, json } = await toy.call(`${GIZMOS}?dryRun=All`, { method: "POST", body: gizmo("one") });
      expect(status).to.equal(201);
      expect(json.metadata).to.have.property("uid");
      expect(json.metadata).not.to.have.property("resourceVersion");
      expect(await revision()).to.equal(before);
      expect((await toy.call(ONE)).status).to.equal(404);
    });

    it("shows the new object as its maker may see it, and in the form he asks for", async () => {
      const accept = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1";
      const body = gizmo("one", { pin: "1234" });
      const { json } = await toy.call(GIZMOS, { method: "POST", body });
      expect(json.spec.pin).to.equal("***");
      const { json: partial } = await toy.call(GIZMOS, {
        method: "POST",
        body: gizmo("two"),
        headers: { accept },
      });
      expect(partial).to.include({ kind: "PartialObjectMetadata" });
      expect(partial).not.to.have.property("spec");
    });

    it("says that a name is taken, also by what is being deleted", async () => {
      await made(toy, "one", {}, { finalizers: ["x.io/y"] });
      const again = () => toy.call(GIZMOS, { method: "POST", body: gizmo("one") });
      expect((await again()).json).to.deep.include({
        message: 'gizmos.toy.example.com "one" already exists',
        reason: "AlreadyExists",
        details: { name: "one", group: "toy.example.com", kind: "gizmos" },
        code: 409,
      });
      await toy.call(ONE, { method: "DELETE" });
      expect((await again()).json.message).to.equal(
        'object is being deleted: gizmos.toy.example.com "one" already exists',
      );
    });

    it("keeps each owner once, and warns", async () => {
      const owner = { apiVersion: "v1", kind: "ConfigMap", name: "x", uid: "1" };
      const body = gizmo("one", {}, { ownerReferences: [owner, owner] });
      const { json, headers } = await toy.call(GIZMOS, { method: "POST", body });
      expect(json.metadata.ownerReferences).to.deep.equal([owner]);
      expect(headers["warning"]).to.match(
        /ownerReferences contains duplicate entries; .*UID\(s\) observed: 1"$/,
      );
    });

    it("passes on the warnings of the resource, and those about finalizers", async () => {
      const body = gizmo("one", { size: 10 }, { finalizers: ["orphan", "plain", "x.io", "x.io/y"] });
      const { headers } = await toy.call(GIZMOS, { method: "POST", body });
      expect(headers["warning"]).to.equal(
        [
          '299 - "metadata.finalizers: \\"plain\\": prefer a domain-qualified finalizer name to avoid accidental conflicts with other finalizer writers"',
          '299 - "metadata.finalizers: \\"x.io\\": prefer a domain-qualified finalizer name including a path (/) to avoid accidental conflicts with other finalizer writers"',
          '299 - "spec.size: that is big"',
        ].join(", "),
      );
    });

    const namespaces: Record<string, [namespace: string, code: number, body: object]> = {
      "a missing namespace": [
        "gone",
        404,
        {
          message: 'namespaces "gone" not found',
          reason: "NotFound",
          details: { name: "gone", kind: "namespaces" },
        },
      ],
      "one that is being deleted": [
        "ending",
        403,
        {
          message:
            'gizmos.toy.example.com "one" is forbidden: unable to create new content in namespace ending because it is being terminated',
          reason: "Forbidden",
          details: {
            ...{ name: "one", group: "toy.example.com", kind: "gizmos" },
            causes: [
              {
                reason: "NamespaceTerminating",
                message: "namespace ending is being terminated",
                field: "metadata.namespace",
              },
            ],
          },
        },
      ],
    };
    for (const [name, [namespace, code, expected]] of Object.entries(namespaces))
      for (const query of ["", "?dryRun=All"])
        it(`makes nothing in ${name} ${query}`, async () => {
          const path = `${ROOT}/namespaces/${namespace}/gizmos${query}`;
          const { status, json } = await toy.call(path, {
            method: "POST",
            body: gizmo("one", { color: "green" }),
          });
          expect(status).to.equal(code);
          expect(json).to.deep.include(expected);
        });
  });

  describe("update", () => {
    let one: Loose;
    beforeEach(async () => {
      one = await made(toy, "one", { pin: "1234" });
    });
    const put = (body: object, path = ONE) => toy.call(path, { method: "PUT", body });

    it("replaces the object and counts its desired states", async () => {
      const { status, json } = await put({ ...one, spec: { color: "blue", size: 4 } });
      expect(status).to.equal(200);
      expect(json.spec).to.deep.equal({ color: "blue", size: 4 });
      expect(json.metadata.generation).to.equal(2);
      expect(Number(json.metadata.resourceVersion)).to.be.greaterThan(Number(one.metadata.resourceVersion));
      const labelled = await put({ ...json, metadata: { ...json.metadata, labels: { a: "b" } } });
      expect(labelled.json.metadata).to.include({ generation: 2 });
    });

    it("changes nothing where there is nothing to change: no new version, no event", async () => {
      const before = await revision();
      for (const path of [ONE, `${ONE}/status`]) {
        const { status, json } = await put(one, path);
        expect(status).to.equal(200);
        expect(json).to.deep.equal(one);
      }
      expect((await merge(ONE, { spec: { color: "red" } })).json).to.deep.equal(one);
      expect(await revision()).to.equal(before);
    });

    it("sends back what was masked as what it was", async () => {
      expect(one.spec.pin).to.equal("***");
      await put({ ...one, spec: { ...one.spec, size: 4 } });
      const { json } = await toy.call(ONE, { headers: { user: "admin" } });
      expect(json.spec).to.include({ pin: "1234", size: 4 });
    });

    it("keeps what clients cannot change", async () => {
      const { generation: _, creationTimestamp: __, uid: ___, ...metadata } = one.metadata;
      const { json } = await put({
        ...one,
        metadata: { ...metadata, generation: 99 },
        status: { phase: "Sneaky" },
      });
      expect(json).to.deep.equal(one);
    });

    it("hits the version that it names, or nothing", async () => {
      await put({ ...one, spec: { color: "blue" } });
      const { status, json } = await put({ ...one, spec: { color: "blue", size: 5 } });
      expect(status).to.equal(409);
      expect(json).to.deep.include({
        message:
          'Operation cannot be fulfilled on gizmos.toy.example.com "one": the object has been modified; please apply your changes to the latest version and try again',
        reason: "Conflict",
        details: { name: "one", group: "toy.example.com", kind: "gizmos" },
      });
    });

    it("lets one of many writers of the same version through", async () => {
      const writers = Array.from({ length: 20 }, (_, at) =>
        put({ ...one, spec: { color: "blue", name: `n${"abcdefghijklmnopqrst"[at]}` } }),
      );
      const codes = (await Promise.all(writers)).map(({ status }) => status).toSorted();
      expect(codes).to.deep.equal([200, ...Array.from({ length: 19 }, () => 409)]);
    });

    it("writes nothing in a dry run, but tells what would be", async () => {
      const before = await revision();
      const { json } = await put({ ...one, spec: { color: "blue" } }, `${ONE}?dryRun=All`);
      expect(json.spec).to.deep.equal({ color: "blue", size: 3 });
      expect(json.metadata).to.include({ generation: 2, resourceVersion: one.metadata.resourceVersion });
      expect(await revision()).to.equal(before);
    });
  });

  describe("patch", () => {
    beforeEach(async () => {
      await made(toy, "one", { pin: "1234", tags: ["x"], free: { a: [1, { b: null }] } });
    });
    const json = (operations: unknown, path = ONE) =>
      toy.call(path, { method: "PATCH", headers: JSON_PATCH, body: JSON.stringify(operations) });

    it("merges: null removes, lists are replaced", async () => {
      const { status, json: patched } = await merge(ONE, {
        spec: { tags: ["y"], free: null, extra: { a: "b", c: null } },
      });
      expect(status).to.equal(200);
      expect(patched.spec).to.deep.equal({
        color: "red",
        size: 3,
        pin: "***",
        tags: ["y"],
        extra: { a: "b" },
      });
    });

    it("applies operations in their order", async () => {
      const { status, json: patched } = await json([
        { op: "test", path: "/spec/color", value: "red" },
        { op: "add", path: "/spec/tags/-", value: "y" },
        { op: "add", path: "/spec/tags/0", value: "w" },
        { op: "move", from: "/spec/tags/1", path: "/spec/owner" },
        { op: "copy", from: "/spec/tags", path: "/spec/free/copied" },
        { op: "replace", path: "/metadata/labels", value: { "a/b": "c" } },
        { op: "add", path: "/metadata/labels/a~1b", value: "d" },
        { op: "remove", path: "/spec/owner" },
      ]);
      expect(status).to.equal(200);
      expect(patched.spec.tags).to.deep.equal(["w", "y"]);
      expect(patched.spec.free).to.deep.equal({ a: [1, { b: null }], copied: ["w", "y"] });
      expect(patched.metadata.labels).to.deep.equal({ "a/b": "d" });
    });

    it("is of what its sender sees: what is masked cannot be asked for", async () => {
      const tested = await json([{ op: "test", path: "/spec/pin", value: "1234" }]);
      expect(tested.status).to.equal(422);
      const copied = await json([{ op: "copy", from: "/spec/pin", path: "/metadata/labels", value: {} }]);
      expect(copied.text).not.to.include("1234");
      await merge(ONE, { spec: { size: 5 } });
      const { json: whole } = await toy.call(ONE, { headers: { user: "admin" } });
      expect(whole.spec).to.include({ pin: "1234", size: 5 });
    });

    it("is applied anew where somebody else was faster, so that all succeed", async () => {
      const patches = Array.from({ length: 20 }, (_, at) =>
        merge(ONE, { spec: { free: { [`k${at}`]: at } } }),
      );
      const codes = new Set((await Promise.all(patches)).map(({ status }) => status));
      expect([...codes]).to.deep.equal([200]);
      const { json: whole } = await toy.call(ONE);
      expect(Object.keys(whole.spec.free)).to.have.length(21);
      expect(whole.metadata.generation).to.equal(21);
    });

    it("is refused where it names another version", async () => {
      const { status, json: error } = await merge(ONE, {
        metadata: { resourceVersion: "1" },
        spec: { size: 5 },
      });
      expect(status).to.equal(409);
      expect(error.message).to.match(/the object has been modified/);
    });

    it("does not make what is not there, whatever the patch is", async () => {
      for (const body of [{ spec: {} }, "nonsense"]) {
        const { status } = await toy.call(`${GIZMOS}/two`, { method: "PATCH", headers: MERGE, body });
        expect(status).to.equal(404);
      }
    });

    it("warns of fields that are not known or were given twice, or refuses them", async () => {
      const body = '{"spec": {"colour": "x", "size": 4, "size": 5}}';
      const warned = await toy.call(ONE, { method: "PATCH", headers: MERGE, body });
      expect(warned.json.spec.size).to.equal(5);
      expect(warned.headers["warning"]).to.equal(
        '299 - "duplicate field \\"spec.size\\"", 299 - "unknown field \\"spec.colour\\""',
      );
      const strict = await toy.call(`${ONE}?fieldValidation=Strict`, {
        method: "PATCH",
        headers: MERGE,
        body,
      });
      expect(strict.status).to.equal(422);
      expect(strict.json.message).to.equal(
        ' "" is invalid: patch: Invalid value: strict decoding error: duplicate field "spec.size", unknown field "spec.colour"',
      );
      const ignored = await toy.call(`${ONE}?fieldValidation=Ignore`, {
        method: "PATCH",
        headers: MERGE,
        body,
      });
      expect(ignored.headers).not.to.have.property("warning");
    });
  });

  describe("status", () => {
    const STATUS = `${ONE}/status`;
    beforeEach(() => made(toy, "one"));

    it("is written there alone, and nothing else is", async () => {
      const body = {
        status: { phase: "Up" },
        spec: { size: 9 },
        metadata: { labels: { a: "b" }, finalizers: ["x.io/y"] },
      };
      const { status, json } = await merge(STATUS, body);
      expect(status).to.equal(200);
      expect(json).to.deep.include({ spec: { color: "red", size: 3 }, status: { phase: "Up" } });
      expect(json.metadata).not.to.have.any.keys("labels", "finalizers");
      expect(json.metadata.generation).to.equal(1);
      const main = await merge(ONE, { status: { phase: "Down" }, spec: { size: 4 } });
      expect(main.json).to.deep.include({ spec: { color: "red", size: 4 }, status: { phase: "Up" } });
    });

    it("is replaced by update, and read by get", async () => {
      const { json: whole } = await toy.call(STATUS);
      const { json } = await toy.call(STATUS, { method: "PUT", body: { ...whole, status: { count: 1 } } });
      expect(json.status).to.deep.equal({ count: 1 });
      const { json: without } = await toy.call(STATUS, {
        method: "PUT",
        body: { ...json, status: undefined },
      });
      expect(without).not.to.have.property("status");
    });

    it("is checked by itself", async () => {
      const { status, json } = await merge(STATUS, { status: { phase: 5 }, spec: { color: "green" } });
      expect(status).to.equal(422);
      expect(json.details.causes).to.deep.equal([
        {
          reason: "FieldValueTypeInvalid",
          message: 'Invalid value: "integer": phase in body must be of type string: "integer"',
          field: "status.phase",
        },
      ]);
    });

    it("can neither be made nor deleted", async () => {
      for (const method of ["POST", "DELETE"])
        expect((await toy.call(STATUS, { method, body: gizmo("one") })).status).to.equal(405);
    });
  });

  it("shows an object to nobody who may not see it, whatever he does to it", async () => {
    await toy.call(GIZMOS, {
      method: "POST",
      headers: { user: "bob" },
      body: gizmo("one", { owner: "bob" }),
    });
    const whole = (await toy.call(ONE, { headers: { user: "bob" } })).json;
    const before = await revision();
    const tries = [
      toy.call(ONE, { method: "PUT", body: whole }),
      merge(ONE, { spec: { size: 5 } }),
      merge(`${ONE}/status`, { status: { phase: "Up" } }),
      toy.call(ONE, { method: "DELETE" }),
    ];
    for (const { status, json } of await Promise.all(tries)) {
      expect(status).to.equal(404);
      expect(json.message).to.equal('gizmos.toy.example.com "one" not found');
    }
    const all = await toy.call(GIZMOS, { method: "DELETE" });
    expect(all.json.items).to.deep.equal([]);
    expect(await revision()).to.equal(before);
  });

  it("lets nobody make an object that he could not see then", async () => {
    const hidden = await toy.call(GIZMOS, { method: "POST", body: gizmo("one", { owner: "bob" }) });
    expect(hidden.status).to.equal(403);
    await made(toy, "two");
    const moved = await merge(`${GIZMOS}/two`, { spec: { owner: "bob" } });
    expect(moved.status).to.equal(403);
    expect((await toy.call(`${GIZMOS}/two`)).json.spec).not.to.have.property("owner");
  });
});

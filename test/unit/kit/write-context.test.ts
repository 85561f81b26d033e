/** What a storage is told of a write beside the object. */
import { once } from "node:events";
import { expect } from "chai";
import type { AnyResource, WriteContext } from "#kit/resource.ts";
import { memoryStore } from "#store/memory.ts";
import { GIZMOS, gizmo, gizmos, MERGE, made } from "./gizmo.ts";
import { startToy, type Toy } from "./toy.ts";

/** A write as the storage was told of it. */
type Told = WriteContext & { abortedThen: boolean };

/** Says which write it was, to the client and to the test. */
function telling(told: Told[]): AnyResource {
  const definition = gizmos(memoryStore());
  const { storage } = definition;
  if (!("create" in storage)) throw new Error("gizmos can be written");
  const hear = (what: string, context: WriteContext): WriteContext => {
    told.push({ ...context, abortedThen: context.signal.aborted });
    context.warn([`${what} by ${context.caller.username}`]);
    return context;
  };
  return {
    ...definition,
    storage: {
      get: storage.get.bind(storage),
      list: storage.list.bind(storage),
      watch: storage.watch.bind(storage),
      create: (object, context) => storage.create(object, hear("created", context)),
      replace: (object, expected, context) => storage.replace(object, expected, hear("replaced", context)),
      remove: (object, expected, context) => storage.remove(object, expected, hear("removed", context)),
    },
  };
}

const CASES: Readonly<Record<string, { method: string; path: string; body?: object; warning: string }>> = {
  "a create": { method: "POST", path: GIZMOS, body: gizmo("new"), warning: "created by alice" },
  "an update": {
    ...{ method: "PUT", path: `${GIZMOS}/one`, warning: "replaced by alice" },
    body: gizmo("one", { size: 5 }),
  },
  "a patch": {
    method: "PATCH",
    path: `${GIZMOS}/one`,
    body: { spec: { size: 6 } },
    warning: "replaced by alice",
  },
  "a delete": { method: "DELETE", path: `${GIZMOS}/one`, warning: "removed by alice" },
  "a delete of many": { method: "DELETE", path: GIZMOS, warning: "removed by alice" },
};

describe("what a storage is told of a write", () => {
  let told: Told[];
  let toy: Toy;
  beforeEach(async () => {
    told = [];
    toy = await startToy(memoryStore(), [telling(told)]);
  });
  afterEach(() => toy.close());

  for (const [name, { method, path, body, warning }] of Object.entries(CASES)) {
    it(`${name}: who writes, how it is known to the audit log; and its warnings reach the client`, async () => {
      const { metadata } = await made(toy, "one");
      told.length = 0;
      const sent = method === "PUT" ? { ...body, metadata } : body;
      const { status, headers } = await toy.call(path, {
        ...{ method, headers: { "audit-id": "a-1", ...(method === "PATCH" ? MERGE : {}) } },
        ...(sent === undefined ? {} : { body: sent }),
      });
      expect(status).to.be.within(200, 201);
      expect(headers["warning"]).to.equal(`299 - "${warning}"`);
      expect(told.map(({ caller, auditID }) => [caller.username, auditID])).to.deep.equal([["alice", "a-1"]]);
    });
  }

  it("the signal aborts with the end of the request, and not before", async () => {
    await made(toy, "one");
    expect(told.map(({ abortedThen }) => abortedThen)).to.deep.equal([false]);
    for (const { signal } of told) if (!signal.aborted) await once(signal, "abort");
    expect(told.map(({ signal }) => signal.aborted)).to.deep.equal([true]);
  });
});

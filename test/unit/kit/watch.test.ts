import { expect } from "chai";
import { memoryStore } from "#store/memory.ts";
import { ROOT, startToy, type Toy } from "./toy.ts";

const WIDGETS = `${ROOT}/namespaces/a/widgets`;
const TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json";
const METADATA = "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io,application/json";

describe("watch", () => {
  let toy: Toy;
  beforeEach(async () => {
    toy = await startToy();
  });
  afterEach(() => toy.close());

  it("begins with the present state when no version is given, and goes on with changes", async () => {
    await toy.put("a", "one");
    await toy.put("b", "other");
    const watch = await toy.watch(`${WIDGETS}?watch=1`);
    expect(watch.headers).to.include({ ":status": 200, "content-type": "application/json" });
    expect(watch.headers).not.to.have.property("content-length");
    expect(await watch.next()).to.have.nested.property("object.metadata.name", "one");
    const revision = await toy.put("a", "one", { color: "blue" });
    const modified = await watch.next();
    expect(modified).to.have.property("type", "MODIFIED");
    expect(modified.object.spec.color).to.equal("blue");
    expect(modified.object.metadata.resourceVersion).to.equal(String(revision));
    const removed = await toy.remove("a", "one");
    const deleted = await watch.next();
    expect(deleted).to.have.property("type", "DELETED");
    expect(deleted.object.metadata.resourceVersion).to.equal(String(removed));
    watch.close();
  });

  it("after a version tells strictly what came later", async () => {
    const first = await toy.put("a", "one");
    await toy.put("a", "two");
    const watch = await toy.watch(`${WIDGETS}?watch=true&resourceVersion=${first}`);
    const frame = await watch.next();
    expect([frame.type, frame.object.metadata.name]).to.deep.equal(["ADDED", "two"]);
    watch.close();
  });

  it("ends the initial events with the annotated bookmark that informers wait for", async () => {
    const revision = await toy.put("a", "one");
    const query = "watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true";
    const watch = await toy.watch(`${WIDGETS}?${query}`);
    expect(await watch.next()).to.have.property("type", "ADDED");
    expect(await watch.next()).to.deep.equal({
      type: "BOOKMARK",
      object: {
        kind: "Widget",
        apiVersion: "toy.example.com/v1",
        metadata: {
          resourceVersion: String(revision),
          annotations: { "k8s.io/initial-events-end": "true" },
        },
      },
    });
    watch.close();
  });

  it("sends a last bookmark before its time is over, then ends cleanly", async () => {
    const revision = await toy.put("a", "one");
    const query = `watch=1&resourceVersion=${revision}&allowWatchBookmarks=true&timeoutSeconds=3`;
    const watch = await toy.watch(`${WIDGETS}?${query}`);
    const later = await toy.put("b", "elsewhere");
    const frame = await watch.next();
    expect([frame.type, frame.object.metadata.resourceVersion]).to.deep.equal(["BOOKMARK", String(later)]);
    expect(await watch.next()).to.equal(undefined);
  });

  it("sends no bookmark that was not asked for", async () => {
    await toy.put("a", "one");
    const watch = await toy.watch(`${WIDGETS}?watch=1&timeoutSeconds=1`);
    expect(await watch.next()).to.have.property("type", "ADDED");
    expect(await watch.next()).to.equal(undefined);
  });

  it("shows an object that leaves the selection as deleted, in its last selected state and the new version", async () => {
    await toy.put("a", "one", { labels: { team: "x" } });
    const watch = await toy.watch(`${WIDGETS}?watch=1&labelSelector=team%3Dx`);
    expect(await watch.next()).to.have.property("type", "ADDED");
    const left = await toy.put("a", "one", { labels: { team: "y" } });
    const frame = await watch.next();
    expect(frame.type).to.equal("DELETED");
    expect(frame.object.metadata.labels).to.deep.equal({ team: "x" });
    expect(frame.object.metadata.resourceVersion).to.equal(String(left));
    await toy.put("a", "one", { labels: { team: "x" } });
    expect(await watch.next()).to.have.property("type", "ADDED");
    watch.close();
  });

  it("keeps what the caller may not see out of it, also in transitions", async () => {
    await toy.put("a", "hidden", { labels: { secret: "yes" } });
    const watch = await toy.watch(`${WIDGETS}?watch=1`, { user: "guest" });
    await toy.put("a", "hidden", { color: "blue", labels: { secret: "yes" } });
    await toy.put("a", "hidden");
    const shown = await watch.next();
    expect([shown.type, shown.object.metadata.name]).to.deep.equal(["ADDED", "hidden"]);
    await toy.put("a", "hidden", { color: "blue", labels: { secret: "yes" } });
    const gone = await watch.next();
    expect([gone.type, gone.object.spec.color]).to.deep.equal(["DELETED", "red"]);
    watch.close();
  });

  it("follows one object by its name", async () => {
    await toy.put("a", "one");
    const watch = await toy.watch(`${WIDGETS}?watch=1&fieldSelector=metadata.name%3Dtwo`);
    await toy.put("a", "two");
    expect(await watch.next()).to.have.nested.property("object.metadata.name", "two");
    watch.close();
  });

  it("covers all namespaces but those that are gone", async () => {
    const watch = await toy.watch(`${ROOT}/widgets?watch=1`);
    await toy.put("old", "one");
    await toy.put("b", "two");
    expect(await watch.next()).to.have.nested.property("object.metadata.name", "two");
    watch.close();
  });

  it("tells a Table's columns only once, bookmarks included", async () => {
    await toy.put("a", "one");
    await toy.put("a", "two");
    const query = "watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true";
    const watch = await toy.watch(`${WIDGETS}?${query}`, { accept: TABLE });
    const first = await watch.next();
    expect(first.object).to.include({ kind: "Table", apiVersion: "meta.k8s.io/v1" });
    expect(first.object.columnDefinitions).to.have.length(4);
    expect(first.object.rows[0].cells.slice(0, 2)).to.deep.equal(["one", "red"]);
    expect(first.object.rows[0].object).to.have.property("kind", "PartialObjectMetadata");
    expect((await watch.next()).object.columnDefinitions).to.equal(null);
    const bookmark = await watch.next();
    expect(bookmark.type).to.equal("BOOKMARK");
    expect(bookmark.object.rows[0].object.metadata.annotations).to.have.property("k8s.io/initial-events-end");
    watch.close();
  });

  it("shows metadata alone to metadata informers", async () => {
    await toy.put("a", "one");
    const watch = await toy.watch(`${WIDGETS}?watch=1`, { accept: METADATA });
    const { object } = await watch.next();
    expect(Object.keys(object)).to.have.members(["kind", "apiVersion", "metadata"]);
    expect(object.kind).to.equal("PartialObjectMetadata");
    watch.close();
  });

  it("answers a version that is not there yet with an ERROR frame that says to come back", async () => {
    const watch = await toy.watch(`${WIDGETS}?watch=1&resourceVersion=1000`);
    const { type, object } = await watch.next();
    expect(type).to.equal("ERROR");
    expect(object).to.include({ kind: "Status", code: 504, reason: "Timeout" });
    expect(object.details.retryAfterSeconds).to.equal(1);
    expect(await watch.next()).to.equal(undefined);
  });

  it("is JSON alone: what asks for YAML first is refused", async () => {
    const headers = { accept: "application/yaml, application/json" };
    const reply = await toy.call(`${WIDGETS}?watch=1`, { headers });
    expect([reply.status, reply.json?.reason ?? reply.text.includes("NotAcceptable")]).to.deep.equal([
      406,
      true,
    ]);
  });

  it("refuses a request that is no watch with a status, not with frames", async () => {
    const reply = await toy.call(`${WIDGETS}?watch=1&sendInitialEvents=true`);
    expect(reply.status).to.equal(422);
    expect(reply.json.details.causes[0].reason).to.equal("FieldValueForbidden");
  });

  it("ends cleanly when the API closes, and takes no new watches", async () => {
    const watch = await toy.watch(`${WIDGETS}?watch=1`);
    await toy.api.close();
    expect(await watch.next()).to.equal(undefined);
    const reply = await toy.call(`${WIDGETS}?watch=1`);
    expect([reply.status, reply.headers["retry-after"]]).to.deep.equal([503, "1"]);
    expect((await toy.call("/readyz")).status).to.equal(500);
    expect((await toy.call("/livez")).status).to.equal(200);
  });
});

describe("watch over a store that forgets", () => {
  it("answers a version that is forgotten with a 410 frame, so that clients list anew", async () => {
    const toy = await startToy(memoryStore({ keepRevisions: 1, keepMilliseconds: 0 }));
    const first = await toy.put("a", "one");
    for (const name of ["two", "three", "four"]) await toy.put("a", name);
    const watch = await toy.watch(`${WIDGETS}?watch=1&resourceVersion=${first}`);
    const { type, object } = await watch.next();
    expect([type, object.code, object.reason]).to.deep.equal(["ERROR", 410, "Expired"]);
    expect(await watch.next()).to.equal(undefined);
    await toy.close();
  });
});

/** The ledger as a resource: pages of an old moment, and its live tail. */
import { expect } from "chai";
import type { KubeObject, PageRequest, VersionMatch, WatchEvent, WholeReader } from "#kit/resource.ts";
import { StatusError } from "#kit/status.ts";
import type { Line, Store } from "#kit/storage.ts";
import { memoryStore } from "#store/memory.ts";
import { ledgerReader } from "../../../apiserver-ext/resources/ledger-reader.ts";
import { thrown } from "../../conformance/store/steps.ts";

/** A line is a namespace. */
function decode({ index, line, revision }: Line): KubeObject {
  return {
    apiVersion: "example.com/v1",
    kind: "Entry",
    metadata: {
      ...{ name: String(index), namespace: line, uid: String(index), creationTimestamp: "" },
      resourceVersion: String(revision),
    },
  };
}

const LATEST: VersionMatch = { kind: "latest" };

describe("the ledger as a resource", () => {
  let store: Store;
  let reads: number[];
  let entries: WholeReader<KubeObject>;
  beforeEach(() => {
    store = memoryStore();
    reads = [];
    const counted: Store = {
      ...store,
      revision: () => store.revision(),
      onCommit: (listener) => store.onCommit(listener),
      firstLineAfter: (revision) => store.firstLineAfter(revision),
      lines: (from, limit) => {
        reads.push(limit ?? 500);
        return store.lines(from, limit);
      },
    };
    entries = ledgerReader(counted, decode);
  });

  const write = async (...lines: string[]) => {
    const result = await store.commit({ lines });
    return result.outcome === "committed" ? result.revision : 0;
  };
  const request = (parts: Partial<PageRequest<KubeObject>> = {}): PageRequest<KubeObject> => ({
    ...{
      namespace: "",
      caller: { username: "ann", uid: "", groups: [], extra: new Map() },
      accepts: () => true,
      narrowed: false,
      guarded: false,
      labelSelector: "",
      fieldSelector: "",
    },
    ...{ version: LATEST, limit: undefined, continue: undefined },
    ...parts,
  });
  const names = (items: readonly KubeObject[]) => items.map(({ metadata }) => metadata.name);

  it("gets an entry by its index, in its own namespace alone", async () => {
    await write("a", "b");
    expect((await entries.get("b", "1", LATEST))?.metadata.namespace).to.equal("b");
    for (const [namespace, name] of [
      ["a", "1"],
      ["b", "2"],
      ["b", "01"],
      ["b", "x"],
      ["b", "-1"],
    ] as const)
      expect(await entries.get(namespace, name, LATEST), `${namespace}/${name}`).to.equal(undefined);
  });

  it("pages through the moment of the first page, and reads no more than the page", async () => {
    await write(...Array.from({ length: 1000 }, (_, n) => (n % 2 === 0 ? "a" : "b")));
    const first = await entries.list(request({ limit: 3 }));
    expect(names(first.items)).to.deep.equal(["0", "1", "2"]);
    expect(first.remainingItemCount).to.equal(997);
    expect(reads).to.have.length(1);
    await write("a", "b");
    const second = await entries.list(request({ limit: 2000, continue: first.continue }));
    expect(second.items).to.have.length(997);
    expect(second)
      .to.include({ resourceVersion: first.resourceVersion })
      .and.not.to.have.property("continue");
    const inside = await entries.list(request({ namespace: "b", limit: 2 }));
    expect(names(inside.items)).to.deep.equal(["1", "3"]);
    expect(inside).not.to.have.property("remainingItemCount");
    const rest = await entries.list(request({ namespace: "b", continue: inside.continue }));
    expect(rest.items).to.have.length(499);
  });

  it("lists what there was at any earlier moment", async () => {
    const first = await write("a");
    const second = await write("a", "a");
    await write("a");
    for (const [revision, count] of [
      [first, 1],
      [second, 3],
    ] as const) {
      const version = { kind: "exact", version: String(revision) } as const;
      const page = await entries.list(request({ version }));
      expect([page.items.length, page.resourceVersion]).to.deep.equal([count, String(revision)]);
    }
    for (const kind of ["exact", "notOlderThan"] as const) {
      const error = await thrown(() => entries.list(request({ version: { kind, version: "999" } })));
      expect(error).to.be.instanceOf(StatusError).and.include({ reason: "Timeout" });
    }
  });

  describe("watched", () => {
    let over: AbortController;
    beforeEach(() => {
      over = new AbortController();
    });
    afterEach(() => over.abort());

    async function* events(parts: {
      version?: VersionMatch;
      namespace?: string;
      sendInitialEvents?: boolean;
    }) {
      const asked = { ...request(), sendInitialEvents: false, bookmarks: true, timeout: 60_000, ...parts };
      for await (const batch of entries.watch(asked, over.signal)) yield* batch;
    }
    const told = (event: WatchEvent<KubeObject> | undefined) =>
      event?.type === "BOOKMARK"
        ? `${event.resourceVersion} ${event.initialEventsEnd}`
        : event?.object.metadata.name;
    async function take(from: AsyncGenerator<WatchEvent<KubeObject>>, count: number) {
      const found = [];
      while (found.length < count) found.push(told((await from.next()).value ?? undefined));
      return found;
    }

    it("shows what there is, says so, and goes on with what comes", async () => {
      const revision = await write("a", "b", "a");
      const watch = events({ namespace: "a", sendInitialEvents: true });
      expect(await take(watch, 3)).to.deep.equal(["0", "2", `${revision} true`]);
      const next = take(watch, 3);
      await write("b", "a");
      await write("a", "a");
      expect(await next).to.deep.equal(["4", "5", "6"]);
    });

    it("goes on after a version, with every entry once, however many come at once", async () => {
      await write("a");
      const since = await write("a");
      await write(...Array.from({ length: 1200 }, () => "a"));
      const watch = events({ version: { kind: "notOlderThan", version: String(since) } });
      const found = take(watch, 1202);
      await write("a", "a");
      expect(await found).to.deep.equal(Array.from({ length: 1202 }, (_, n) => String(n + 2)));
    });

    it("begins with what comes next where neither state nor version is asked for", async () => {
      await write("a");
      const watch = events({});
      const next = take(watch, 1);
      // The watch has begun when it has looked for lines.
      while (reads.length === 0) await store.revision();
      await write("a");
      expect(await next).to.deep.equal(["1"]);
    });
  });
});

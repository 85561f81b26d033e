/** 300 watches of one resource while many write: each is told what it selects, all of it, once, and in order. */
import { rmSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import type { Store } from "#kit/storage.ts";
import { memoryStore } from "#store/memory.ts";
import { sqliteStore } from "#store/sqlite.ts";
import { temporaryDirectory } from "../../conformance/store/drivers.ts";
import { allChanges } from "../../conformance/store/steps.ts";
import { type Loose, putWidget, ROOT, startToy, type Toy, type Widget } from "./toy.ts";

const WATCHES = 300;
const WRITES = 240;
const WRITERS = 8;
/** The last objects that are written, of namespace a, then b; every watch selects them. */
const LAST = "zz-last";

interface Kind {
  path: string;
  headers?: Record<string, string>;
  selects: (widget: Widget) => boolean;
}

const as = (kind: string) => ({ accept: `application/json;as=${kind};v=v1;g=meta.k8s.io` });
const inA = ({ metadata }: Widget) => metadata.namespace === "a";
const NAMESPACED = `${ROOT}/namespaces/a/widgets?watch=1`;
const KINDS: readonly Kind[] = [
  { path: NAMESPACED, selects: inA },
  { path: `${ROOT}/widgets?watch=1`, selects: () => true },
  {
    path: `${ROOT}/widgets?watch=1&labelSelector=team%3Dx`,
    selects: ({ metadata }) => metadata.labels?.["team"] === "x",
  },
  {
    path: `${NAMESPACED}&fieldSelector=spec.color%3Dred`,
    selects: (widget) => inA(widget) && widget.spec.color === "red",
  },
  { path: NAMESPACED, headers: as("Table"), selects: inA },
  { path: NAMESPACED, headers: as("PartialObjectMetadata"), selects: inA },
  {
    path: NAMESPACED,
    headers: { user: "guest" },
    selects: (widget) => inA(widget) && widget.metadata.labels?.["secret"] !== "yes",
  },
];

interface Watcher {
  kind: Kind;
  /** What it was told, as `TYPE NAMESPACE/NAME VERSION`. */
  told: string[];
  /** Told of changes after this revision. */
  since: number;
}

/** Nothing else: a Table row and the metadata alone say as much. */
function summary(frame: Loose): string {
  const object = frame.object.rows ? frame.object.rows[0].object : frame.object;
  const { namespace, name, resourceVersion } = object.metadata;
  return `${frame.type} ${namespace}/${name} ${resourceVersion}`;
}

/** What a watch has to be told of changes: entering its selection is ADDED, leaving it DELETED. */
function expected(changes: Awaited<ReturnType<typeof allChanges>>, { kind, since }: Watcher): string[] {
  return changes
    .filter(({ revision }) => revision > since)
    .flatMap((change) => {
      const parse = (text: string | null) => (text === null ? undefined : (JSON.parse(text) as Widget));
      const [before, after] = [parse(change.previous), parse(change.type === "put" ? change.value : null)];
      const was = before !== undefined && kind.selects(before);
      const is = after !== undefined && kind.selects(after);
      const type = is ? (was ? "MODIFIED" : "ADDED") : "DELETED";
      const [, namespace = "", name] = change.key.split("/");
      return was || is ? [`${type} ${namespace.slice("ns-".length)}/${name} ${change.revision}`] : [];
    });
}

async function write(store: Store): Promise<void> {
  const writer = async (w: number) => {
    for (let n = w; n < WRITES; n += WRITERS) await writeOne(store, n);
  };
  await Promise.all(Array.from({ length: WRITERS }, (_, w) => writer(w)));
}

/** Changes of colour, labels and namespaces, and now and then a delete, out of step with one another. */
async function writeOne(store: Store, n: number): Promise<void> {
  const every = <T>(count: number, then: T, otherwise: T) => (n % count === 0 ? then : otherwise);
  const namespace = every(3, "b", "a");
  const name = `w${n % 17}`;
  if (n % 11 === 10) await store.commit({ deletes: [{ key: `widgets/ns-${namespace}/${name}` }] });
  else {
    const labels = { team: every(5, "y", "x"), secret: every(7, "yes", "no") };
    await putWidget(store, namespace, name, { color: every(4, "blue", "red"), labels });
  }
}

async function follow(toy: Toy, watcher: Watcher, query: string): Promise<void> {
  const { kind, told } = watcher;
  let isSlow = told.length === 0 && query.includes("resourceVersion");
  for await (const line of await toy.frames(`${kind.path}${query}`, kind.headers)) {
    const frame = JSON.parse(line);
    expect(frame.type, line).to.not.equal("ERROR");
    told.push(summary(frame));
    // A reader that stops for a while finds everything it has missed.
    if (isSlow && told.length === 3) {
      isSlow = false;
      for (let n = 0; n < 50; n += 1) await toy.store.revision();
    }
    if (told.at(-1)?.startsWith(`ADDED ${kind.path.startsWith(NAMESPACED) ? "a" : "b"}/${LAST} `)) return;
  }
  throw new Error(`the watch ended: ${kind.path}${query}`);
}

const STORES: Record<string, () => Promise<{ store: Store; remove: () => void }>> = {
  memory: async () => ({ store: memoryStore(), remove: () => {} }),
  sqlite: async () => {
    const directory = temporaryDirectory();
    const store = await sqliteStore(join(directory, "hoop.db"));
    return { store, remove: () => rmSync(directory, { recursive: true, force: true }) };
  },
};

for (const [name, open] of Object.entries(STORES))
  it(`${WATCHES} watches over a store (${name}) are each told everything once, in order`, async function () {
    this.timeout(60_000);
    const { store, remove } = await open();
    const toy = await startToy(store);
    try {
      await toldOnce(toy, store);
    } finally {
      await toy.close();
      remove();
    }
  });

async function toldOnce(toy: Toy, store: Store): Promise<void> {
  await putWidget(store, "a", "w0", { labels: { team: "x" } });
  await putWidget(store, "b", "w3", { labels: { team: "x" } });
  const since = await store.revision();
  const watchers: Watcher[] = [];
  const running: Promise<void>[] = [];
  const watch = (n: number, query: string, after: number) => {
    const kind = KINDS[n % KINDS.length] ?? { path: NAMESPACED, selects: inA };
    const watcher = { kind, told: [], since: after };
    watchers.push(watcher);
    running.push(follow(toy, watcher, query));
  };
  for (let n = 0; n < WATCHES / 3; n += 1) watch(n, `&resourceVersion=${since}`, since);
  const written = write(store);
  // While others write: from the beginning, and from the present state on.
  for (let n = 0; n < WATCHES / 3; n += 1) {
    watch(n, `&resourceVersion=${since}`, since);
    watch(n, "", 0);
  }
  await written;
  const labels = { team: "x", secret: "no" };
  await putWidget(store, "a", LAST, { color: "red", labels });
  await putWidget(store, "b", LAST, { color: "red", labels });
  await Promise.all(running);

  const changes = await allChanges(store, "widgets/", since);
  for (const watcher of watchers.filter(({ since: after }) => after > 0))
    expect(watcher.told, watcher.kind.path).to.deep.equal(expected(changes, watcher));
  for (const watcher of watchers.filter(({ since: after }) => after === 0))
    expect(stateOf(watcher.told), watcher.kind.path).to.deep.equal(await listed(toy, watcher.kind));
}

/** The names that are left when all that was told has happened, in their versions. */
function stateOf(told: readonly string[]): Record<string, string> {
  const state = new Map<string, string>();
  let newest = 0;
  for (const line of told) {
    const [type, key = "", version = ""] = line.split(" ");
    if (type === "DELETED") expect(state.delete(key), `deleted what was not there: ${line}`).to.equal(true);
    else {
      expect(state.has(key), `added what was there, or modified what was not: ${line}`).to.equal(
        type === "MODIFIED",
      );
      state.set(key, version);
    }
    if (type !== "ADDED") expect(Number(version)).to.be.greaterThan(newest);
    newest = Math.max(newest, type === "ADDED" ? 0 : Number(version));
  }
  return Object.fromEntries([...state].sort());
}

async function listed(toy: Toy, { path, headers }: Kind): Promise<Record<string, string>> {
  const { user } = headers ?? {};
  const { json } = await toy.call(path.replace("watch=1", ""), user ? { headers: { user } } : {});
  const entries = json.items.map(({ metadata }: Loose) => [
    `${metadata.namespace}/${metadata.name}`,
    metadata.resourceVersion,
  ]);
  return Object.fromEntries(entries.sort());
}

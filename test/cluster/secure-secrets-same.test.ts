/** `secure-secrets` beside the Secrets behind them: the same lists, versions, pages, refusals and events. */
import { expect } from "chai";
import { compacted } from "../support/compacted.ts";
import { asUserOf, type Caller } from "../support/raw.ts";
import { startTestbed, type Testbed } from "../support/testbed.ts";
import { type Frame, type Watched, watched } from "../support/watched.ts";

const VALUE = "correct-horse-battery-staple";
const ROOTS = { core: "/api/v1", view: "/apis/hoop.dev/v1alpha1" } as const;
const PLURALS = { core: "secrets", view: "secure-secrets" } as const;
type Side = keyof typeof ROOTS;

interface List {
  kind: string;
  metadata: { resourceVersion?: string; continue?: string; remainingItemCount?: number };
  items: Frame["object"][];
  rows?: { object: Frame["object"] }[];
}

/** What both sides must agree on. */
function essence({ metadata = {}, type, data }: Frame["object"]): object {
  const { name, namespace, resourceVersion, labels } = metadata;
  return { name, namespace, resourceVersion, labels, type, keys: data && Object.keys(data) };
}

const ENDS_LIST = "k8s.io/initial-events-end";

/** Without the bookmarks that each of the two sends when it thinks fit: about once a minute, and before a watch ends. */
function eventEssences(frames: readonly Frame[]): object[] {
  return frames.flatMap(({ type, object }) => {
    if (type !== "BOOKMARK") return [{ type, ...essence(object) }];
    const end = object.metadata?.annotations?.[ENDS_LIST];
    return end === undefined ? [] : [{ type, end }];
  });
}

function pathOf(side: Side, namespace: string, query: Record<string, string>): string {
  const where = namespace === "" ? "" : `/namespaces/${namespace}`;
  return `${ROOTS[side]}${where}/${PLURALS[side]}?${new URLSearchParams(query)}`;
}

/** Always the same numbers, from 0 to 1. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1103515245 + 12345) % 2 ** 31;
    return state / 2 ** 31;
  };
}

describe("secure-secrets beside Secrets", function () {
  this.timeout(120_000);
  let bed: Testbed;
  let calls: Record<Side, Caller>;
  let person: Caller;

  before(async function () {
    this.timeout(1_200_000);
    bed = await startTestbed();
    for (const name of ["one", "two"]) await bed.must("human", ["create", "namespace", name]);
    person = await asUserOf(bed.kubeconfig("human"));
    calls = { core: person, view: await asUserOf(bed.kubeconfig("agent")) };
  });
  after(() => bed?.stop());

  const list = async (side: Side, namespace: string, query: Record<string, string>, accept?: string) => {
    const call = { path: pathOf(side, namespace, query), ...(accept === undefined ? {} : { accept }) };
    const { code, text } = await calls[side](call);
    return { code, body: JSON.parse(text) as List & { reason?: string; message?: string } };
  };
  const write = async (method: string, namespace: string, name: string, body?: object) => {
    const at = `/api/v1/namespaces/${namespace}/secrets${method === "POST" ? "" : `/${name}`}`;
    const type = method === "PATCH" ? "application/merge-patch+json" : "application/json";
    const { code, text } = await person({ method, path: at, type, ...(body === undefined ? {} : { body }) });
    if (code >= 300 && code !== 404 && code !== 409) throw new Error(text);
    return code;
  };
  const made = (namespace: string, name: string, type: string, labels: Record<string, string>) =>
    write("POST", namespace, name, {
      ...{ apiVersion: "v1", kind: "Secret", metadata: { name, namespace, labels }, type },
      stringData: { password: VALUE },
    });

  /** Writes of a person, one after the other: what is there afterwards depends on nothing but the seed. */
  async function randomWrites(count: number, next: () => number): Promise<void> {
    const one = <T>(of: readonly T[]): T => of[Math.floor(next() * of.length)] as T;
    for (let at = 0; at < count; at++) {
      const [namespace, name] = [one(["one", "two"]), one(["a", "b", "c", "d", "e", "f"])];
      const labels = { tier: one(["front", "back"]) };
      const choice = next();
      if (choice < 0.4) await made(namespace, name, one(["Opaque", "example.com/t"]), labels);
      else if (choice < 0.6) await write("DELETE", namespace, name);
      else if (choice < 0.8) await write("PATCH", namespace, name, { metadata: { labels } });
      else await write("PATCH", namespace, name, { stringData: { [one(["x", "y"])]: String(next()) } });
    }
  }

  const WATCHES: readonly [string, string, Record<string, string>][] = [
    ["all namespaces", "", {}],
    ["one namespace", "one", {}],
    ["a label", "", { labelSelector: "tier=front" }],
    ["all but a label", "", { labelSelector: "tier notin (back)" }],
    ["a name", "", { fieldSelector: "metadata.name=last" }],
    ["a namespace by its field", "", { fieldSelector: "metadata.namespace=one" }],
    ["a type", "one", { fieldSelector: "type=example.com/t" }],
    ["all but a type", "", { fieldSelector: "type!=Opaque,metadata.name!=a" }],
  ];
  const STARTS: readonly [string, (version: string) => Record<string, string>][] = [
    ["from a version", (version) => ({ resourceVersion: version })],
    [
      "from a version, with bookmarks",
      (version) => ({ resourceVersion: version, allowWatchBookmarks: "true" }),
    ],
    ["from anywhere", () => ({ resourceVersion: "0" })],
    ["from now, as it is", () => ({})],
    [
      "with the list streamed first",
      () => ({
        ...{ sendInitialEvents: "true", allowWatchBookmarks: "true" },
        ...{ resourceVersionMatch: "NotOlderThan", resourceVersion: "" },
      }),
    ],
  ];

  it("tells the same events, in the same order and with the same versions, of random writes", async function () {
    this.timeout(600_000);
    await randomWrites(40, random(7));
    const { body } = await list("core", "", {});
    const version = body.metadata.resourceVersion ?? "";
    const pairs: { name: string; core: Watched; view: Watched }[] = [];
    for (const [what, namespace, query] of WATCHES)
      for (const [start, from] of STARTS) {
        const asked = { watch: "true", ...query, ...from(version) };
        const core = await watched(bed.kubeconfig("human"), pathOf("core", namespace, asked));
        const view = await watched(bed.kubeconfig("agent"), pathOf("view", namespace, asked));
        pairs.push({ name: `${what}, ${start}`, core, view });
      }
    await randomWrites(150, random(11));
    // Every one of the watches is told of this one.
    await made("one", "last", "example.com/t", { tier: "front" });
    const isLast = ({ object }: Frame) => object.metadata?.name === "last";
    for (const { name, core, view } of pairs) {
      const [expected, told] = await Promise.all([core.until(isLast), view.until(isLast)]);
      expect(eventEssences(told), name).to.deep.equal(eventEssences(expected));
      expect(JSON.stringify(told)).not.to.contain(Buffer.from(VALUE).toString("base64"));
      core.stop();
      view.stop();
    }
    expect(pairs[0]?.core.frames.length).to.be.above(50);
  });

  it("bookmarks a version that can be gone on from, and ends in time", async () => {
    const query = { watch: "true", allowWatchBookmarks: "true", timeoutSeconds: "3", resourceVersion: "0" };
    const bookmarks: Frame[] = [];
    // It is promised to nobody, and meant to come two seconds before the end: a slow machine may be late.
    while (bookmarks.length === 0) {
      const { ended, frames } = await watched(bed.kubeconfig("agent"), pathOf("view", "one", query));
      await ended;
      bookmarks.push(...frames.filter(({ type }) => type === "BOOKMARK"));
    }
    for (const { object } of bookmarks) {
      expect(object.kind).to.equal("SecureSecret");
      expect(object.metadata?.resourceVersion).to.match(/^\d+$/);
    }
  });

  it("lists the same pages, with the same versions and tokens", async () => {
    const at = (await list("core", "", {})).body.metadata.resourceVersion ?? "";
    for (const [what, namespace, selectors] of WATCHES) {
      const query: Record<string, string> = {
        ...selectors,
        ...{ limit: "3", resourceVersion: at, resourceVersionMatch: "Exact" },
      };
      for (;;) {
        const [core, view] = await Promise.all([
          list("core", namespace, query),
          list("view", namespace, query),
        ]);
        expect(view.code, what).to.equal(200);
        expect(view.body.kind).to.equal("SecureSecretList");
        expect(view.body.items.map(essence), what).to.deep.equal(core.body.items.map(essence));
        const { remainingItemCount: _, ...metadata } = core.body.metadata;
        expect(view.body.metadata, what).to.deep.include(metadata);
        const token = core.body.metadata.continue ?? "";
        if (token === "") break;
        delete query["resourceVersion"];
        delete query["resourceVersionMatch"];
        query["continue"] = token;
      }
    }
  });

  const FORMS: readonly [string, string][] = [
    ["a Table", "application/json;as=Table;v=v1;g=meta.k8s.io"],
    ["metadata", "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io"],
  ];
  for (const [name, accept] of FORMS)
    it(`lists the same as ${name}`, async () => {
      const both = await Promise.all(
        (["core", "view"] as const).map(async (side) => {
          const { code, body } = await list(side, "", { limit: "5" }, accept);
          const objects = body.items ?? body.rows?.map(({ object }) => object) ?? [];
          return {
            code,
            kind: body.kind,
            all: objects.map(essence),
            more: body.metadata.continue !== undefined,
          };
        }),
      );
      expect(both[1]).to.deep.equal(both[0]);
      expect(both[1]?.all).to.have.length(5);
    });

  const QUERIES: readonly [string, Record<string, string>][] = [
    ["any version", { resourceVersion: "0" }],
    ["any version, with a limit", { resourceVersion: "0", limit: "2" }],
    ["any version that is no older", { resourceVersion: "0", resourceVersionMatch: "NotOlderThan" }],
    ["exactly any version", { resourceVersion: "0", resourceVersionMatch: "Exact" }],
    ["a match without a version", { resourceVersionMatch: "NotOlderThan" }],
    ["a match of another kind", { resourceVersion: "1", resourceVersionMatch: "Nearly" }],
    ["a version that is none", { resourceVersion: "soon" }],
    ["the future, no older", { resourceVersion: "999999999", resourceVersionMatch: "NotOlderThan" }],
    ["the future, exactly", { resourceVersion: "999999999", resourceVersionMatch: "Exact" }],
    ["a token that is none", { continue: "nothing", limit: "1" }],
    ["a limit that is none", { limit: "many" }],
    ["labels that are none", { labelSelector: "a b" }],
    ["fields that are none", { fieldSelector: "type" }],
    ["a field that is not known", { fieldSelector: "data=x" }],
    ["initial events of a list", { sendInitialEvents: "true" }],
  ];
  for (const [name, query] of QUERIES)
    it(`answers a list of ${name} alike`, async () => {
      const both = await Promise.all(
        (["core", "view"] as const).map(async (side) => {
          const { code, body } = await list(side, "one", query);
          return { code, reason: body.reason, all: body.items?.map(essence) };
        }),
      );
      expect(both[1]).to.deep.equal(both[0]);
    });

  const WATCH_FAULTS: readonly [string, Record<string, string>][] = [
    ["of the future", { resourceVersion: "999999999" }],
    ["with initial events and no match", { sendInitialEvents: "true" }],
    ["with a match alone", { resourceVersionMatch: "NotOlderThan" }],
    ["of labels that are none", { labelSelector: "a b" }],
    ["of a field that is not known", { fieldSelector: "data=x" }],
  ];
  for (const [name, query] of WATCH_FAULTS)
    it(`answers a watch ${name} alike`, async () => {
      const both = await Promise.all(
        (["core", "view"] as const).map(async (side) => {
          const path = pathOf(side, "one", { watch: "true", timeoutSeconds: "2", ...query });
          const { code, text } = await calls[side]({ path });
          const [first = "{}"] = text.split("\n");
          const said = JSON.parse(first || "{}") as {
            reason?: string;
            type?: string;
            object?: { code?: number };
          };
          return { code, reason: said.reason, type: said.type, error: said.object?.code };
        }),
      );
      expect(both[1]).to.deep.equal(both[0]);
    });

  it("is read at a version alike", async () => {
    const { body } = await list("core", "one", {});
    const [{ metadata: { name = "", resourceVersion = "" } = {} } = {}] = body.items;
    for (const version of ["0", resourceVersion, "999999999"]) {
      const both = await Promise.all(
        (["core", "view"] as const).map(async (side) => {
          const path = `${ROOTS[side]}/namespaces/one/${PLURALS[side]}/${name}?resourceVersion=${version}`;
          const { code, text } = await calls[side]({ path });
          const said = JSON.parse(text) as Frame["object"];
          return { code, reason: said.reason, ...(code === 200 ? essence(said) : {}) };
        }),
      );
      expect(both[1], version).to.deep.equal(both[0]);
    }
  });

  // Where the API server stumbles, a resource of the kit says what is wrong.
  const CLEARER: readonly [string, string, number, number][] = [
    ["a list with a token and a version", "?continue=nothing&resourceVersion=1", 400, 422],
    ["a watch of a version that is none", "?watch=true&resourceVersion=soon", 500, 400],
    ["one at a version that is none", "/a?resourceVersion=soon", 500, 400],
  ];
  for (const [name, path, core, view] of CLEARER)
    it(`refuses ${name} in words of its own`, async () => {
      const codes = await Promise.all(
        (["core", "view"] as const).map(async (side) => {
          const at = `${ROOTS[side]}/namespaces/one/${PLURALS[side]}${path}`;
          return (await calls[side]({ path: at })).code;
        }),
      );
      expect(codes).to.deep.equal([core, view]);
    });

  it("has uids of its own, each always the same", async () => {
    const [core, view, again] = await Promise.all([
      list("core", "", {}),
      list("view", "", {}),
      list("view", "", {}),
    ]);
    const uids = (each: typeof core) => each.body.items.map(({ metadata }) => metadata?.uid);
    expect(uids(view)).to.deep.equal(uids(again));
    expect(new Set([...uids(core), ...uids(view)]).size).to.equal(2 * core.body.items.length);
  });

  describe("at a version that is gone", () => {
    // A new API server knows nothing from before it, and etcd has forgotten it.
    before(async () => {
      const { body } = await list("core", "", {});
      await compacted(bed.controlPlane, body.metadata.resourceVersion ?? "");
      await bed.controlPlane.apiserver.stop();
      await bed.controlPlane.apiserver.start();
      await untilListed(() => list("view", "", { limit: "1" }));
    });

    it("a watch is refused alike", async () => {
      const query = { watch: "true", resourceVersion: "1", timeoutSeconds: "5" };
      const both = await Promise.all(
        (["core", "view"] as const).map(async (side) => {
          const { code, text } = await calls[side]({ path: pathOf(side, "one", query) });
          const [first = ""] = text.split("\n");
          const { type, object = {} } = JSON.parse(first) as Partial<Frame>;
          return { code, type, error: object.code, reason: object.reason };
        }),
      );
      expect(both[1]).to.deep.equal(both[0]);
      expect(JSON.stringify(both[1])).to.contain("410");
    });

    it("an exact list is refused alike", async () => {
      const query = { resourceVersion: "2", resourceVersionMatch: "Exact" };
      const [core, view] = await Promise.all([list("core", "one", query), list("view", "one", query)]);
      expect({ code: view.code, reason: view.body.reason }).to.deep.equal({ code: 410, reason: "Expired" });
      expect(view.body.message).to.equal(core.body.message);
    });

    it("a page is refused alike, with a token that goes on from another version", async () => {
      const place = JSON.stringify({ v: "meta.k8s.io/v1", rv: 2, start: "b\u0000" });
      const query = { limit: "2", continue: Buffer.from(place).toString("base64url") };
      const [core, view] = await Promise.all([list("core", "one", query), list("view", "one", query)]);
      expect({ code: view.code, reason: view.body.reason }).to.deep.equal({ code: 410, reason: "Expired" });
      expect(view.body.metadata.continue).to.equal(core.body.metadata.continue);
      const rest = await list("view", "one", { limit: "2", continue: view.body.metadata.continue ?? "" });
      expect(rest.code).to.equal(200);
      expect(rest.body.items[0]?.metadata?.name).to.satisfy((name: string) => name > "b");
    });
  });
});

/** A new API server finds out about the others first. */
async function untilListed(attempt: () => Promise<{ code: number }>): Promise<void> {
  for (let tries = 0; tries < 1500; tries++) {
    const { code } = await attempt().catch(() => ({ code: 0 }));
    if (code === 200) return;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  throw new Error("secure-secrets are not served again");
}

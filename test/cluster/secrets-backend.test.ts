/** The port to the cluster's Secrets, against a real API server. */
import { expect } from "chai";
import { type Client, connect } from "#cluster/client.ts";
import { secretsBackend } from "#cluster/secrets.ts";
import { type ControlPlane, startControlPlane } from "#controlplane/controlplane.ts";
import {
  type BackendEvent,
  type BackendList,
  BackendRefusal,
  type CoreSecret,
  type Listed,
  type SecretsBackend,
} from "#core/secrets/backend.ts";
import { compacted } from "../support/compacted.ts";

const SIGNAL = new AbortController().signal;
const WRITE = { dryRun: false, fieldManager: "test", signal: SIGNAL };

function secret(name: string, more: Partial<CoreSecret> = {}, metadata: CoreSecret = {}): CoreSecret {
  return {
    ...{ apiVersion: "v1", kind: "Secret", metadata: { name, namespace: "demo", ...metadata } },
    ...{ data: { key: base64("value") }, ...more },
  };
}

function base64(text: string): string {
  return Buffer.from(text).toString("base64");
}

function nameOf({ metadata }: CoreSecret): string {
  return (metadata as { name: string }).name;
}

function versionOf({ metadata }: CoreSecret): string {
  return (metadata as { resourceVersion: string }).resourceVersion;
}

async function collected({ items }: BackendList): Promise<Listed[]> {
  const all: Listed[] = [];
  for await (const part of items) all.push(...part);
  return all;
}

async function refusedWith(answer: Promise<unknown>): Promise<BackendRefusal> {
  const error = await answer.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof BackendRefusal)) throw new Error(`no refusal but ${String(error)}`);
  return error;
}

describe("the cluster's Secrets", function () {
  this.timeout(60_000);
  let plane: ControlPlane;
  let client: Client;
  let secrets: SecretsBackend;

  before(async function () {
    this.timeout(1_200_000);
    plane = await startControlPlane();
    client = connect(plane.adminKubeconfig);
    secrets = secretsBackend(client);
    for (const name of ["demo", "many", "watched"]) await plane.createNamespace(name);
    for (let index = 0; index < 25; index++) await secrets.create(numbered(index), WRITE);
  });
  after(async () => {
    await client?.close();
    await plane?.stop();
  });

  const numbered = (index: number): CoreSecret => {
    const name = `s-${String(index).padStart(2, "0")}`;
    const data = Object.fromEntries(Array.from({ length: index % 4 }, (_, key) => [`k${key}`, base64("v")]));
    const labels = { parity: index % 2 === 0 ? "even" : "odd" };
    return secret(name, { data, type: "example.com/t" }, { namespace: "many", labels });
  };
  /** The same list as kubectl gets it. */
  const raw = async (query = ""): Promise<{ metadata: object; items: CoreSecret[] }> => {
    const where = `/api/v1/namespaces/many/secrets${query}`;
    const { stdout } = await plane.kubectl(["get", "--raw", where]);
    return JSON.parse(stdout);
  };
  const list = (query = {}, detail: "whole" | "summary" = "whole", namespace = "many") =>
    secrets.list(namespace, query, detail, SIGNAL);

  describe("read", () => {
    it("one, by any version, and undefined where there is none", async () => {
      const made = await secrets.create(secret("one"), WRITE);
      for (const version of ["", "0", versionOf(made)])
        expect(await secrets.get("demo", "one", version, SIGNAL)).to.deep.equal(made);
      expect(await secrets.get("demo", "none", "", SIGNAL)).to.equal(undefined);
      expect(await secrets.get("nowhere", "one", "", SIGNAL)).to.equal(undefined);
    });

    it("a version that is not there yet is refused with its cause", async () => {
      const error = await refusedWith(secrets.get("demo", "one", "99999999", SIGNAL));
      expect(error).to.include({ code: 504, reason: "Timeout" });
      expect(error.details.causes?.[0]?.reason).to.equal("ResourceVersionTooLarge");
    });

    it("one of a megabyte, alone and in a list", async () => {
      const value = base64("x".repeat(1024 * 1024 - 1024));
      await secrets.create(secret("large", { data: { large: value } }), WRITE);
      const got = await secrets.get("demo", "large", "", SIGNAL);
      expect(got?.["data"]).to.deep.equal({ large: value });
      const listed = await collected(await list({}, "whole", "demo"));
      expect(listed.find(({ secret: each }) => nameOf(each) === "large")?.secret["data"]).to.deep.equal({
        large: value,
      });
    });
  });

  describe("listed", () => {
    it("whole: what kubectl gets, with the number of keys", async () => {
      const { items, metadata } = await raw();
      const page = await list();
      const listed = await collected(page);
      expect(listed.map((each) => each.secret)).to.deep.equal(items);
      expect(listed.map(({ keys }) => keys)).to.deep.equal(items.map((_, index) => index % 4));
      expect(page).to.include(metadata).and.not.have.any.keys("continue", "remainingItemCount");
    });

    it("in summary: metadata, type and the number of keys, and no value", async () => {
      const { items } = await raw();
      const listed = await collected(await list({}, "summary"));
      const expected = items.map(({ metadata = null, type = null }, index) => ({
        secret: { metadata, type },
        keys: index % 4,
      }));
      expect(listed).to.deep.equal(expected);
    });

    for (const detail of ["whole", "summary"] as const)
      it(`in pages, ${detail}: each after the other, all of one version`, async () => {
        const names: string[] = [];
        const versions = new Set<string>();
        let token: string | undefined;
        const remaining: (number | undefined)[] = [];
        do {
          const page = await list(
            { limit: "10", ...(token === undefined ? {} : { continue: token }) },
            detail,
          );
          names.push(...(await collected(page)).map((each) => nameOf(each.secret)));
          versions.add(page.resourceVersion);
          remaining.push(page.remainingItemCount);
          token = page.continue;
        } while (token !== undefined);
        expect(names).to.deep.equal(Array.from({ length: 25 }, (_, index) => nameOf(numbered(index))));
        expect(versions.size).to.equal(1);
        expect(remaining).to.deep.equal([15, 5, undefined]);
      });

    it("selected, and of all namespaces", async () => {
      const odd = await collected(await list({ labelSelector: "parity=odd" }, "whole", ""));
      expect(odd.map((each) => nameOf(each.secret))).to.deep.equal(
        Array.from({ length: 12 }, (_, index) => nameOf(numbered(2 * index + 1))),
      );
      const one = await collected(await list({ fieldSelector: "metadata.name=s-03" }, "summary", ""));
      expect(one.map(({ keys }) => keys)).to.deep.equal([3]);
    });

    it("nothing", async () => {
      for (const detail of ["whole", "summary"] as const) {
        const page = await list({}, detail, "nowhere");
        expect(await collected(page)).to.deep.equal([]);
        expect(Number(page.resourceVersion)).to.be.above(0);
      }
    });

    it("a token that means nothing, and a selector that is none: as the API server says", async () => {
      expect(await refusedWith(list({ limit: "1", continue: "x" }))).to.include({ code: 400 });
      expect(await refusedWith(list({ labelSelector: "a b" }))).to.include({
        code: 400,
        reason: "BadRequest",
      });
    });
  });

  describe("watched", () => {
    const watch = (query: Record<string, string>, signal = SIGNAL) =>
      secrets.watch("watched", { timeoutSeconds: "120", ...query }, signal);
    const inWatched = (name: string, more = {}, metadata = {}) =>
      secret(name, more, { namespace: "watched", ...metadata });
    const told = (event: BackendEvent) =>
      event.type === "BOOKMARK" ? `end ${event.initialEventsEnd}` : `${event.type} ${nameOf(event.secret)}`;

    it("the present state, the bookmark that ends it, and every change since", async () => {
      await secrets.create(inWatched("before"), WRITE);
      const stop = new AbortController();
      const seen: string[] = [];
      const initial = {
        sendInitialEvents: "true",
        resourceVersionMatch: "NotOlderThan",
        allowWatchBookmarks: "true",
      };
      for await (const events of watch(initial, stop.signal)) {
        // Other bookmarks come when the API server thinks fit.
        seen.push(...events.map(told).filter((words) => words !== "end false"));
        if (events.some((event) => event.type === "BOOKMARK" && event.initialEventsEnd)) {
          const made = await secrets.create(inWatched("now"), WRITE);
          await secrets.replace({ ...made, data: {} }, WRITE);
          await client.request({ method: "DELETE", path: "/api/v1/namespaces/watched/secrets/now" });
        }
        if (seen.at(-1) === "DELETED now") stop.abort();
      }
      expect(seen).to.deep.equal(["ADDED before", "end true", "ADDED now", "MODIFIED now", "DELETED now"]);
    });

    it("from a version, and to its end in time", async () => {
      const { resourceVersion } = await secrets.list("watched", {}, "summary", SIGNAL);
      const made = await secrets.create(inWatched("after"), WRITE);
      const seen: BackendEvent[] = [];
      for await (const events of watch({ resourceVersion, timeoutSeconds: "1" })) seen.push(...events);
      expect(seen).to.deep.equal([{ type: "ADDED", secret: made }]);
    });

    it("by parameters that mean nothing: refused", async () => {
      const error = await refusedWith(watch({ labelSelector: "a b" })[Symbol.asyncIterator]().next());
      expect(error).to.include({ code: 400, reason: "BadRequest" });
    });
  });

  describe("written", () => {
    it("a create, and the name that is taken", async () => {
      const made = await secrets.create(secret("made"), WRITE);
      expect(made).to.deep.include({ kind: "Secret", type: "Opaque", data: { key: base64("value") } });
      const error = await refusedWith(secrets.create(secret("made"), WRITE));
      expect(error).to.include({ code: 409, reason: "AlreadyExists" });
      expect(error.details).to.deep.equal({ name: "made", kind: "secrets" });
    });

    it("a dry run changes nothing", async () => {
      const dry = { ...WRITE, dryRun: true };
      await secrets.create(secret("dry"), dry);
      expect(await secrets.get("demo", "dry", "", SIGNAL)).to.equal(undefined);
      const made = await secrets.create(secret("wet"), WRITE);
      await secrets.replace({ ...made, data: {} }, dry);
      await secrets.apply(secret("wet", { data: { other: base64("x") } }), { ...dry, force: true });
      expect(await secrets.get("demo", "wet", "", SIGNAL)).to.deep.equal(made);
    });

    it("a replacement, of its very version alone", async () => {
      const made = await secrets.create(secret("replaced"), WRITE);
      const changed = await secrets.replace({ ...made, data: { key: base64("new") } }, WRITE);
      expect(changed).to.deep.include({ data: { key: base64("new") } });
      const error = await refusedWith(secrets.replace({ ...made, data: {} }, WRITE));
      expect(error).to.include({ code: 409, reason: "Conflict" });
      expect(await secrets.get("demo", "replaced", "", SIGNAL)).to.deep.equal(changed);
    });

    it("an apply: conflicts name their fields, force takes them over, a version holds", async () => {
      const apply = (data: object, fieldManager: string, force: boolean, metadata = {}) =>
        secrets.apply(secret("applied", { data: data as CoreSecret }, metadata), {
          ...WRITE,
          fieldManager,
          force,
        });
      await apply({ key: base64("one") }, "first", false);
      const error = await refusedWith(apply({ key: base64("two") }, "second", false));
      expect(error).to.include({ code: 409, reason: "Conflict" });
      expect(error.details.causes).to.deep.equal([
        { reason: "FieldManagerConflict", message: 'conflict with "first"', field: ".data.key" },
      ]);
      const forced = await apply({ key: base64("two") }, "second", true);
      expect(forced["data"]).to.deep.equal({ key: base64("two") });
      const stale = await refusedWith(apply({ key: base64("3") }, "second", true, { resourceVersion: "1" }));
      expect(stale).to.include({ code: 409, reason: "Conflict" });
    });

    it("a field that there is not is refused, and so is an object that is wrong, with its causes", async () => {
      const unknown = await refusedWith(secrets.create(secret("odd", { dato: {} }), WRITE));
      expect(unknown).to.include({ code: 400, reason: "BadRequest" });
      const typed = secret("odd", { type: "kubernetes.io/tls", data: {} });
      const invalid = await refusedWith(secrets.create(typed, WRITE));
      expect(invalid).to.include({ code: 422, reason: "Invalid" });
      expect(invalid.details.causes?.map(({ field }) => field)).to.deep.equal([
        "data[tls.crt]",
        "data[tls.key]",
      ]);
    });

    it("for as long as the signal says", async () => {
      const over = AbortSignal.abort();
      const error = await refusedWith(secrets.create(secret("late"), { ...WRITE, signal: over }));
      expect(error).to.include({ code: 0, reason: "Unreachable" });
      expect(await secrets.get("demo", "late", "", SIGNAL)).to.equal(undefined);
    });
  });

  describe("at a version that is gone", () => {
    // A new API server knows nothing from before it, and etcd has forgotten it.
    before(async () => {
      const { resourceVersion } = await list();
      await compacted(plane, resourceVersion);
      await plane.apiserver.stop();
      await plane.apiserver.start();
    });

    it("a page is refused, with the token that goes on from another version", async () => {
      const place = JSON.stringify({ v: "meta.k8s.io/v1", rv: 2, start: "s-03\u0000" });
      const error = await refusedWith(list({ continue: Buffer.from(place).toString("base64url") }));
      expect(error).to.include({ code: 410, reason: "Expired" });
      const rest = await collected(await list({ continue: error.continue }));
      expect(rest[0] && nameOf(rest[0].secret)).to.equal("s-04");
    });

    it("a watch is refused", async () => {
      const watch = secrets.watch("watched", { resourceVersion: "1" }, SIGNAL);
      const error = await refusedWith(watch[Symbol.asyncIterator]().next());
      expect(error).to.include({ code: 410, reason: "Expired" });
    });
  });

  // The last one: nothing is there any more after it.
  describe("while the API server goes", () => {
    it("in the middle of a list and of a watch: both are refused", async () => {
      const value = base64("y".repeat(1024 * 1024 - 1024));
      for (let index = 0; index < 12; index++)
        await secrets.create(secret(`big-${index}`, { data: { value } }), WRITE);
      const { items } = await secrets.list("demo", {}, "whole", SIGNAL);
      const watching = refusedWith(
        (async () => {
          for await (const _ of secrets.watch("demo", { timeoutSeconds: "50" }, SIGNAL))
            await plane.apiserver.kill();
        })(),
      );
      const error = await refusedWith(
        (async () => {
          for await (const _ of items) await plane.apiserver.kill();
        })(),
      );
      expect(error).to.include({ code: 0, reason: "Unreachable" });
      expect(await watching).to.include({ code: 0, reason: "Unreachable" });
      expect(await refusedWith(secrets.get("demo", "one", "", SIGNAL))).to.include({
        code: 0,
        reason: "Unreachable",
      });
    });
  });
});

/** What goes on for long in a session: recorded while it does, and shown no further than it is. */
import { once } from "node:events";
import { type IncomingMessage, request, type ServerResponse } from "node:http";
import { expect } from "chai";
import { gathered } from "#apiserver-ext/broker/gathered.ts";
import { sha256 } from "#apiserver-ext/broker/record/record.ts";
import type { BrokeredEntry } from "#core/ledger/session-entry.ts";
import { unsealPayload } from "#core/log/payload.ts";
import { type Bed, startBed } from "./bed.ts";

const MAPS = "/api/v1/namespaces/demo/configmaps";
const WATCH = `${MAPS}?watch=true`;
const LOG = "/api/v1/namespaces/demo/pods/x/log?follow=true";
const KEPT = 100_000;

const turn = () => new Promise((resolve) => setImmediate(resolve));
const until = async (fits: () => boolean | Promise<boolean>) => {
  while (!(await fits())) await turn();
};

const map = (name: string, text = "") => ({
  ...{ kind: "ConfigMap", apiVersion: "v1" },
  metadata: { name },
  data: { text },
});
const event = (name: string, text = "") => `${JSON.stringify({ type: "ADDED", object: map(name, text) })}\n`;

type Recorded = BrokeredEntry & { body: string };

describe("what goes on for long in a session", () => {
  let bed: Bed;
  /** The answer behind, once it is asked for. */
  let there: ServerResponse;
  let commit: Bed["broker"]["store"]["commit"];
  beforeEach(async () => {
    bed = await startBed({ keep: { requestBytes: 1000, responseBytes: KEPT } });
    const { store } = bed.broker;
    commit = store.commit.bind(store);
    bed.behind.answer = (asked, response) => {
      const isText = asked.url?.includes("/log") === true;
      response.writeHead(200, { "Content-Type": isText ? "text/plain" : "application/json" });
      response.flushHeaders();
      there = response;
    };
  });
  afterEach(() => bed.close());

  /** The answer, when it has begun, and what has come of it by now. */
  async function begun(below: string) {
    const asked = request({ port: bed.ports.http1, path: `${bed.path}${below}`, headers: { user: "ann" } });
    asked.end();
    const [answer] = (await once(asked, "response")) as [IncomingMessage];
    const seen = { answer, text: "", ended: false };
    answer.setEncoding("utf8").on("data", (text: string) => {
      seen.text += text;
    });
    answer.on("error", () => {});
    answer.once("close", () => {
      seen.ended = true;
    });
    return seen;
  }

  async function recorded(): Promise<Recorded[]> {
    const entries = await bed.entries();
    const all = await Promise.all(
      entries.map(async (entry, index) => {
        const payload = await bed.broker.store.payload(index);
        const text = payload instanceof Uint8Array ? unsealPayload(payload)?.toString() : undefined;
        const { body = "" } = JSON.parse(text ?? "{}") as { body?: string };
        return { ...entry, body };
      }),
    );
    return all.filter((entry): entry is Recorded => entry.kind === "brokered");
  }

  const bodies = (entries: readonly Recorded[]) => entries.map(({ body }) => body).join("");
  const response = async () => {
    const end = async () => (await recorded()).find((entry) => entry.event === "response");
    await until(async () => (await end()) !== undefined);
    return (await end()) as Recorded;
  };
  /** As the disk does when it is full. */
  const refuse = () => {
    bed.broker.store.commit = () => Promise.reject(new Error("the disk is full"));
  };
  /** What is committed from now on waits for `open`. */
  const gate = () => {
    const opened = Promise.withResolvers<void>();
    let waiting = 0;
    bed.broker.store.commit = async (batch) => {
      waiting += 1;
      await opened.promise;
      return commit(batch);
    };
    return { open: opened.resolve, waiting: () => waiting };
  };

  describe("a watch", () => {
    it("has what it showed in the ledger while it goes on: whoever kills this process takes none of it away", async () => {
      const seen = await begun(WATCH);
      there.write(event("one"));
      await until(() => seen.text.includes("one"));
      const [asked, part] = await recorded();
      expect([asked?.event, part?.event, part?.body]).to.deep.equal(["request", "stream", event("one")]);
      expect(part?.call).to.equal(asked?.call);
    });

    it("shows nothing that comes by itself before it is recorded", async () => {
      const seen = await begun(WATCH);
      const { open, waiting } = gate();
      there.write(event("one"));
      await until(() => waiting() > 0);
      for (let n = 0; n < 20; n++) await turn();
      expect(seen.text).to.equal("");
      open();
      await until(() => seen.text === event("one"));
    });

    it("is recorded in few parts, however much it is told at once, and all of it", async () => {
      const seen = await begun(WATCH);
      const events = Array.from({ length: 90 }, (_, n) => event(`map-${n}`, "x".repeat(1000)));
      for (const one of events) there.write(one);
      there.end();
      await until(() => seen.ended);
      const { code, bytes, sha256: hash, truncated } = await response();
      const entries = await recorded();
      expect(seen.text).to.equal(events.join(""));
      expect(bodies(entries.slice(1))).to.equal(seen.text.slice(0, KEPT));
      expect({ code, bytes, hash, truncated }).to.deep.equal({
        ...{ code: 200, bytes: seen.text.length, hash: sha256(Buffer.from(seen.text)) },
        truncated: seen.text.length > KEPT ? true : undefined,
      });
      expect(entries.length).to.be.lessThan(events.length / 2);
    });

    it("keeps no more than the profile says, and the hash of all", async () => {
      const seen = await begun(WATCH);
      const all = Array.from({ length: 4 }, (_, n) => event(`map-${n}`, "ü".repeat(KEPT / 4)));
      for (const one of all) there.write(one);
      there.end();
      await until(() => seen.ended);
      const { bytes, sha256: hash, truncated } = await response();
      const text = Buffer.from(all.join(""));
      expect({ bytes, hash, truncated }).to.deep.equal({
        ...{ bytes: text.length, hash: sha256(text), truncated: true },
      });
      const kept = Buffer.from(bodies((await recorded()).slice(1)));
      expect(kept.length).to.be.within(KEPT - 4, KEPT);
      expect(text.subarray(0, kept.length).equals(kept)).to.equal(true);
    });

    it("ends where what comes cannot be recorded, which is not shown, and says why", async () => {
      const seen = await begun(WATCH);
      there.write(event("one"));
      await until(() => seen.text.includes("one"));
      bed.clock.advance(10_000);
      refuse();
      there.write(event("two"));
      await until(() => seen.ended);
      const last = JSON.parse(seen.text.slice(event("one").length)) as { type: string; object: object };
      expect(last.type).to.equal("ERROR");
      expect(last.object).to.deep.include({ kind: "Status", code: 500 });
      expect(seen.text).to.contain("cannot be recorded").and.not.contain("two");
    });

    it("ends where what was shown cannot be recorded, also when nothing more comes", async () => {
      const seen = await begun(WATCH);
      there.write(event("one"));
      await until(() => seen.text.includes("one"));
      refuse();
      // Not long after the first: it is recorded a little later.
      there.write(event("two"));
      await until(() => seen.ended);
      expect(seen.text).to.contain("cannot be recorded");
    });

    it("that is cut ends in words, as the API server ends one", async () => {
      const seen = await begun(WATCH);
      there.write(event("one"));
      await until(() => seen.text.includes("one"));
      bed.broker.live.end(bed.session.metadata.uid);
      await until(() => seen.ended);
      expect(seen.answer.complete).to.equal(true);
      const last = JSON.parse(seen.text.slice(event("one").length)) as object;
      expect(last).to.deep.equal({
        type: "ERROR",
        object: {
          ...{ kind: "Status", apiVersion: "v1", metadata: {}, status: "Failure", code: 403 },
          ...{ reason: "Forbidden", message: "the session has ended" },
        },
      });
      const { message, bytes, sha256: hash } = await response();
      expect({ message, bytes, hash }).to.deep.equal({
        ...{ message: "the session has ended", bytes: seen.text.length },
        hash: sha256(Buffer.from(seen.text)),
      });
    });

    it("that the API server breaks off just ends, as any watch may", async () => {
      const seen = await begun(WATCH);
      there.write(event("one"));
      await until(() => seen.text.includes("one"));
      there.destroy();
      await until(() => seen.ended);
      expect(seen.text).to.equal(event("one"));
      expect(seen.answer.complete).to.equal(true);
      expect((await response()).message).to.equal("the API server broke off its answer");
    });

    it("that its client leaves is recorded with all that was shown", async () => {
      const seen = await begun(WATCH);
      there.write(event("one"));
      await until(() => seen.text.includes("one"));
      seen.answer.destroy();
      expect(await response()).to.deep.include({ code: 200, bytes: event("one").length });
      expect(bodies((await recorded()).slice(1))).to.equal(event("one"));
    });
  });

  describe("a log", () => {
    it("is recorded as it comes, characters whole", async () => {
      const seen = await begun(LOG);
      const text = Buffer.from("grün ".repeat(10));
      for (const byte of text) {
        there.write(Buffer.of(byte));
        await turn();
      }
      there.end();
      await until(() => seen.ended);
      await response();
      expect(seen.text).to.equal(text.toString());
      expect(bodies((await recorded()).slice(1))).to.equal(text.toString());
    });

    const CUTS: Readonly<Record<string, () => void>> = {
      "by the end of its session": () => bed.broker.live.end(bed.session.metadata.uid),
      "by the API server": () => there.destroy(),
      "by what cannot be recorded": () => {
        refuse();
        bed.clock.advance(10_000);
        there.write("more");
      },
    };
    for (const [by, cut] of Object.entries(CUTS))
      it(`that is cut short does not look whole: ${by}`, async () => {
        const seen = await begun(LOG);
        there.write("line\n");
        await until(() => seen.text === "line\n");
        cut();
        await until(() => seen.ended);
        expect(seen.text).to.equal("line\n");
        expect(seen.answer.complete).to.equal(false);
      });
  });

  describe("a list", () => {
    const list = (count: number, text: string) =>
      JSON.stringify({
        ...{ kind: "ConfigMapList", apiVersion: "v1", metadata: {} },
        items: Array.from({ length: count }, (_, n) => ({ metadata: { name: `map-${n}` }, data: { text } })),
      });
    const answer = (text: string) => {
      bed.behind.answer = (_request, to) => {
        to.writeHead(200, { "Content-Type": "application/json" });
        to.end(text);
      };
    };

    it("that is short is recorded in one, before any of it is shown", async () => {
      answer(list(3, "x"));
      let commits = 0;
      bed.broker.store.commit = (batch) => {
        commits += 1;
        return commit(batch);
      };
      const { status, text, headers } = await bed.call(`${bed.path}${MAPS}`);
      expect([status, text, headers["content-length"]]).to.deep.equal([
        ...[200, list(3, "x"), String(text.length)],
      ]);
      const entries = await recorded();
      expect(entries.map((entry) => entry.event)).to.deep.equal(["request", "response"]);
      expect(entries[1]?.body).to.equal(text);
      expect(commits).to.equal(1);
    });

    it("that is short and cannot be recorded is not shown", async () => {
      answer(list(3, "unseen"));
      refuse();
      const { status, text } = await bed.call(`${bed.path}${MAPS}`);
      expect(status).to.equal(500);
      expect(text).to.contain("cannot be recorded").and.not.contain("unseen");
    });

    it("that is long is shown no further than it is recorded, as much as is kept", async () => {
      answer(list(80, "y".repeat(1000)));
      const { open, waiting } = gate();
      const asked = begun(MAPS);
      await until(() => waiting() > 0);
      for (let n = 0; n < 20; n++) await turn();
      expect(await recorded()).to.deep.equal([]);
      open();
      const seen = await asked;
      await until(() => seen.ended);
      expect(seen.text).to.equal(list(80, "y".repeat(1000)));
      await response();
      expect(bodies((await recorded()).slice(1))).to.equal(seen.text);
    });

    it("that is long and cannot be recorded to its end does not look whole", async () => {
      answer(list(400, "z".repeat(1000)));
      let commits = 0;
      bed.broker.store.commit = (batch) => {
        commits += 1;
        return commits < 3 ? commit(batch) : Promise.reject(new Error("the disk is full"));
      };
      const seen = await begun(MAPS);
      await until(() => seen.ended);
      expect(seen.answer.complete).to.equal(false);
      const kept = bodies((await recorded()).slice(1));
      expect(kept.startsWith(seen.text) || seen.text.startsWith(kept)).to.equal(true);
    });
  });
});

describe("what is gathered", () => {
  const bytes = (text: string) => Buffer.from(text);

  it("is passed on in order and whole, more of it at once while it waits", async () => {
    const first = Promise.withResolvers<void>();
    const passed: string[] = [];
    async function* source() {
      yield bytes("a");
      await turn();
      for (const text of ["b", "", "c", "d"]) yield bytes(text);
      first.resolve();
    }
    const pass = async (parts: readonly Buffer[]) => {
      passed.push(Buffer.concat(parts).toString());
      if (passed.length === 1) await first.promise;
      return true;
    };
    expect(await gathered(source(), { pass, most: 100 })).to.equal(true);
    expect(passed).to.deep.equal(["a", "bcd"]);
  });

  it("is not taken any more while so much waits", async () => {
    let taken = 0;
    const slow = Promise.withResolvers<boolean>();
    async function* source() {
      for (; taken < 10; taken++) yield Buffer.alloc(10);
    }
    const all = gathered(source(), { pass: () => slow.promise, most: 30 });
    for (let n = 0; n < 20; n++) await turn();
    expect(taken).to.be.lessThan(5);
    slow.resolve(true);
    expect(await all).to.equal(true);
    expect(taken).to.equal(10);
  });

  it("ends where no more is wanted, and where it cannot be passed on", async () => {
    const over = Promise.withResolvers<never>();
    over.promise.catch(() => {});
    async function* quiet() {
      yield bytes("a");
      await over.promise;
    }
    const stop = () => over.reject(new Error("stopped"));
    expect(await gathered(quiet(), { pass: async () => false, most: 10, stop })).to.equal(false);
    const failing = gathered(quiet(), { pass: () => Promise.reject(new Error("full")), most: 10, stop });
    expect(await failing.catch((error: Error) => error.message)).to.equal("full");
  });

  it("tells what went wrong with its source behind what came before", async () => {
    const passed: string[] = [];
    async function* source() {
      yield bytes("a");
      throw new Error("broken");
    }
    const pass = async (parts: readonly Buffer[]) => {
      await turn();
      passed.push(String(parts[0]));
      return true;
    };
    const outcome = await gathered(source(), { pass, most: 10 }).catch((error: Error) => error.message);
    expect([outcome, passed]).to.deep.equal(["broken", ["a"]]);
  });
});

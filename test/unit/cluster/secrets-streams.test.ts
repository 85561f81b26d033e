/** Lists and watches of Secrets from their bytes, however those come in and wherever they end. */
import { expect } from "chai";
import fc from "fast-check";
import { listSecrets } from "#cluster/secrets-list.ts";
import type { OpenStream } from "#cluster/secrets-refusal.ts";
import { SharedEvents, watchSecrets } from "#cluster/secrets-watch.ts";
import { type BackendEvent, BackendRefusal, type Detail, type Listed } from "#core/secrets/backend.ts";

const SIGNAL = new AbortController().signal;

/** A body in parts of such lengths, over and over; `then` is what happens after the last one. */
function answering(body: string, lengths: readonly number[] = [7], then?: () => Promise<void>): OpenStream {
  const bytes = Buffer.from(body);
  return async () =>
    (async function* () {
      for (let from = 0, turn = 0; from < bytes.length; turn++) {
        const to = from + (lengths[turn % lengths.length] ?? 1);
        yield bytes.subarray(from, to);
        from = to;
      }
      await then?.();
    })();
}

async function broken(): Promise<void> {
  throw new Error("other side closed");
}

async function refusalOf(answer: Promise<unknown>): Promise<BackendRefusal> {
  const error = await answer.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof BackendRefusal)) throw new Error(`no refusal but ${String(error)}`);
  return error;
}

const chunkings = fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 6 });
const secret = (index: number) => ({
  metadata: { name: `s${index}` },
  data: { "a}": "x", 'b"': "ü" },
  type: "Opaque",
});
const SECRETS = Array.from({ length: 5 }, (_, index) => secret(index));

describe("a list of Secrets as it comes in", () => {
  const listed = async (open: OpenStream, detail: Detail = "whole", patience = 1000) => {
    const { items, ...metadata } = await listSecrets(
      open,
      { path: "/", query: {} },
      detail,
      SIGNAL,
      patience,
    );
    const all: Listed[] = [];
    for await (const part of items) all.push(...part);
    return { ...metadata, all };
  };
  const LIST = { kind: "SecretList", apiVersion: "v1" };
  const METADATA = { resourceVersion: "7", continue: "next", remainingItemCount: 3 };
  const WHOLE = { ...METADATA, all: SECRETS.map((each) => ({ secret: each, keys: 2 })) };
  const SUMMARY = {
    ...METADATA,
    all: SECRETS.map(({ metadata, type }) => ({ secret: { metadata, type }, keys: 2 })),
  };

  const orders: Readonly<Record<string, object>> = {
    "its metadata before the items": { ...LIST, metadata: METADATA, items: SECRETS },
    "its metadata after the items": { ...LIST, items: SECRETS, metadata: METADATA },
    "everything else after the items": { items: SECRETS, metadata: METADATA, ...LIST },
  };
  for (const [name, object] of Object.entries(orders))
    it(`${name}: the same, in any parts`, async () => {
      await fc.assert(
        fc.asyncProperty(chunkings, async (lengths) => {
          const text = JSON.stringify(object);
          expect(await listed(answering(text, lengths))).to.deep.equal(WHOLE);
          expect(await listed(answering(text, lengths), "summary")).to.deep.equal(SUMMARY);
        }),
        { numRuns: 30 },
      );
    });

  it("a Table: its columns are found by their names, also where they come last", async () => {
    const columnDefinitions = ["Age", "Data", "Name", "Type"].map((name) => ({ name }));
    const rows = SECRETS.map(({ metadata, type }) => ({
      cells: ["1d", 2, metadata.name, type],
      object: { kind: "PartialObjectMetadata", metadata },
    }));
    for (const parts of [
      { kind: "Table", metadata: METADATA, columnDefinitions, rows },
      { kind: "Table", metadata: METADATA, rows, columnDefinitions },
    ])
      expect(await listed(answering(JSON.stringify(parts)), "summary")).to.deep.equal(SUMMARY);
  });

  it("a Table without those columns, a Status, or no JSON is no list", async () => {
    for (const text of [
      JSON.stringify({ kind: "Table", metadata: {}, columnDefinitions: [{ name: "Name" }], rows: [] }),
      JSON.stringify({ kind: "Status", status: "Success" }),
      "c2VjcmV0",
    ]) {
      const error = await refusalOf(listed(answering(text), "summary"));
      expect(error).to.include({ code: 0, reason: "Unreachable" });
      expect(error.message).not.to.contain("c2VjcmV0");
    }
  });

  it("no items at all", async () => {
    for (const items of [[], null])
      expect(await listed(answering(JSON.stringify({ ...LIST, metadata: {}, items })))).to.deep.equal({
        resourceVersion: "",
        all: [],
      });
  });

  it("cut at any byte, cleanly or not: refused, never a shorter list", async () => {
    const text = JSON.stringify({ ...LIST, metadata: METADATA, items: SECRETS });
    for (let end = 0; end < text.length; end++)
      for (const then of [undefined, broken]) {
        const error = await refusalOf(listed(answering(text.slice(0, end), [40], then)));
        expect(error, `${end}`).to.include({ code: 0, reason: "Unreachable" });
      }
    expect(await refusalOf(listed(answering(text, [40], broken)))).to.include({ reason: "Unreachable" });
  });

  it("not going on: refused as out of time, whenever that is", async () => {
    const text = JSON.stringify({ ...LIST, metadata: METADATA, items: SECRETS });
    const stuck = () => new Promise<void>(() => {});
    for (const end of [0, 30, 200, text.length])
      expect(await refusalOf(listed(answering(text.slice(0, end), [40], stuck), "whole", 5))).to.include({
        ...{ code: 0, reason: "Timeout" },
      });
  });

  it("left in the middle: the call is ended", async () => {
    let signal: AbortSignal | undefined;
    const open: OpenStream = async (call) => {
      signal = call.signal;
      return answering(JSON.stringify({ ...LIST, metadata: {}, items: SECRETS }), [100])(call);
    };
    const { items } = await listSecrets(open, { path: "/", query: {} }, "whole", SIGNAL, 1000);
    for await (const _ of items) break;
    expect(signal?.aborted).to.equal(true);
  });
});

describe("a watch of Secrets as it comes in", () => {
  const watched = async (open: OpenStream, signal = SIGNAL): Promise<BackendEvent[]> => {
    const events: BackendEvent[] = [];
    for await (const batch of watchSecrets(open, { path: "/" }, new SharedEvents(), signal)) {
      expect(batch).not.to.have.length(0);
      events.push(...batch);
    }
    return events;
  };
  const lines = (...frames: object[]) => frames.map((frame) => `${JSON.stringify(frame)}\n`).join("");
  const bookmark = (resourceVersion: string, annotations?: object) => ({
    ...{ type: "BOOKMARK", object: { kind: "Secret", metadata: { resourceVersion, annotations } } },
  });
  const FRAMES = [
    { type: "ADDED", object: secret(1) },
    bookmark("5", { "k8s.io/initial-events-end": "true" }),
    { type: "MODIFIED", object: secret(2) },
    { type: "DELETED", object: secret(3) },
    bookmark("6"),
  ];
  const EVENTS: readonly BackendEvent[] = [
    { type: "ADDED", secret: secret(1) },
    { type: "BOOKMARK", resourceVersion: "5", initialEventsEnd: true },
    { type: "MODIFIED", secret: secret(2) },
    { type: "DELETED", secret: secret(3) },
    { type: "BOOKMARK", resourceVersion: "6", initialEventsEnd: false },
  ];

  it("gives every event once and in order, in any parts", async () => {
    await fc.assert(
      fc.asyncProperty(chunkings, async (lengths) => {
        expect(await watched(answering(lines(...FRAMES), lengths))).to.deep.equal(EVENTS);
      }),
    );
  });

  it("many watches get the very same events, until they are forgotten; long ones each get their own", async () => {
    const shared = new SharedEvents();
    const large = lines({ type: "ADDED", object: { metadata: { name: "x".repeat(40_000) } } });
    const all: BackendEvent[][] = [];
    for (const lengths of [[large.length], [7]]) {
      const events: BackendEvent[] = [];
      const open = answering(large + lines(...FRAMES), lengths);
      for await (const batch of watchSecrets(open, { path: "/" }, shared, SIGNAL)) events.push(...batch);
      all.push(events);
    }
    const [one = [], other = []] = all;
    expect(one).to.deep.equal(other).and.have.length(6);
    expect(one.map((event, index) => event === other[index])).to.deep.equal([
      false,
      ...EVENTS.map(() => true),
    ]);
    const many = Array.from({ length: 600 }, (_, index) =>
      lines({ type: "ADDED", object: { index, pad: "x".repeat(2000) } }),
    );
    const [first = "", last = ""] = [many[0], many.at(-1)];
    const [before] = shared.of(first);
    expect(shared.of(first)[0]).to.equal(before);
    for (const line of many) shared.of(line);
    const [again] = shared.of(first);
    expect(again).to.deep.equal(before);
    expect(again === before).to.equal(false);
    expect(shared.of(last)[0]).to.equal(shared.of(last)[0]);
  });

  it("what came at once is one batch", async () => {
    const batches: number[] = [];
    for await (const batch of watchSecrets(
      answering(lines(...FRAMES), [10_000]),
      { path: "/" },
      new SharedEvents(),
      SIGNAL,
    ))
      batches.push(batch.length);
    expect(batches).to.deep.equal([5]);
  });

  it("an error of the API server comes after the events before it", async () => {
    const details = { causes: [{ reason: "ResourceVersionTooLarge" }] };
    const status = { kind: "Status", code: 410, reason: "Expired", message: "too old", details };
    const seen: BackendEvent[] = [];
    const reading = (async () => {
      const open = answering(lines(...FRAMES, { type: "ERROR", object: status }), [10_000]);
      for await (const batch of watchSecrets(open, { path: "/" }, new SharedEvents(), SIGNAL))
        seen.push(...batch);
    })();
    expect(await refusalOf(reading)).to.deep.include({
      code: 410,
      reason: "Expired",
      message: "too old",
      details,
    });
    expect(seen).to.deep.equal(EVENTS);
  });

  it("a cut between events ends it, one within an event and a broken connection are refusals", async () => {
    const text = lines(...FRAMES);
    const ends = new Set([...text.matchAll(/\n/g)].map(({ index }) => index + 1));
    for (let end = 1; end <= text.length; end++) {
      const cut = watched(answering(text.slice(0, end), [30]));
      if (ends.has(end)) expect(await cut).to.deep.equal(EVENTS.slice(0, [...ends].indexOf(end) + 1));
      else expect(await refusalOf(cut), `${end}`).to.include({ code: 0, reason: "Unreachable" });
    }
    expect(await refusalOf(watched(answering(text, [30], broken)))).to.include({ reason: "Unreachable" });
  });

  it("what is no JSON is a refusal that does not repeat it", async () => {
    const error = await refusalOf(watched(answering('{"type":"ADDED","object":c2VjcmV0}\n')));
    expect(error).to.include({ code: 0, reason: "Unreachable" });
    expect(error.message).not.to.contain("c2V");
  });

  it("ends without an error when the signal aborts", async () => {
    const stop = new AbortController();
    const open = answering(lines(...FRAMES), [10_000], async () => {
      stop.abort();
      throw new Error("aborted");
    });
    expect(await watched(open, stop.signal)).to.deep.equal(EVENTS);
  });
});

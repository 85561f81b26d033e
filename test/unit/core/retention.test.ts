import { expect } from "chai";
import { requestEntry } from "#core/audit/entries.ts";
import type { AdmissionEntry, ErasureEntry } from "#core/ledger/entry.ts";
import { examineEntry } from "#core/ledger/examine.ts";
import { lineOf, lineWithPayload } from "#core/ledger/line.ts";
import { eraseSome, type Hold, keepErasing, type Retention } from "#core/ledger/retention.ts";
import { HASH_BYTES } from "#core/log/hash.ts";
import { type Report, verify } from "#core/log/verify.ts";
import type { Store } from "#kit/storage.ts";
import { memoryStore } from "#store/memory.ts";
import { KEYS, TRUST } from "../../conformance/store/keys.ts";
import { auditEvent, decodedEvents } from "../../support/audit-events.ts";
import { ManualClock } from "../../support/clock.ts";
import { admissionEntry } from "../../support/ledger/made.ts";

const DAY = 86_400_000;
const SALT = { uuid: () => "", suffix: () => "", bytes: (count: number) => Buffer.alloc(count, 1) };

const entry = (username: string, time: number): AdmissionEntry => ({
  ...admissionEntry(0, time),
  agent: { username, groups: [] },
});

async function verified(
  store: Store,
  alter: (index: number, found: unknown) => unknown = (_, found) => found,
): Promise<Report> {
  const head = await store.head();
  return verify(
    {
      checkpoints: () => [Buffer.from(head.note ?? "")],
      bundle: async (index) =>
        (await store.lines(index * 256, 256)).map((line) => ({
          index: line.index,
          bytes: Buffer.from(line.line),
        })),
      tile: async ({ level, index, width }) =>
        (await store.tile(Number(level), index))?.subarray(0, width * HASH_BYTES),
      payload: async (index) => alter(index, await store.payload(index)) as Uint8Array | "erased" | undefined,
      count: async () => ({ entries: head.size }),
    },
    { trust: TRUST, examine: examineEntry },
  );
}

describe("retention", () => {
  let store: Store;
  let clock: ManualClock;
  beforeEach(() => {
    store = memoryStore({ keys: KEYS });
    clock = new ManualClock();
  });

  const write = async (agent: string, payload = true) => {
    const one = entry(agent, clock.now());
    await store.commit({ lines: [payload ? lineWithPayload(one, { of: agent }, SALT) : lineOf(one)] });
  };
  const sweep = async (days: number, holds: readonly Hold[] = []) => {
    const retention: Retention = { payloadDays: days, holds };
    while (await eraseSome({ store, clock }, retention));
  };
  const state = async () => {
    const lines = await store.lines(0, 2_000);
    const payloads = await Promise.all(lines.map(({ index }) => store.payload(index)));
    return payloads.map((one) => (one instanceof Uint8Array ? "kept" : (one ?? "none"))).join(" ");
  };
  const erasures = async () =>
    (await store.lines(0, 2_000)).flatMap(({ line }) => {
      const read = JSON.parse(line) as ErasureEntry;
      return read.kind === "erasure" ? [read] : [];
    });

  it("keeps everything for ever where no time is set", async () => {
    await write("a");
    clock.advance(10_000 * DAY);
    await sweep(0);
    expect(await state()).to.equal("kept");
  });

  it("erases what is older, says so, and the proofs hold", async () => {
    await write("a");
    await write("a", false);
    await write("a");
    clock.advance(31 * DAY);
    await write("a");
    await sweep(30);
    expect(await state()).to.equal("erased none erased kept none");
    expect((await erasures()).map(({ spans }) => spans)).to.deep.equal([[{ from: 0, to: 3 }]]);
    expect(await verified(store)).to.deep.include({ intact: true, proven: 5 });
  });

  it("keeps what an agent read for a hold on that agent, too", async () => {
    const [event] = decodedEvents(auditEvent()).events;
    if (event === undefined) throw new Error("it is not read");
    const { entry: read } = requestEntry(
      event,
      { user: event.user, session: undefined },
      clock.now(),
      undefined,
    );
    await store.commit({ lines: [lineWithPayload(read, { a: 1 }, SALT)] });
    clock.advance(31 * DAY);
    await sweep(30, [{ agent: "agent", namespace: "demo" }]);
    expect(await state()).to.equal("kept");
    await sweep(30, [{ agent: "agent", namespace: "other" }]);
    expect(await state()).to.equal("erased none");
  });

  it("writes nothing where nothing is to be erased, however often it looks", async () => {
    await write("a", false);
    clock.advance(31 * DAY);
    for (let n = 0; n < 3; n += 1) await sweep(30);
    await write("a");
    clock.advance(31 * DAY);
    await sweep(30);
    clock.advance(31 * DAY);
    for (let n = 0; n < 3; n += 1) await sweep(30);
    expect(await state()).to.equal("none erased none");
    expect((await erasures()).map(({ spans }) => spans)).to.deep.equal([[{ from: 0, to: 2 }]]);
    expect(await verified(store)).to.deep.include({ intact: true });
  });

  const HOLDS: Record<string, Hold> = {
    "an agent": { agent: "b" },
    "an agent in a namespace": { agent: "b", namespace: "demo" },
  };
  for (const [name, hold] of Object.entries(HOLDS))
    it(`keeps what a hold on ${name} names, until the hold is lifted`, async () => {
      for (const agent of ["a", "b", "a", "b", "b", "a"]) await write(agent);
      await write("a", false);
      clock.advance(31 * DAY);
      await sweep(30, [hold]);
      expect(await state()).to.equal("erased kept erased kept kept erased none none");
      expect(await verified(store)).to.deep.include({ intact: true });
      await sweep(30, [hold]);
      expect(await erasures()).to.have.length(1);
      await sweep(30, []);
      expect(await state()).to.equal("erased erased erased erased erased erased none none none");
      expect(await verified(store)).to.deep.include({ intact: true });
    });

  it("keeps nothing for a hold that fits only in part", async () => {
    await write("b");
    clock.advance(31 * DAY);
    await sweep(30, [
      { agent: "b", namespace: "prod" },
      { agent: "b", approval: "x" },
    ]);
    expect(await state()).to.equal("erased none");
  });

  it("goes through more entries than one step takes, with holds among them", async () => {
    for (let n = 0; n < 1_300; n += 1) await write(n % 3 === 0 ? "b" : "a", n % 2 === 0);
    clock.advance(31 * DAY);
    await sweep(30, [{ agent: "b" }]);
    const held = (await state()).split(" ");
    expect(held.filter((one) => one === "kept")).to.have.length(217);
    expect(held.filter((one) => one === "erased")).to.have.length(650 - 217);
    expect(await verified(store)).to.deep.include({ intact: true });
    await sweep(30);
    expect(await state()).not.to.contain("kept");
    expect(await verified(store)).to.deep.include({ intact: true });
  });

  it("is the only way to erase: what is marked as erased, and no entry says so, is found", async () => {
    for (let n = 0; n < 4; n += 1) await write("a");
    clock.advance(31 * DAY);
    await write("a");
    await sweep(30);
    await write("a");
    const report = await verified(store, (index, found) =>
      index >= 4 && found !== undefined ? "erased" : found,
    );
    expect(report.findings).to.deep.equal([{ kind: "erasure-unrecorded", from: 4, to: 7 }]);
  });

  it("tells of each sweep that erased something, so that the search index forgets it too", async () => {
    await write("a");
    const told: string[] = [];
    const closing = new AbortController();
    const log = {
      info: () => undefined,
      warn: () => undefined,
      error: (_: object, what: string) => told.push(what),
    };
    const ports = { store, clock, log, erased: () => told.push("erased") };
    const sweeping = keepErasing(ports, { payloadDays: 1, holds: [] }, closing.signal);
    const asleep = async () => {
      while (clock.sleeping === 0) await new Promise((resolve) => setImmediate(resolve));
    };
    for (const [days, expected] of [
      [0, []],
      [2, ["erased"]],
      [1, ["erased"]],
    ] as const) {
      if (days > 0) clock.advance(days * DAY);
      await asleep();
      expect(told).to.deep.equal(expected);
    }
    closing.abort();
    await sweeping;
  });
});

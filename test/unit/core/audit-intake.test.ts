/** Audit events into the ledger: what they leave, once, whatever way they come. */
import { expect } from "chai";
import type { JsonObject } from "#core/admission.ts";
import { feedState } from "#core/audit/feed.ts";
import { unsealPayload } from "#core/log/payload.ts";
import { outcomeOf } from "#core/outcome/told.ts";
import { auditEvent, naming } from "../../support/audit-events.ts";
import { Heard } from "../../support/heard.ts";

const read = (auditID: string, given: JsonObject = {}) =>
  auditEvent({ auditID, verb: "get", responseStatus: { code: 200 }, ...given });

describe("audit events", () => {
  let heard: Heard;
  beforeEach(async () => {
    heard = await Heard.begin();
  });

  it("of a write leave its outcome, which is found by the admission's index", async () => {
    const before = await heard.admit();
    const index = await heard.admit();
    await heard.admit();
    const wrote = await heard.take(
      read("r1"),
      auditEvent({ auditID: "w1", annotations: naming(index) }),
      read("r2"),
    );
    expect(wrote).to.equal(3);
    const told = await outcomeOf(heard.store, index);
    expect(told?.entry).to.deep.include({
      of: index,
      source: "audit",
      result: "took-effect",
      code: 201,
      auditID: "w1",
    });
    const [line] = await heard.store.lines(told?.index ?? -1, 1);
    expect(JSON.parse(line?.line ?? "")).to.deep.equal(told?.entry);
    expect(await outcomeOf(heard.store, before)).to.equal(undefined);
  });

  it("of a read leave an entry, with the masked bodies beside it", async () => {
    await heard.take(
      read("r1", { responseObject: { kind: "ConfigMap", data: { DB_PASSWORD: "hunter2", a: "b" } } }),
    );
    const [entry] = await heard.entries("request");
    expect(entry).to.deep.include({ auditID: "r1", verb: "get", code: 200 });
    const payload = await heard.store.payload(0);
    const text = payload instanceof Uint8Array ? unsealPayload(payload)?.toString() : undefined;
    expect(JSON.parse(text ?? "")).to.deep.equal({
      responseObject: { kind: "ConfigMap", data: { DB_PASSWORD: "[masked: value]", a: "b" } },
    });
  });

  it("of writes through secure-secrets that were judged leave nothing, each one event", async () => {
    const target = {
      apiGroup: "hoop.dev",
      apiVersion: "v1alpha1",
      resource: "secure-secrets",
      namespace: "demo",
    };
    const write = (given: JsonObject = {}) =>
      auditEvent({
        auditID: "s1",
        verb: "patch",
        objectRef: target,
        responseStatus: { code: 429 },
        ...given,
      });
    const at = (second: number) => ({ requestReceivedTimestamp: `2026-11-21T09:00:0${second}.000000Z` });
    const request = {};
    for (const _ of ["judged", "judged again after a conflict"])
      heard.toldWrites.add({ auditID: "s1", username: "agent", namespace: "demo" }, request);
    expect(await heard.take(write(), write())).to.equal(0);
    expect(await heard.take(write()), "the same event, sent again").to.equal(0);
    const others = {
      "an audit ID that was used before": write(at(1)),
      "a read": write({ ...at(2), verb: "get" }),
      "another namespace": write({ ...at(3), objectRef: { ...target, namespace: "other" } }),
      "another resource": write({ ...at(4), objectRef: { ...target, resource: "sessions" } }),
      "another agent": write({ ...at(5), user: { username: "agent-2", groups: ["hoop:agents"] } }),
    };
    for (const [what, event] of Object.entries(others)) {
      heard.toldWrites.add({ auditID: "s2", username: "agent", namespace: "demo" }, {});
      expect(
        await heard.take({ ...event, auditID: what.startsWith("an audit") ? "s1" : "s2" }),
        what,
      ).to.equal(1);
    }
  });

  it("of others than agents leave nothing", async () => {
    const person = { username: "bob", groups: ["ops"] };
    expect(await heard.take(read("r1", { user: person }), auditEvent({ user: person }))).to.equal(0);
    expect((await heard.store.head()).size).to.equal(0);
  });

  it("that come again leave nothing more: at once, later, and after a restart", async () => {
    const index = await heard.admit();
    const all = [read("r1"), auditEvent({ auditID: "w1", annotations: naming(index) })];
    expect(await heard.take(...all, ...all)).to.equal(2);
    expect(await Promise.all([heard.take(...all), heard.take(...all)])).to.deep.equal([0, 0]);
    const again = await Heard.begin(heard.store, heard.clock);
    expect(await again.take(...all)).to.equal(0);
  });

  it("that come to several at once leave each one entry, and are counted as such", async () => {
    const index = await heard.admit({ operation: "CONNECT" });
    const others = [await Heard.begin(heard.store), await Heard.begin(heard.store)];
    const reads = Array.from({ length: 150 }, (_, n) => read(`r${n}`));
    const exec = auditEvent({ auditID: "e", stage: "ResponseComplete", annotations: naming(index) });
    const all = [heard, ...others];
    const written = await Promise.all(
      all.flatMap((one, n) => [
        one.take(...reads.slice(n * 20), exec),
        one.take(read(`only-${n}`), ...reads.slice(0, n * 40)),
      ]),
    );
    const requests = await heard.entries("request");
    const ids = requests.map(({ auditID }) => auditID);
    expect(ids.toSorted())
      .to.deep.equal([...new Set(ids)].toSorted())
      .and.to.have.length(154);
    expect(await heard.entries("outcome")).to.have.length(1);
    const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
    expect(sum(written)).to.equal(155);
    const given = all.length * (150 + 2) - (0 + 20 + 40) + (0 + 40 + 80);
    expect(sum(all.flatMap(({ counted }) => [counted["recorded"] ?? 0, counted["repeated"] ?? 0]))).to.equal(
      given,
    );
  });

  it("leave each its own, whatever one audit ID a client gives to all of its requests", async () => {
    const same = (given: JsonObject = {}) => read("mine", given);
    const other = { objectRef: { resource: "secrets", namespace: "demo", apiVersion: "v1" } };
    const later = { requestReceivedTimestamp: "2026-11-21T09:00:00.000001Z" };
    const all = [
      same(),
      same(other),
      same(later),
      same({ verb: "list" }),
      same({ responseStatus: { code: 403 } }),
    ];
    expect(await heard.take(...all)).to.equal(5);
    const again = await Heard.begin(heard.store, heard.clock);
    expect(await again.take(...all, same({ ...other, ...later }))).to.equal(1);
  });

  it("come again by the same marks where they were too long to be kept in full", async () => {
    const long = read("x".repeat(60_000), { verb: "y".repeat(60_000), userAgent: "z".repeat(60_000) });
    expect(await heard.take(long)).to.equal(1);
    const again = await Heard.begin(heard.store, heard.clock);
    expect(await again.take(long)).to.equal(0);
  });

  it("of a watch leave an entry when it begins, and one when it ends", async () => {
    const watch = (stage: string) => read("r1", { verb: "watch", stage });
    expect(await heard.take(watch("ResponseStarted"))).to.equal(1);
    expect(await heard.take(watch("ResponseComplete"), watch("ResponseStarted"))).to.equal(1);
    expect((await heard.entries("request")).map(({ stage }) => stage)).to.deep.equal([
      "ResponseStarted",
      "ResponseComplete",
    ]);
  });

  it("of an exec leave its outcome when it begins, and an entry that names it when it ends", async () => {
    const index = await heard.admit({ operation: "CONNECT" });
    const exec = (stage: string, code: number) =>
      auditEvent({ auditID: "e1", stage, annotations: naming(index), responseStatus: { code } });
    await heard.take(exec("ResponseComplete", 101), exec("ResponseStarted", 101));
    await heard.take(exec("ResponseStarted", 101), exec("ResponseComplete", 101));
    expect(await heard.entries("outcome")).to.have.length(1);
    const ends = await heard.entries("request");
    expect(ends.map(({ of, stage }) => ({ of, stage }))).to.deep.equal([
      { of: index, stage: "ResponseComplete" },
    ]);
  });

  it("that name what was denied, another's, or nothing that is there leave nothing", async () => {
    const denied = await heard.admit({ effect: "none" });
    const others = await heard.admit({ agent: { username: "other", groups: [] } });
    expect(await heard.take(auditEvent({ annotations: naming(denied, others, 99) }))).to.equal(0);
  });

  it("take the place of what was made out by looking, and are not replaced", async () => {
    const index = await heard.admit({ approval: { namespace: "demo", name: "a", use: "spent" } });
    heard.clock.advance(6_000);
    await heard.finder.step();
    expect((await outcomeOf(heard.store, index))?.entry).to.deep.include({
      source: "object",
      result: "cannot-tell",
    });
    await heard.take(auditEvent({ auditID: "w1", annotations: naming(index) }));
    expect((await outcomeOf(heard.store, index))?.entry).to.deep.include({
      source: "audit",
      result: "took-effect",
    });
    await heard.take(
      auditEvent({ auditID: "w2", annotations: naming(index), responseStatus: { code: 403 } }),
    );
    expect((await outcomeOf(heard.store, index))?.entry).to.deep.include({ auditID: "w1" });
  });

  it("in hundreds are all written", async () => {
    const events = Array.from({ length: 500 }, (_, n) => read(`r${n}`));
    expect(await heard.take(...events)).to.equal(500);
    expect((await heard.entries("request")).map(({ auditID }) => auditID)).to.deep.equal(
      events.map(({ auditID }) => auditID),
    );
  });

  it("that say more of Secrets than they should are noticed, and not kept", async () => {
    const about = {
      objectRef: { resource: "secrets", apiVersion: "v1" },
      responseObject: { kind: "Secret", data: { a: "c2VjcmV0" } },
    };
    await heard.take(read("r1", about), read("r2", about));
    await heard.finder.keep();
    expect(heard.warned.filter((text) => text.includes("audit policy"))).to.have.length(1);
    expect((await feedState(heard.store))?.tooMuch).to.equal(heard.clock.now());
    expect(await heard.store.payload(0)).to.equal(undefined);
  });

  it("are counted by what came of them", async () => {
    const person = read("p", { user: { username: "ann", groups: [] } });
    await heard.take(read("r1"), read("r1"), read("r2"), person, { stage: "ResponseComplete" });
    await heard.take(read("r2"));
    expect(heard.counted).to.include({ recorded: 2, repeated: 2, "not-agents": 1, unread: 1 });
    expect(heard.counted).to.not.have.property("failed");
    await heard.store.close();
    await heard.take(read("r3")).catch(() => undefined);
    await new Promise((resolve) => setImmediate(resolve));
    expect(heard.counted).to.include({ recorded: 2, failed: 1 });
  });

  it("that none of this knows are said to be left out", async () => {
    await heard.take({ stage: "ResponseComplete" });
    expect(heard.warned).to.have.length(1);
  });
});

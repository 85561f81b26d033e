/** What came of what was let through, where no audit event says so; and what is written down where none come. */
import { expect } from "chai";
import type { JsonObject } from "#core/admission.ts";
import type { AdmissionEntry } from "#core/ledger/entry.ts";
import { type Found, lookFor, seen } from "#core/outcome/look.ts";
import { outcomeOf } from "#core/outcome/told.ts";
import { auditEvent, naming } from "../../support/audit-events.ts";
import { Heard, WAIT } from "../../support/heard.ts";
import { admissionEntry } from "../../support/ledger/made.ts";

const MOMENT = Date.parse("2026-11-21T09:00:00.500Z");
const APPROVED = { approval: { namespace: "demo", name: "made", use: "spent" as const } };

function entry(given: Partial<AdmissionEntry>): AdmissionEntry {
  return { ...admissionEntry(1, MOMENT), ...given };
}

function present(given: Partial<Extract<Found, { kind: "present" }>> = {}): Found {
  return {
    ...{ kind: "present", uid: "u", resourceVersion: "8", created: "2026-11-21T09:00:00Z", deleting: false },
    object: undefined,
    ...given,
  } as Found;
}

describe("what came of a write, by its object", () => {
  const of = { ...admissionEntry(1, 0).target, uid: "u" };
  const update = entry({ operation: "UPDATE", target: of, object: { resourceVersion: "7" } });
  const changes = (...all: JsonObject[]): JsonObject => ({ changes: all });
  const image = { path: ["spec", "image"], before: "a:1", after: "a:2" };
  const counted = { path: ["metadata", "generation"], before: 1, after: 2 };
  const CASES: Record<string, [AdmissionEntry, Found, string, payload?: JsonObject]> = {
    "a create whose very object is there": [entry({ object: { uid: "u" } }), present(), "took-effect"],
    "a create of a name that was there before": [
      entry({ object: { uid: "n" } }),
      present({ created: "2026-11-21T08:59:59Z" }),
      "refused",
    ],
    "a create of a name that another has since": [
      entry({ object: { uid: "n" } }),
      present({ created: "2026-11-21T09:00:00Z" }),
      "cannot-tell",
    ],
    "a create of what is not there": [entry({ object: { uid: "u" } }), { kind: "absent" }, "cannot-tell"],
    "a delete of what is gone": [
      entry({ operation: "DELETE", target: of }),
      { kind: "absent" },
      "took-effect",
    ],
    "a delete of what is to go": [
      entry({ operation: "DELETE", target: of }),
      present({ deleting: true }),
      "took-effect",
    ],
    "a delete of what was made anew": [
      entry({ operation: "DELETE", target: of }),
      present({ uid: "n" }),
      "took-effect",
    ],
    "a delete of what is still there": [entry({ operation: "DELETE", target: of }), present(), "refused"],
    "an eviction of a pod that is to go": [
      entry({ target: { ...of, subresource: "eviction" } }),
      present({ deleting: true }),
      "took-effect",
    ],
    "a change of what is as it was": [update, present({ resourceVersion: "7" }), "refused", changes(image)],
    "a change that changes nothing": [update, present({ resourceVersion: "7" }), "took-effect", changes()],
    "a change that is there": [
      update,
      present({ object: { spec: { image: "a:2" }, metadata: { generation: 9 } } }),
      "took-effect",
      changes(counted, image),
    ],
    "a change that is not there, of what has changed": [
      update,
      present({ object: { spec: { image: "a:3" } } }),
      "cannot-tell",
      changes(image),
    ],
    "a change whose payload is gone": [update, present({ object: { spec: {} } }), "cannot-tell"],
    "a change of what is gone": [update, { kind: "absent" }, "cannot-tell", changes(image)],
    "a change of what was made anew": [update, present({ uid: "n" }), "cannot-tell", changes(image)],
    "what may not be looked at": [update, { kind: "unknown", why: "Forbidden" }, "cannot-tell"],
  };
  for (const [name, [of_, found, result, payload]] of Object.entries(CASES))
    it(`of ${name}: ${result}`, () => {
      const told = seen(of_, found, payload);
      expect(told.result).to.equal(result);
      if (result === "cannot-tell") expect(told.message).to.match(/\w/);
    });

  const PLACES: Record<string, [Partial<AdmissionEntry>, object | undefined]> = {
    "of a connection nothing": [{ operation: "CONNECT", target: { ...of, subresource: "exec" } }, undefined],
    "of a token nothing": [{ target: { ...of, subresource: "token" } }, undefined],
    "what the server named by that name": [
      {
        target: { group: "batch", version: "v1", resource: "jobs", kind: "Job", namespace: "demo" },
        object: { name: "j-x" },
      },
      { group: "batch", version: "v1", resource: "jobs", namespace: "demo", name: "j-x", whole: false },
    ],
    "of a Secret its metadata alone": [
      {
        operation: "UPDATE",
        target: {
          group: "",
          version: "v1",
          resource: "secrets",
          kind: "Secret",
          namespace: "demo",
          name: "s",
        },
      },
      { group: "", version: "v1", resource: "secrets", namespace: "demo", name: "s", whole: false },
    ],
    "what is changed as a whole": [
      {
        operation: "UPDATE",
        target: {
          group: "apps",
          version: "v1",
          resource: "deployments",
          kind: "Deployment",
          namespace: "demo",
          name: "d",
        },
      },
      { group: "apps", version: "v1", resource: "deployments", namespace: "demo", name: "d", whole: true },
    ],
  };
  for (const [name, [given, place]] of Object.entries(PLACES))
    it(`looks for ${name}`, () => expect(lookFor(entry(given))).to.deep.equal(place));
});

describe("where no audit event tells what came of a write", () => {
  let heard: Heard;
  beforeEach(async () => {
    heard = await Heard.begin();
  });
  const fed = async () =>
    void (await heard.take(auditEvent({ user: { username: "bob" }, requestReceivedTimestamp: heard.now() })));
  const later = async (milliseconds: number) => {
    heard.clock.advance(milliseconds);
    await heard.finder.step();
  };

  it("and none ever came, the object of what was approved is looked at after seconds, of all else nothing is", async () => {
    heard.found = () => present();
    const approved = await heard.admit({ ...APPROVED, object: { uid: "u" } });
    const plain = await heard.admit();
    await later(4_000);
    expect(heard.looked).to.have.length(0);
    await later(2_000);
    expect((await outcomeOf(heard.store, approved))?.entry).to.deep.include({
      source: "object",
      result: "took-effect",
      object: { uid: "u", resourceVersion: "8" },
    });
    await later(WAIT);
    expect(await outcomeOf(heard.store, plain)).to.equal(undefined);
    expect({ looked: heard.looked.length, gaps: await heard.entries("gap") }).to.deep.equal({
      looked: 1,
      gaps: [],
    });
  });

  it("and they do come, it is waited for longer; then a gap is written down", async () => {
    await fed();
    const index = await heard.admit(APPROVED);
    const first = heard.now();
    await heard.admit();
    await later(WAIT - 1_000);
    expect(heard.looked).to.have.length(0);
    await later(2_000);
    expect((await outcomeOf(heard.store, index))?.entry.source).to.equal("object");
    const [gap, ...more] = await heard.entries("gap");
    expect(gap).to.deep.include({ reason: "audit-events", from: first });
    expect(gap).to.not.have.property("to");
    expect(gap?.message).to.contain("of 2 writes");
    expect(more).to.deep.equal([]);
    await heard.admit();
    await later(2 * WAIT);
    expect(await heard.entries("gap")).to.have.length(1);
    const back = heard.now();
    await fed();
    await heard.take(auditEvent({ auditID: "x", verb: "get", requestReceivedTimestamp: back }));
    expect((await heard.entries("gap")).at(-1)).to.deep.include({
      reason: "audit-events",
      from: first,
      to: back,
    });
  });

  it("and others come since, the gap has an end", async () => {
    await fed();
    await heard.admit();
    const at = heard.now();
    heard.clock.advance(10_000);
    await fed();
    await later(WAIT);
    expect(await heard.entries("gap")).to.have.length(1);
    expect((await heard.entries("gap"))[0]).to.deep.include({ from: at, to: at });
  });

  it("and it went through secure-secrets, none is missed", async () => {
    await fed();
    await heard.admit({ through: "secure-secrets" });
    await later(2 * WAIT);
    expect(heard.looked).to.have.length(1);
    expect(await heard.entries("gap")).to.deep.equal([]);
  });

  it("and it was done in a session, its object is looked at in the end; what agents did beside it is missed", async () => {
    await fed();
    heard.found = () => present();
    const inSession = { actingAs: "system:serviceaccount:work:deployer", session: "shop/s" };
    const index = await heard.admit({ ...inSession, object: { uid: "u" } });
    const approved = await heard.admit({ ...APPROVED, ...inSession, object: { uid: "u" } });
    await later(WAIT - 1_000);
    expect(heard.looked).to.deep.equal([]);
    await later(2_000);
    for (const one of [index, approved])
      expect((await outcomeOf(heard.store, one))?.entry).to.deep.include({
        source: "object",
        result: "took-effect",
      });
    expect(await heard.entries("gap")).to.deep.equal([]);
    await heard.admit(inSession);
    await heard.admit();
    await later(2 * WAIT);
    const gaps = await heard.entries("gap");
    expect(gaps.map(({ message }) => message)).to.have.length(1);
    expect(gaps[0]?.message).to.contain("of 1 write let through");
  });

  it("and it was done in a session, an event that comes nevertheless counts", async () => {
    await fed();
    const actingAs = "system:serviceaccount:work:deployer";
    const index = await heard.admit({ actingAs });
    await heard.take(auditEvent({ auditID: "w9", annotations: naming(index) }));
    await later(2 * WAIT);
    expect(heard.looked).to.deep.equal([]);
    expect((await outcomeOf(heard.store, index))?.entry).to.deep.include({ source: "audit", auditID: "w9" });
  });

  it("but that the server failed, the object is looked at at once, and the event's code kept", async () => {
    heard.found = () => present();
    const index = await heard.admit({ object: { uid: "u" } });
    const responseStatus = { code: 504, reason: "Timeout", message: "too late" };
    await heard.take(auditEvent({ auditID: "w1", annotations: naming(index), responseStatus }));
    await later(1_000);
    const told = await outcomeOf(heard.store, index);
    expect(told?.entry).to.deep.include({
      source: "object",
      result: "took-effect",
      code: 504,
      auditID: "w1",
    });
  });

  it("and the API server does not answer, it is asked again, and then said that it cannot be told", async () => {
    heard.found = () => ({ kind: "unknown", why: "no answer", transient: true });
    const index = await heard.admit(APPROVED);
    for (let step = 0; step < 3; step += 1) {
      await later(6_000);
      expect(await outcomeOf(heard.store, index)).to.equal(undefined);
    }
    await later(6_000);
    expect((await outcomeOf(heard.store, index))?.entry).to.deep.include({
      result: "cannot-tell",
      message: "no answer",
    });
    expect(heard.looked).to.have.length(4);
  });

  it("because Hoop was killed before, it is told by the next one", async () => {
    const index = await heard.admit(APPROVED);
    const next = await Heard.begin(heard.store, heard.clock);
    next.found = () => present();
    next.clock.advance(6_000);
    await next.finder.step();
    expect((await outcomeOf(heard.store, index))?.entry.source).to.equal("object");
    await next.finder.keep();
    const third = await Heard.begin(heard.store, heard.clock);
    third.clock.advance(6_000);
    await third.finder.step();
    expect(third.looked).to.deep.equal([]);
  });

  it("because Hoop did not run for long, that is written down, where it listened before", async () => {
    await heard.finder.keep();
    heard.clock.advance(600_000);
    expect(await (await Heard.begin(heard.store, heard.clock)).entries("gap")).to.deep.equal([]);
    await fed();
    await heard.finder.keep();
    const from = heard.now();
    heard.clock.advance(5_000);
    expect(await (await Heard.begin(heard.store, heard.clock)).entries("gap")).to.deep.equal([]);
    heard.clock.advance(600_000);
    const next = await Heard.begin(heard.store, heard.clock);
    expect((await next.entries("gap"))[0]).to.deep.include({ reason: "down", from, to: next.now() });
  });
});

import { expect } from "chai";
import { canonical } from "#core/canonical.ts";
import type { AdmissionEntry } from "#core/ledger/entry.ts";
import { lineOf, lineWithPayload } from "#core/ledger/line.ts";
import { decodeEntry } from "#core/log/entry.ts";
import { MAX_ENTRY_BYTES } from "#core/log/hash.ts";
import { payloadDigest, unsealPayload } from "#core/log/payload.ts";
import { admissionEntry } from "../../support/ledger/made.ts";
import { podDelete, request } from "../../support/reviews.ts";
import { World } from "../../support/world.ts";

const RANDOM = { uuid: () => "", suffix: () => "", bytes: (count: number) => Buffer.alloc(count, 9) };

const entry = (given: Partial<AdmissionEntry> = {}): AdmissionEntry => ({
  ...admissionEntry(0, 0),
  ...given,
});

const many = (count: number, of: string) => Array.from({ length: count }, (_, n) => `${of}-${n}`);

describe("the line of an entry", () => {
  it("is its canonical JSON", () => {
    expect(lineOf(entry())).to.equal(canonical(JSON.parse(JSON.stringify(entry()))));
    expect(decodeEntry(Buffer.from(lineOf(entry())))).to.deep.equal(entry());
  });

  it("says the digest and the size of its payload, which lies beside it behind salt", () => {
    const { line, payload } = lineWithPayload(entry(), { object: { kind: "ConfigMap" } }, RANDOM);
    const text = '{"object":{"kind":"ConfigMap"}}';
    expect(JSON.parse(line).payload).to.deep.equal({
      digest: payloadDigest(payload).toString("hex"),
      size: text.length,
    });
    expect(unsealPayload(payload)?.toString()).to.equal(text);
    expect(line).not.to.contain('"object"');
    expect(Buffer.from(payload.subarray(0, 32))).to.deep.equal(Buffer.alloc(32, 9));
  });

  const LONG: Record<string, Partial<AdmissionEntry>> = {
    "thousands of groups": { agent: { username: "ci-bot", groups: many(5_000, "group-of-the-company") } },
    "a long message": { message: "x".repeat(100_000) },
    "messages of characters that take six bytes each": { message: "\u0001".repeat(50_000) },
    "many rules with long messages": {
      rules: many(400, "rule").map((name) => ({ name, message: "because ".repeat(100) })),
    },
    "everything too long at once": {
      agent: { username: "\u0001".repeat(9_000), groups: many(500, "\u0001".repeat(900)) },
      rules: many(400, "rule").map((name) => ({ name, message: "\u0001".repeat(2_000) })),
      message: "\u0001".repeat(50_000),
      digest: "a".repeat(64),
    },
  };
  for (const [name, given] of Object.entries(LONG))
    it(`fits into a leaf with ${name}, says that it is shortened, and its payload has all`, () => {
      const whole = entry(given);
      const { line, payload } = lineWithPayload(whole, { object: { a: 1 } }, RANDOM);
      expect(Buffer.byteLength(line)).to.be.at.most(MAX_ENTRY_BYTES);
      const read = decodeEntry(Buffer.from(line));
      expect(read).to.deep.include({ shortened: true, kind: "admission", time: whole.time });
      expect(JSON.parse(unsealPayload(payload)?.toString() ?? "")).to.deep.equal({
        object: { a: 1 },
        entry: whole,
      });
      expect(JSON.parse(line).payload.digest).to.equal(payloadDigest(payload).toString("hex"));
      expect(Buffer.byteLength(lineOf(whole))).to.be.at.most(MAX_ENTRY_BYTES);
    });

  it("cuts no character in two", () => {
    const { line } = lineWithPayload(entry({ message: "😀".repeat(40_000) }), { a: 1 }, RANDOM);
    expect(line.isWellFormed()).to.equal(true);
    expect(decodeEntry(Buffer.from(line))).not.to.equal(undefined);
  });
});

describe("the record of a request", () => {
  it("has what the request carried beside it, and none where it carried nothing", async () => {
    const world = await World.begin();
    const object = {
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: { name: "a", namespace: "demo" },
      data: { k: "v" },
    };
    const resource = { group: "", version: "v1", resource: "configmaps" };
    const kind = { group: "", version: "v1", kind: "ConfigMap" };
    await world.send(
      request({ operation: "CREATE", object, resource, kind, name: "a", namespace: "demo", options: null }),
    );
    const sealed = await world.store.payload(0);
    const payload = unsealPayload(sealed instanceof Uint8Array ? sealed : Buffer.of());
    expect(JSON.parse(payload?.toString() ?? "")).to.deep.equal({ object });
    const [record] = await world.admissions();
    expect(record?.payload).to.deep.equal({
      digest: payloadDigest(sealed instanceof Uint8Array ? sealed : Buffer.of()).toString("hex"),
      size: payload?.length,
    });
    await world.send(request({ ...podDelete("web"), options: null, dryRun: true }));
    expect(await world.store.payload(1)).to.equal(undefined);
    expect((await world.admissions())[1]).not.to.have.property("payload");
  });
});

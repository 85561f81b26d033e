/** What is shown of Secrets and what may be sent back, over random Secrets. */
import { expect } from "chai";
import fc from "fast-check";
import type { JsonObject } from "#core/admission.ts";
import { maskObject } from "#core/mask.ts";
import type { CoreSecret } from "#core/secrets/backend.ts";
import { placeholders, sizeOf } from "#core/secrets/placeholder.ts";
import { resolve, type Sent, seal } from "#core/secrets/resolve.ts";
import { LAST_APPLIED, type Live, managerThroughUs, type SecretView, viewOf } from "#core/secrets/view.ts";

const options = { placeholders: placeholders("a1".repeat(32)), reveals: () => false };

const key = fc.stringMatching(/^[a-zA-Z0-9][-._a-zA-Z0-9]{0,20}$/);
/** Long enough that it turns up nowhere by chance. */
const value = fc.uint8Array({ minLength: 9, maxLength: 300 }).map((bytes) => Buffer.from(bytes));
const data = fc.dictionary(key, value, { minKeys: 1, maxKeys: 5, noNullPrototype: true });
const uid = fc.uuid();

function secretOf(values: Record<string, Buffer>, more: { uid: string } & JsonObject): CoreSecret {
  const encoded = Object.entries(values).map(([name, bytes]) => [name, bytes.toString("base64")]);
  return {
    ...{ apiVersion: "v1", kind: "Secret", type: "Opaque" },
    metadata: { name: "one", namespace: "default", resourceVersion: "7", ...more },
    data: Object.fromEntries(encoded),
  };
}

function liveOf(secret: CoreSecret): Live {
  return { secret, view: viewOf(secret, options) };
}

function sentOf({ metadata, type, immutable, data: shown }: SecretView): Sent {
  return { metadata, type, ...(immutable === undefined ? {} : { immutable }), data: shown };
}

/** Every form in which a value could be read out of a text. */
function formsOf(bytes: Buffer): string[] {
  return [
    bytes.toString("latin1"),
    bytes.toString("base64"),
    bytes.toString("base64url"),
    bytes.toString("hex"),
  ];
}

describe("what is shown of Secrets", () => {
  it("holds no value, in whatever form, and no annotation that repeats one", () => {
    fc.assert(
      fc.property(data, uid, (values, id) => {
        const first = Object.values(values)[0] ?? Buffer.alloc(0);
        const annotations = {
          [LAST_APPLIED]: JSON.stringify({ data: values }),
          note: `the value is ${first.toString("base64")}!`,
        };
        const text = JSON.stringify(viewOf(secretOf(values, { uid: id, annotations }), options));
        for (const bytes of Object.values(values))
          for (const form of formsOf(bytes)) expect(text).not.to.contain(JSON.stringify(form).slice(1, -1));
        expect(text).not.to.contain(LAST_APPLIED).and.not.to.contain(id);
      }),
    );
  });

  it("is as long for every value, and tells its size only roughly", () => {
    fc.assert(
      fc.property(key, value, value, uid, (name, one, other, id) => {
        const [a, b] = [one, other].map((bytes) => viewOf(secretOf({ [name]: bytes }, { uid: id }), options));
        expect(a?.data[name]?.length).to.equal(b?.data[name]?.length);
        if (sizeOf(one.length) === sizeOf(other.length)) expect(a?.sizes).to.deep.equal(b?.sizes);
      }),
    );
  });

  it("is the same for the same value of the same key of the same Secret, and for nothing else", () => {
    fc.assert(
      fc.property(key, key, value, value, uid, uid, (k1, k2, v1, v2, u1, u2) => {
        fc.pre(k1 !== k2 && !v1.equals(v2) && u1 !== u2);
        const shown = (name: string, bytes: Buffer, id: string) =>
          viewOf(secretOf({ [name]: bytes }, { uid: id }), options).data[name];
        const all = [shown(k1, v1, u1), shown(k2, v1, u1), shown(k1, v2, u1), shown(k1, v1, u2)];
        expect(new Set(all).size).to.equal(4);
        expect(shown(k1, v1, u1)).to.equal(all[0]);
        const another = placeholders("b2".repeat(32)).of({ uid: u1, key: k1 }, v1);
        expect(Buffer.from(all[0] ?? "", "base64").toString()).not.to.equal(another);
      }),
    );
  });

  it("does not compare what was just sent with what is there", () => {
    fc.assert(
      fc.property(key, value, uid, (name, bytes, id) => {
        const secret = secretOf(
          { [name]: bytes },
          { uid: id, annotations: { guess: bytes.toString("base64") } },
        );
        const sent = { keys: new Set([name]), annotations: { guess: bytes.toString("base64") } };
        const [once, twice] = [viewOf(secret, { ...options, sent }), viewOf(secret, { ...options, sent })];
        expect(once.data[name])
          .not.to.equal(twice.data[name])
          .and.not.to.equal(viewOf(secret, options).data[name]);
        expect(once.metadata["annotations"]).to.deep.equal(sent.annotations);
        // Nor later, when it is read.
        const fields = { "f:metadata": { "f:annotations": { "f:guess": {} } } };
        const managed = [{ manager: managerThroughUs("kubectl"), operation: "Update", fieldsV1: fields }];
        const later = {
          ...secret,
          metadata: { ...(secret["metadata"] as JsonObject), managedFields: managed },
        };
        expect(viewOf(later, options).metadata["annotations"]).to.deep.equal(sent.annotations);
      }),
    );
  });
});

describe("what is sent back for a Secret", () => {
  it("as it was shown changes nothing", () => {
    fc.assert(
      fc.property(data, uid, (values, id) => {
        const first = Object.values(values)[0] ?? Buffer.alloc(0);
        const annotations = { note: first.toString("base64"), [LAST_APPLIED]: "{}", other: "x" };
        const owners = [{ apiVersion: "v1", kind: "Pod", name: "p", uid: "u" }];
        const secret = secretOf(values, {
          uid: id,
          annotations,
          labels: { a: "b" },
          ownerReferences: owners,
        });
        const live = liveOf(secret);
        const resolution = resolve(sentOf(live.view), live, options);
        if (resolution.outcome !== "resolved") throw new Error(resolution.outcome);
        expect(resolution.secret).to.deep.equal(secret);
        expect(resolution.sent.size).to.equal(0);
        expect(resolution.sealed).to.deep.equal(seal(live, options));
      }),
    );
  });

  it("under another key, in another Secret, in a create, in stringData or in an annotation is refused", () => {
    fc.assert(
      fc.property(key, key, value, value, uid, uid, (k1, k2, v1, v2, u1, u2) => {
        fc.pre(k1 !== k2 && u1 !== u2);
        const live = liveOf(secretOf({ [k1]: v1, [k2]: v2 }, { uid: u1 }));
        const other = liveOf(secretOf({ [k1]: v1, [k2]: v2 }, { uid: u2 }));
        const shown = live.view.data;
        const sent = sentOf(live.view);
        const plain = Buffer.from(shown[k1] ?? "", "base64").toString();
        const tricks: [Sent, Live | undefined][] = [
          [{ ...sent, data: { [k1]: shown[k2] ?? "", [k2]: shown[k1] ?? "" } }, live],
          [{ ...sent, data: { ...shown, new: shown[k1] ?? "" } }, live],
          [{ ...sentOf(other.view), data: shown }, other],
          [{ metadata: { name: "two" }, type: "Opaque", data: shown }, undefined],
          [{ ...sent, stringData: { [k1]: plain } }, live],
          [{ ...sent, stringData: { [k1]: shown[k1] ?? "" } }, live],
          [{ ...sent, data: { ...shown, [k1]: Buffer.from(`x${plain}`).toString("base64") } }, live],
          [{ ...sent, data: { ...shown, [k1]: Buffer.from(plain.slice(0, 40)).toString("base64") } }, live],
          [{ ...sent, metadata: { ...sent.metadata, annotations: { x: plain } } }, live],
          [{ ...sent, metadata: { ...sent.metadata, annotations: { x: shown[k1] ?? "" } } }, live],
          [{ ...sent, metadata: { ...sent.metadata, labels: { x: shown[k1] ?? "" } } }, live],
          [{ ...sent, type: plain }, live],
        ];
        for (const [wanted, at] of tricks) expect(resolve(wanted, at, options).outcome).to.equal("refused");
      }),
    );
  });

  it("of a value that is there no more, or of a write, is to be read again", () => {
    fc.assert(
      fc.property(key, value, value, uid, (name, before, now, id) => {
        fc.pre(!before.equals(now));
        const old = liveOf(secretOf({ [name]: before }, { uid: id }));
        const live = liveOf(secretOf({ [name]: now }, { uid: id }));
        expect(resolve(sentOf(old.view), live, options)).to.deep.equal({ outcome: "stale", key: name });
        const written = viewOf(live.secret, { ...options, sent: { keys: new Set([name]), annotations: {} } });
        expect(resolve(sentOf(written), live, options)).to.deep.equal({ outcome: "stale", key: name });
      }),
    );
  });

  it("is a change wherever a value is sent, right guess or not, and the answer does not tell which", () => {
    fc.assert(
      fc.property(key, value, value, uid, (name, there, wrong, id) => {
        fc.pre(!there.equals(wrong));
        const live = liveOf(secretOf({ [name]: there }, { uid: id }));
        const resolutions = [there, wrong].map((guess) => {
          const sent = { ...sentOf(live.view), data: { [name]: guess.toString("base64") } };
          const resolution = resolve(sent, live, options);
          if (resolution.outcome !== "resolved") throw new Error(resolution.outcome);
          return resolution;
        });
        const sealedOld = (seal(live, options)["data"] as Record<string, string>)[name];
        for (const resolution of resolutions) {
          expect([...resolution.sent]).to.deep.equal([name]);
          const sealed = (resolution.sealed["data"] as Record<string, string>)[name];
          expect(sealed).not.to.equal(sealedOld);
        }
      }),
    );
  });

  it("to an immutable Secret is refused by what is sent, before it is compared", () => {
    fc.assert(
      fc.property(key, value, fc.boolean(), uid, (name, there, isRight, id) => {
        const live = liveOf({ ...secretOf({ [name]: there }, { uid: id }), immutable: true });
        const guess = isRight ? there : Buffer.from("another value");
        const sent = { ...sentOf(live.view), data: { [name]: guess.toString("base64") } };
        const refused = {
          outcome: "refused",
          field: "data",
          why: "field is immutable when `immutable` is set",
        };
        expect(resolve(sent, live, options)).to.deep.equal(refused);
        const labelled = { ...sentOf(live.view), metadata: { ...live.view.metadata, labels: { a: "b" } } };
        expect(resolve(labelled, live, options).outcome).to.equal("resolved");
      }),
    );
  });

  it("is judged, recorded and shown to approvers without a value", () => {
    fc.assert(
      fc.property(data, data, uid, (before, after, id) => {
        const annotations = { note: Object.values(before)[0]?.toString("base64") ?? "" };
        const live = liveOf(secretOf(before, { uid: id, annotations }));
        const encoded = Object.entries(after).map(([name, bytes]) => [name, bytes.toString("base64")]);
        const sent = { ...sentOf(live.view), data: Object.fromEntries(encoded) };
        const resolution = resolve(sent, live, options);
        if (resolution.outcome !== "resolved") throw new Error(resolution.outcome);
        const text = JSON.stringify([seal(live, options), resolution.sealed, maskObject(resolution.sealed)]);
        for (const bytes of [...Object.values(before), ...Object.values(after)])
          for (const form of formsOf(bytes)) expect(text).not.to.contain(JSON.stringify(form).slice(1, -1));
      }),
    );
  });
});

describe("what a Secret may hold beside what is hidden", () => {
  it("does not depend on how long that is, but for what is shown of its size", () => {
    const length = fc.integer({ min: 0, max: 1024 * 1024 });
    const added = fc.integer({ min: 0, max: 1024 * 1024 });
    const id = "3f0a8b0e-7d0b-4f7e-9c63-2f5d3c1f7a11";
    fc.assert(
      fc.property(length, length, added, fc.boolean(), (one, other, bytes, isPart) => {
        fc.pre(sizeOf(one) === sizeOf(other));
        const [a, b] = [one, other].map((hidden) => {
          const live = liveOf(secretOf({ hidden: Buffer.alloc(hidden, 1) }, { uid: id }));
          const more = { added: Buffer.alloc(bytes, 2).toString("base64") };
          const sent = { ...sentOf(live.view), data: isPart ? more : { ...live.view.data, ...more } };
          const { outcome, ...rest } = resolve(sent, live, { ...options, isPart });
          // Whatever passes, the API server takes as well.
          if (outcome === "resolved") expect(hidden + bytes).to.be.at.most(1024 * 1024);
          return { outcome, field: "field" in rest ? rest.field : "" };
        });
        expect(a).to.deep.equal(b);
      }),
      { numRuns: 50 },
    );
  });

  it("is no way to count an annotation that is not shown", () => {
    const id = "3f0a8b0e-7d0b-4f7e-9c63-2f5d3c1f7a11";
    const lengths = fc.integer({ min: 1, max: 60_000 });
    fc.assert(
      fc.property(lengths, lengths, fc.integer({ min: 0, max: 262_144 }), (one, other, bytes) => {
        const [a, b] = [one, other].map((hidden) => {
          const annotations = { [LAST_APPLIED]: "x".repeat(hidden) };
          const live = liveOf(secretOf({ key: Buffer.from("some value") }, { uid: id, annotations }));
          const metadata = { ...live.view.metadata, annotations: { note: "y".repeat(bytes) } };
          return resolve({ ...sentOf(live.view), metadata }, live, options).outcome;
        });
        expect(a).to.equal(b);
      }),
      { numRuns: 50 },
    );
  });
});

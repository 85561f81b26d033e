import { createHash } from "node:crypto";
import { expect } from "chai";
import { payloadDigest, SALT_BYTES, sealPayload, unsealPayload } from "#core/log/payload.ts";

describe("a payload as it is kept", () => {
  const payload = Buffer.from("payload");
  const sealed = sealPayload(Buffer.alloc(SALT_BYTES, 1), payload);

  it("is the payload behind its salt", () => {
    expect(unsealPayload(sealed)).to.deep.equal(payload);
    expect(unsealPayload(sealed.subarray(0, SALT_BYTES))).to.deep.equal(Buffer.alloc(0));
    expect(unsealPayload(sealed.subarray(0, SALT_BYTES - 1))).to.equal(undefined);
  });

  it("has a digest that says nothing of an equal payload elsewhere", () => {
    expect(payloadDigest(sealed)).to.deep.equal(createHash("sha256").update(sealed).digest());
    expect(payloadDigest(sealPayload(Buffer.alloc(SALT_BYTES, 2), payload))).to.not.deep.equal(
      payloadDigest(sealed),
    );
  });

  it("has all of its salt", () => {
    expect(() => sealPayload(Buffer.alloc(SALT_BYTES - 1), payload)).to.throw(RangeError);
  });
});

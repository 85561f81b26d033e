import { createHmac } from "node:crypto";
import { expect } from "chai";
import fc from "fast-check";
import { hmacSha256 } from "#core/secrets/hmac.ts";

describe("HMAC-SHA-256", () => {
  const contents = fc.oneof(
    fc.uint8Array({ maxLength: 200 }),
    fc.integer({ min: 3900, max: 4200 }).map((length) => new Uint8Array(length).fill(length)),
  );

  it("is what Node's own is, for keys and messages of any length, one after the other", () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 64 }),
        fc.array(fc.tuple(fc.string({ unit: "grapheme" }), contents)),
        (key, messages) => {
          const hmac = hmacSha256(key);
          for (const [head, content] of messages) {
            const expected = createHmac("sha256", key).update(head).update(content).digest("base64url");
            expect(hmac(head, content)).to.equal(expected);
          }
        },
      ),
    );
  });

  it("of a megabyte too", () => {
    const content = Buffer.alloc(1024 * 1024, "x");
    const expected = createHmac("sha256", "key").update("head").update(content).digest("base64url");
    expect(hmacSha256(Buffer.from("key"))("head", content)).to.equal(expected);
  });
});

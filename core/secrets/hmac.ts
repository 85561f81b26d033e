/** HMAC-SHA-256 (RFC 2104) of short messages: Node's own makes objects for each, which takes twice as long. */
import { hash } from "node:crypto";

const BLOCK = 64;
const DIGEST = 32;
/** Longer messages are put together anew. */
const ROOM = 4096;

/** Of `head` (UTF-8) followed by `content`, as base64url. @param key of at most 64 bytes. */
export function hmacSha256(key: Uint8Array): (head: string, content: Uint8Array) => string {
  const inner = Buffer.alloc(BLOCK + ROOM, 0x36);
  const outer = Buffer.alloc(BLOCK + DIGEST, 0x5c);
  for (const [at, byte] of key.entries()) {
    inner[at] = byte ^ 0x36;
    outer[at] = byte ^ 0x5c;
  }
  return (head, content) => {
    const begin = BLOCK + Buffer.byteLength(head);
    const end = begin + content.length;
    let message = inner.subarray(0, end);
    if (end <= inner.length) {
      inner.write(head, BLOCK);
      inner.set(content, begin);
    } else message = Buffer.concat([inner.subarray(0, BLOCK), Buffer.from(head), content]);
    outer.write(hash("sha256", message), BLOCK, "hex");
    return hash("sha256", outer, "base64url");
  };
}

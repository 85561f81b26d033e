/**
 * Payloads lie beside the log, and their entries have their digests. A payload is kept behind a random salt: once
 * both are erased, the digest that stays says nothing about it, however easy it would be to guess.
 */
import { sha256 } from "./hash.ts";

export const SALT_BYTES = 32;

/** As it is kept. @param salt SALT_BYTES random bytes, of this payload alone. */
export function sealPayload(salt: Uint8Array, payload: Uint8Array): Buffer {
  if (salt.length !== SALT_BYTES) throw new RangeError(`a salt has ${SALT_BYTES} bytes`);
  return Buffer.concat([salt, payload]);
}

/** What its entry says about a payload as it is kept: SHA-256. */
export function payloadDigest(sealed: Uint8Array): Buffer {
  return sha256(sealed);
}

/** The payload; undefined for what sealPayload does not write. */
export function unsealPayload(sealed: Uint8Array): Buffer | undefined {
  return sealed.length < SALT_BYTES ? undefined : Buffer.from(sealed).subarray(SALT_BYTES);
}

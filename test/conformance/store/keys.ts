/** Who signs the ledgers of these tests, and whom to believe about them. */
import type { LogKeys } from "#core/log/appender.ts";
import type { Trust } from "#core/log/checkpoint.ts";
import { formatSigner, parseSigner, parseVerifierKey } from "#core/log/keys.ts";

export const ORIGIN = "example.com/log";
const SIGNER = formatSigner(ORIGIN, Buffer.alloc(32, 7));
export const KEYS: LogKeys = { origin: ORIGIN, signers: [SIGNER] };
export const TRUST: Trust = { origin: ORIGIN, keys: [parseVerifierKey(parseSigner(SIGNER).verifierKey)] };

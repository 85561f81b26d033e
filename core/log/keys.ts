/** The keys of signed notes (https://c2sp.org/signed-note, https://c2sp.org/tlog-cosignature), all of Ed25519. */
import { createPrivateKey, createPublicKey, type KeyObject, sign, verify } from "node:crypto";
import { sha256 } from "./hash.ts";

/** `log` signs the note's text; `witness` signs it with the time at which it saw it. */
export type KeyKind = "log" | "witness";

export interface VerifierKey {
  readonly kind: KeyKind;
  readonly name: string;
  /** Eight hexadecimal digits; with the name it tells which key signed. It is no fingerprint. */
  readonly id: string;
  /** Whether those are the signature's bytes, after the key's id, of that text. */
  readonly verifies: (text: Buffer, signature: Buffer) => boolean;
}

export interface Signer {
  readonly name: string;
  readonly id: string;
  /** What verifies this one's signatures, in the form that parseVerifierKey reads. */
  readonly verifierKey: string;
  readonly sign: (text: Buffer) => Buffer;
}

const TYPES: Readonly<Record<KeyKind, number>> = { log: 0x01, witness: 0x04 };
const KINDS: ReadonlyMap<number, KeyKind> = new Map([
  [TYPES.log, "log"],
  [TYPES.witness, "witness"],
]);

const KEY_BYTES = 32;
const SIGNATURE_BYTES = 64;
const TIME_BYTES = 8;
const LARGEST_TIME = 2n ** 63n - 1n;
// What DER puts before the 32 bytes of a public and of a private Ed25519 key.
const SPKI = Buffer.from("302a300506032b6570032100", "hex");
const PKCS8 = Buffer.from("302e020100300506032b657004220420", "hex");

const NAME = /^[^\p{White_Space}\p{Cc}+]+$/u;
const KEY = /^(?<name>[^+]+)\+(?<id>[0-9a-f]{8})\+(?<data>[A-Za-z0-9+/]+={0,2})$/u;
const PRIVATE = "PRIVATE+KEY+";

export function isKeyName(name: string): boolean {
  return NAME.test(name) && name.isWellFormed();
}

/** `name+id+base64`. @throws SyntaxError for anything that is not exactly so, or whose id is another key's. */
export function parseVerifierKey(text: string): VerifierKey {
  const { kind, name, id, key } = parseKey(text, (data) => data);
  const publicKey = createPublicKey({ key: Buffer.concat([SPKI, key]), format: "der", type: "spki" });
  return { kind, name, id, verifies: VERIFY[kind](publicKey) };
}

/**
 * `PRIVATE+KEY+name+id+base64`, as Go's note package writes it. Witnesses' keys need a time: see witnessSigner.
 * @throws SyntaxError that does not quote the key.
 */
export function parseSigner(text: string): Signer {
  if (!text.startsWith(PRIVATE)) throw new SyntaxError("not a signer's key");
  const { kind, name, id, key } = parseKey(text.slice(PRIVATE.length), publicFromSeed);
  const signer = signerFromSeed(name, key);
  if (kind !== "log" || signer.id !== id) throw new SyntaxError("not a log's key");
  return signer;
}

/** A log's key. @param seed 32 random bytes: they are the secret. */
export function signerFromSeed(name: string, seed: Uint8Array): Signer {
  const privateKey = privateFromSeed(seed);
  return { ...identity("log", name, seed), sign: (text) => sign(null, text, privateKey) };
}

/** The text that parseSigner reads. Whoever has it can sign. */
export function formatSigner(name: string, seed: Uint8Array): string {
  return PRIVATE + formatKey("log", name, publicFromSeed(Buffer.from(seed)), Buffer.from(seed));
}

/** A witness' key. @param now seconds since 1970, asked at each signature. */
export function witnessSigner(name: string, seed: Uint8Array, now: () => number): Signer {
  const privateKey = privateFromSeed(seed);
  const signed = (text: Buffer): Buffer => {
    const time = Buffer.alloc(TIME_BYTES);
    time.writeBigUInt64BE(BigInt(now()));
    return Buffer.concat([time, sign(null, witnessed(text, time), privateKey)]);
  };
  return { ...identity("witness", name, seed), sign: signed };
}

function identity(kind: KeyKind, name: string, seed: Uint8Array) {
  const publicKey = publicFromSeed(Buffer.from(seed));
  return { name, id: keyId(name, kind, publicKey), verifierKey: formatKey(kind, name, publicKey, publicKey) };
}

const VERIFY: Readonly<Record<KeyKind, (key: KeyObject) => VerifierKey["verifies"]>> = {
  log: (key) => (text, signature) =>
    signature.length === SIGNATURE_BYTES && verify(null, text, key, signature),
  witness: (key) => (text, signature) => {
    if (signature.length !== TIME_BYTES + SIGNATURE_BYTES) return false;
    const time = signature.subarray(0, TIME_BYTES);
    if (time.readBigUInt64BE() > LARGEST_TIME) return false;
    return verify(null, witnessed(text, time), key, signature.subarray(TIME_BYTES));
  },
};

function witnessed(text: Buffer, time: Buffer): Buffer {
  return Buffer.concat([Buffer.from(`cosignature/v1\ntime ${time.readBigUInt64BE()}\n`), text]);
}

interface ParsedKey {
  readonly kind: KeyKind;
  readonly name: string;
  readonly id: string;
  readonly key: Buffer;
}

function parseKey(text: string, publicKeyOf: (key: Buffer) => Buffer): ParsedKey {
  const { name = "", id = "", data: base64 = "" } = KEY.exec(text)?.groups ?? {};
  const data = Buffer.from(base64, "base64");
  const kind = KINDS.get(data[0] ?? 0);
  const key = data.subarray(1);
  if (!isKeyName(name) || data.toString("base64") !== base64) throw new SyntaxError("not a key of notes");
  if (kind === undefined || key.length !== KEY_BYTES) throw new SyntaxError("not an Ed25519 key of notes");
  if (keyId(name, kind, publicKeyOf(key)) !== id) throw new SyntaxError("the key's id is not of that key");
  return { kind, name, id, key };
}

function formatKey(kind: KeyKind, name: string, publicKey: Buffer, key: Buffer): string {
  if (!isKeyName(name)) throw new RangeError("a key's name has no spaces, control characters or plus signs");
  const data = Buffer.concat([Buffer.of(TYPES[kind]), key]);
  return `${name}+${keyId(name, kind, publicKey)}+${data.toString("base64")}`;
}

function keyId(name: string, kind: KeyKind, publicKey: Buffer): string {
  const hash = sha256(Buffer.concat([Buffer.from(`${name}\n`), Buffer.of(TYPES[kind]), publicKey]));
  return hash.toString("hex", 0, 4);
}

function privateFromSeed(seed: Uint8Array): KeyObject {
  if (seed.length !== KEY_BYTES) throw new RangeError(`a seed has ${KEY_BYTES} bytes`);
  return createPrivateKey({ key: Buffer.concat([PKCS8, seed]), format: "der", type: "pkcs8" });
}

function publicFromSeed(seed: Buffer): Buffer {
  return createPublicKey(privateFromSeed(seed)).export({ format: "der", type: "spki" }).subarray(SPKI.length);
}

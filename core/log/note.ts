/** Signed notes: https://c2sp.org/signed-note. */
import { isKeyName, type Signer, type VerifierKey } from "./keys.ts";

const ID_BYTES = 4;
/** Signing is cheap to ask for and checking is not. */
const MAX_SIGNATURES = 100;
const MAX_NOTE_BYTES = 1_000_000;

export type OpenedNote =
  | { readonly kind: "opened"; readonly text: string; readonly signedBy: readonly VerifierKey[] }
  | { readonly kind: "malformed" | "forged" | "unsigned"; readonly reason: string };

interface Signature {
  readonly name: string;
  readonly id: string;
  readonly bytes: Buffer;
}

/** @throws RangeError for a text that is not lines, or that has control characters. */
export function signNote(text: string, signers: readonly Signer[]): string {
  if (!text.endsWith("\n") || !isNoteText(text)) throw new RangeError("a note's text is lines of characters");
  const bytes = Buffer.from(text);
  const lines = signers.map(({ name, id, sign }) => {
    const signature = Buffer.concat([Buffer.from(id, "hex"), sign(bytes)]);
    return `— ${name} ${signature.toString("base64")}\n`;
  });
  return `${text}\n${lines.join("")}`;
}

/**
 * The note's text, and whose of the keys have signed it: one at least.
 * Signatures of other keys are passed over; a wrong or a second one of a known key is a forgery.
 */
export function openNote(note: Uint8Array, keys: readonly VerifierKey[]): OpenedNote {
  const parsed = parseNote(note);
  if (typeof parsed === "string") return { kind: "malformed", reason: parsed };
  const text = Buffer.from(parsed.text);
  const signedBy: VerifierKey[] = [];
  for (const { name, id, bytes } of parsed.signatures) {
    const known = keys.filter((key) => key.name === name && key.id === id);
    const key = known.find(({ verifies }) => verifies(text, bytes));
    if (known.length === 0) continue;
    if (key === undefined) return { kind: "forged", reason: `the signature of ${name}+${id} is wrong` };
    if (signedBy.includes(key)) return { kind: "forged", reason: `${name}+${id} has signed twice` };
    signedBy.push(key);
  }
  return signedBy.length === 0
    ? { kind: "unsigned", reason: "no known key has signed it" }
    : { kind: "opened", text: parsed.text, signedBy };
}

function parseNote(note: Uint8Array): { text: string; signatures: Signature[] } | string {
  if (note.length > MAX_NOTE_BYTES) return `longer than ${MAX_NOTE_BYTES} bytes`;
  const whole = decodeUtf8(note);
  if (whole === undefined || !isNoteText(whole)) return "not text";
  const split = whole.lastIndexOf("\n\n");
  if (split < 0 || !whole.endsWith("\n")) return "without signature lines";
  const lines = whole.slice(split + 2, -1).split("\n");
  if (lines.length > MAX_SIGNATURES) return `more than ${MAX_SIGNATURES} signatures`;
  const signatures: Signature[] = [];
  for (const line of lines) {
    const signature = parseSignature(line);
    if (signature === undefined) return "a signature line that is none";
    signatures.push(signature);
  }
  return { text: whole.slice(0, split + 1), signatures };
}

function parseSignature(line: string): Signature | undefined {
  const [dash, name = "", base64 = "", ...rest] = line.split(" ");
  const bytes = Buffer.from(base64, "base64");
  if (dash !== "—" || !isKeyName(name) || rest.length > 0) return undefined;
  // Node decodes what is nearly Base64: only the one way to write these bytes may pass.
  if (bytes.length <= ID_BYTES || bytes.toString("base64") !== base64) return undefined;
  return { name, id: bytes.toString("hex", 0, ID_BYTES), bytes: bytes.subarray(ID_BYTES) };
}

/** No control characters below U+0020 but newlines. */
function isNoteText(text: string): boolean {
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code < 0x20 && code !== 0x0a) return false;
  }
  return text.isWellFormed();
}

function decodeUtf8(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

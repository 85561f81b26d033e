/** Entry bundles: entries one after another, each behind its length as a big-endian uint16. */
import { MAX_ENTRY_BYTES } from "./hash.ts";

const PREFIX_BYTES = 2;

/** @throws RangeError for an entry longer than the prefix can say. */
export function encodeBundle(entries: readonly Uint8Array[]): Buffer {
  return Buffer.concat(entries.flatMap((entry) => [prefix(entry.length), entry]));
}

function prefix(length: number): Buffer {
  if (length > MAX_ENTRY_BYTES)
    throw new RangeError(`an entry of ${length} bytes is longer than ${MAX_ENTRY_BYTES}`);
  const bytes = Buffer.alloc(PREFIX_BYTES);
  bytes.writeUInt16BE(length);
  return bytes;
}

/** The entries, as views; undefined where the bytes end within an entry or its length. */
export function decodeBundle(bytes: Uint8Array): Buffer[] | undefined {
  const bundle = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const entries: Buffer[] = [];
  for (let at = 0; at < bundle.length; ) {
    if (at + PREFIX_BYTES > bundle.length) return undefined;
    const end = at + PREFIX_BYTES + bundle.readUInt16BE(at);
    if (end > bundle.length) return undefined;
    entries.push(bundle.subarray(at + PREFIX_BYTES, end));
    at = end;
  }
  return entries;
}

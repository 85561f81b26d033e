/** WebSocket frames (RFC 6455), as far as two ends need them that agreed on no extension. */
import { joined } from "../joined.ts";

export interface Frame {
  fin: boolean;
  /** 0 continuation, 1 text, 2 binary, 8 close, 9 ping, 10 pong. */
  opcode: number;
  payload: Buffer;
}

/** A frame that has come whole. */
export interface WholeFrame extends Frame {
  /** All of it, as it came. */
  raw: Buffer;
}

/** Continuation, text, binary, close, ping, pong. Servers that are lenient take others for data. */
const OPCODES: ReadonlySet<number> = new Set([0, 1, 2, 8, 9, 10]);

/** The stream is none of frames, or one is too large. */
class BadFrame extends Error {}

/** Clients and the API server send 32 KiB at most. */
const LARGEST = 1024 * 1024;
const MOST_PARTS = 256;

/** Takes bytes as they come and gives the frames that are whole. Payloads are unmasked. */
export class FrameReader {
  #parts: Buffer[] = [];
  #size = 0;
  /** So many bytes must be there before there is anything to be read. */
  #needed = 2;

  push(bytes: Buffer): WholeFrame[] {
    this.#parts.push(bytes);
    this.#size += bytes.length;
    if (this.#size < this.#needed) {
      // Who sends byte by byte is not to take hundreds for each.
      if (this.#parts.length > MOST_PARTS) this.#parts = [joined(this.#parts)];
      return [];
    }
    let held = joined(this.#parts);
    const frames: WholeFrame[] = [];
    for (;;) {
      const next = frameAt(held);
      if ("needed" in next) {
        // By itself: the rest of what came with it must not stay in memory.
        this.#parts = held.length === 0 ? [] : [Buffer.from(held)];
        this.#size = held.length;
        this.#needed = next.needed;
        return frames;
      }
      frames.push(next.frame);
      held = held.subarray(next.length);
    }
  }
}

function frameAt(held: Buffer): { frame: WholeFrame; length: number } | { needed: number } {
  if (held.length < 2) return { needed: 2 };
  const first = held.readUInt8(0);
  const second = held.readUInt8(1);
  if ((first & 0x70) !== 0) throw new BadFrame("a frame uses an extension");
  if (!OPCODES.has(first & 0x0f)) throw new BadFrame("a frame is of no kind");
  const isMasked = (second & 0x80) !== 0;
  const short = second & 0x7f;
  const extended = short === 126 ? 2 : short === 127 ? 8 : 0;
  const head = 2 + extended + (isMasked ? 4 : 0);
  if (held.length < head) return { needed: head };
  const length =
    extended === 0 ? short : extended === 2 ? held.readUInt16BE(2) : Number(held.readBigUInt64BE(2));
  if (length > LARGEST) throw new BadFrame("a frame is too large");
  if (held.length < head + length) return { needed: head + length };
  const said = held.subarray(head, head + length);
  const payload = isMasked ? unmasked(said, held.subarray(head - 4, head)) : said;
  const raw = held.subarray(0, head + length);
  return { frame: { fin: (first & 0x80) !== 0, opcode: first & 0x0f, payload, raw }, length: raw.length };
}

function unmasked(said: Buffer, key: Buffer): Buffer {
  const payload = Buffer.from(said);
  for (let at = 0; at < payload.length; at++) payload[at] = (payload[at] ?? 0) ^ (key[at & 3] ?? 0);
  return payload;
}

/** As a server sends it: not masked. */
export function frameBytes({ fin, opcode, payload }: Frame): Buffer {
  const { length } = payload;
  const head = Buffer.alloc(length < 126 ? 2 : length < 0x10000 ? 4 : 10);
  head.writeUInt8((fin ? 0x80 : 0) | opcode, 0);
  if (length < 126) head.writeUInt8(length, 1);
  else if (length < 0x10000) {
    head.writeUInt8(126, 1);
    head.writeUInt16BE(length, 2);
  } else {
    head.writeUInt8(127, 1);
    head.writeBigUInt64BE(BigInt(length), 2);
  }
  return Buffer.concat([head, payload]);
}

/** Why a connection ends, as browsers name it: as it has to, for the server goes, by what is allowed, by a failure. */
export type CloseCode = 1000 | 1001 | 1008 | 1011;

/** A reason is so long, and its code two bytes. */
const LONGEST_REASON = 123;

export function closeBytes(code: CloseCode, reason: string): Buffer {
  const payload = Buffer.alloc(2 + LONGEST_REASON);
  payload.writeUInt16BE(code, 0);
  // Whole characters.
  const { written } = new TextEncoder().encodeInto(reason, payload.subarray(2));
  return frameBytes({ fin: true, opcode: 8, payload: payload.subarray(0, 2 + written) });
}

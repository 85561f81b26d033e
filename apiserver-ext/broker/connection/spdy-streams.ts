/**
 * The streams of a tunnelled SPDY/3.1 connection, as far as it takes to tell its client why it ends: kubectl prints what
 * comes on the stream for errors that it has beside each connection to a port, and nothing that a WebSocket says.
 */

import { forgetOldest } from "#core/forget-oldest.ts";
import { SpdyFrames } from "./spdy-frames.ts";

const HEAD = 8;
/** Of a stream, at the beginning of what control frames about it say. */
const ID = 4;
const SYN_REPLY = 2;
const RST_STREAM = 3;
const FIN = 1;
/** Nobody has as many at once. */
const MOST = 1_000;

/** No headers, in a block that is not compressed: it fits into compressed headers wherever these have come to, but not before them. */
const NO_HEADERS = Buffer.from([0, 4, 0, 0xfb, 0xff, 0, 0, 0, 0]);

interface Open {
  isForErrors: boolean;
  isReplied: boolean;
}

export class SpdyStreams {
  readonly #open = new Map<number, Open>();
  readonly #frames = new SpdyFrames((_frame, length) => Math.min(length, ID));
  #hasReplied = false;

  /** The client asks for it. */
  asked(id: number, isForErrors: boolean): void {
    this.#open.set(id, { isForErrors, isReplied: false });
    forgetOldest(this.#open, MOST);
  }

  /** What comes for the client next, cut anywhere; @returns whether a frame ends with it. */
  heard(bytes: Buffer): boolean {
    for (const { type, id, flags, content } of this.#frames.push(bytes)) {
      const stream = type !== undefined && content.length === ID ? content.readUInt32BE(0) & 0x7fffffff : id;
      this.#frame(type, stream, (flags & FIN) !== 0);
    }
    return this.#frames.isWhole;
  }

  /** Says it to all who wait for something, between two frames; empty: there is nobody. */
  ending(why: string): Buffer {
    const all = [...this.#open].filter(([, { isReplied }]) => isReplied || this.#hasReplied);
    const replies = all
      .filter(([, { isReplied }]) => !isReplied)
      .map(([id]) => control(SYN_REPLY, id, NO_HEADERS));
    const errors = all.filter(([, one]) => one.isForErrors).map(([id]) => last(id, Buffer.from(why)));
    const others = all.filter(([, one]) => !one.isForErrors).map(([id]) => last(id, Buffer.alloc(0)));
    return Buffer.concat([...replies, ...errors, ...others]);
  }

  /** @param type undefined: it is data. */
  #frame(type: number | undefined, id: number, isLast: boolean): void {
    const stream = this.#open.get(id);
    if (type === SYN_REPLY) {
      this.#hasReplied = true;
      if (stream !== undefined) stream.isReplied = true;
    }
    const isOver = type === RST_STREAM || (isLast && (type === undefined || type === SYN_REPLY));
    if (isOver) this.#open.delete(id);
  }
}

function control(type: number, id: number, content: Buffer): Buffer {
  const head = Buffer.alloc(HEAD + 4);
  head.writeUInt16BE(0x8003, 0);
  head.writeUInt16BE(type, 2);
  head.writeUIntBE(4 + content.length, 5, 3);
  head.writeUInt32BE(id, HEAD);
  return Buffer.concat([head, content]);
}

/** Data after which none comes. */
function last(id: number, content: Buffer): Buffer {
  const head = Buffer.alloc(HEAD);
  head.writeUInt32BE(id, 0);
  head.writeUInt8(FIN, 4);
  head.writeUIntBE(content.length, 5, 3);
  return Buffer.concat([head, content]);
}

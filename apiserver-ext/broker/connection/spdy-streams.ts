/**
 * The streams of a tunnelled SPDY/3.1 connection, as far as it takes to tell its client why it ends: kubectl prints what
 * comes on the stream for errors that it has beside each connection to a port, and nothing that a WebSocket says.
 */

const HEAD = 8;
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
  #held: Buffer = Buffer.alloc(0);
  /** So many bytes of the frame that has begun say nothing. */
  #passing = 0;
  #hasReplied = false;

  /** The client asks for it. */
  asked(id: number, isForErrors: boolean): void {
    this.#open.set(id, { isForErrors, isReplied: false });
    for (const oldest of this.#open.keys()) {
      if (this.#open.size <= MOST) break;
      this.#open.delete(oldest);
    }
  }

  /** What comes for the client next, cut anywhere; @returns whether a frame ends with it. */
  heard(bytes: Buffer): boolean {
    let rest = this.#held.length === 0 ? bytes : Buffer.concat([this.#held, bytes]);
    for (;;) {
      const passed = Math.min(this.#passing, rest.length);
      this.#passing -= passed;
      rest = rest.subarray(passed);
      if (rest.length < HEAD) break;
      const isControl = (rest.readUInt8(0) & 0x80) !== 0;
      const length = rest.readUIntBE(5, 3);
      const isOfStream = isControl && length >= 4;
      if (isOfStream && rest.length < HEAD + 4) break;
      const id = (isOfStream ? rest.readUInt32BE(HEAD) : rest.readUInt32BE(0)) & 0x7fffffff;
      this.#frame(isControl ? rest.readUInt16BE(2) : undefined, id, (rest.readUInt8(4) & FIN) !== 0);
      this.#passing = HEAD + length;
    }
    this.#held = Buffer.from(rest);
    return rest.length === 0 && this.#passing === 0;
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

/** Frames of SPDY/3.1, out of bytes that are cut anywhere. */

const HEAD = 8;

export interface SpdyFrame {
  /** Of a control frame; undefined: it is data. */
  type: number | undefined;
  /** The stream of a data frame; of a control frame, its version stands there. */
  id: number;
  version: number;
  flags: number;
  /** As much of what follows the head as was wanted. */
  content: Buffer;
}

/** How much of a control frame's content is wanted, of so many bytes. What it throws ends the reading. */
type Wanted = (frame: Pick<SpdyFrame, "type" | "version">, length: number) => number;

export class SpdyFrames {
  readonly #wanted: Wanted;
  #held: Buffer = Buffer.alloc(0);
  /** So many bytes of the frame that has begun say nothing. */
  #passing = 0;

  constructor(wanted: Wanted) {
    this.#wanted = wanted;
  }

  /** Nothing of a frame is missing that has begun. */
  get isWhole(): boolean {
    return this.#held.length === 0 && this.#passing === 0;
  }

  /** The frames of which all that is wanted is there with these bytes. */
  push(bytes: Buffer): SpdyFrame[] {
    const frames: SpdyFrame[] = [];
    let rest = this.#held.length === 0 ? bytes : Buffer.concat([this.#held, bytes]);
    for (;;) {
      const passed = Math.min(this.#passing, rest.length);
      this.#passing -= passed;
      rest = rest.subarray(passed);
      const found = this.#frameAt(rest);
      if (found === undefined) break;
      frames.push(found);
      this.#passing = HEAD + rest.readUIntBE(5, 3);
    }
    this.#held = Buffer.from(rest);
    return frames;
  }

  #frameAt(rest: Buffer): SpdyFrame | undefined {
    if (rest.length < HEAD) return undefined;
    const [first, flags, length] = [rest.readUInt32BE(0), rest.readUInt8(4), rest.readUIntBE(5, 3)];
    const isControl = first >>> 31 === 1;
    const version = (first >>> 16) & 0x7fff;
    const type = isControl ? first & 0xffff : undefined;
    const wanted = isControl ? this.#wanted({ type, version }, length) : 0;
    if (rest.length < HEAD + wanted) return undefined;
    return { type, version, flags, id: first & 0x7fffffff, content: rest.subarray(HEAD, HEAD + wanted) };
  }
}

/**
 * Which ports of a pod a client asks for. It is said nowhere but in the SPDY/3.1 that is tunnelled: for each connection a
 * stream with its port in the headers (k8s.io/cri-streaming, portforward). Nothing is changed, and what is neither headers
 * nor a frame's head is passed over.
 */
import { SpdyHeaders } from "./spdy-headers.ts";

const HEAD = 8;
const SPDY_3 = 3;
/** A frame with headers is much shorter. */
const LONGEST_CONTROL = 16 * 1024;

/** What comes before the compressed headers, by the type of the frame: SYN_STREAM, SYN_REPLY, HEADERS. */
const BEFORE_HEADERS: ReadonlyMap<number, number> = new Map([
  [1, 10],
  [2, 4],
  [8, 4],
]);
const SYN_STREAM = 1;
/** RST_STREAM, SETTINGS, PING, GOAWAY, WINDOW_UPDATE. */
const OTHERS: ReadonlySet<number> = new Set([3, 4, 6, 7, 9]);

export class ForwardedPorts {
  readonly #headers = new SpdyHeaders();
  readonly #asked: (stream: number, isForErrors: boolean) => void;
  #held: Buffer = Buffer.alloc(0);
  /** So many bytes of the frame that has begun say nothing. */
  #passing = 0;

  /** @param asked is told of each stream. */
  constructor(asked: (stream: number, isForErrors: boolean) => void = () => {}) {
    this.#asked = asked;
  }

  /**
   * What the client sends next, cut anywhere; @returns the port of each connection that begins in it. Rejects where that
   * cannot be told for certain: then nothing of it may go on.
   */
  async push(bytes: Buffer): Promise<number[]> {
    const ports: number[] = [];
    let rest = this.#held.length === 0 ? bytes : Buffer.concat([this.#held, bytes]);
    for (;;) {
      const passed = Math.min(this.#passing, rest.length);
      this.#passing -= passed;
      rest = rest.subarray(passed);
      if (rest.length < HEAD) break;
      const isControl = (rest.readUInt8(0) & 0x80) !== 0;
      const length = rest.readUIntBE(5, 3);
      if (isControl) checkControl(rest, length);
      if (isControl && rest.length < HEAD + length) break;
      if (isControl) {
        const port = await this.#portIn(rest.readUInt16BE(2), rest.subarray(HEAD, HEAD + length));
        if (port !== undefined) ports.push(port);
      }
      this.#passing = HEAD + length;
    }
    this.#held = Buffer.from(rest);
    return ports;
  }

  close(): void {
    this.#headers.close();
  }

  /** Of a stream that carries what is forwarded; beside each there is one for errors. */
  async #portIn(type: number, content: Buffer): Promise<number | undefined> {
    const before = BEFORE_HEADERS.get(type);
    if (before === undefined) return undefined;
    if (content.length < before) throw new Error("a frame is cut short");
    // All of them, whatever they are about: each is compressed by those before it.
    const headers = await this.#headers.read(content.subarray(before));
    if (type !== SYN_STREAM) return undefined;
    const port = headers.get("port") ?? "";
    if (!/^[1-9]\d{0,4}$/.test(port) || Number(port) > 65535) throw new Error("a stream is of no port");
    const isForErrors = headers.get("streamtype") === "error";
    this.#asked(content.readUInt32BE(0) & 0x7fffffff, isForErrors);
    return isForErrors ? undefined : Number(port);
  }
}

function checkControl(head: Buffer, length: number): void {
  const [version, type] = [head.readUInt16BE(0) & 0x7fff, head.readUInt16BE(2)];
  if (version !== SPDY_3 || !(BEFORE_HEADERS.has(type) || OTHERS.has(type)))
    throw new Error("a frame is none of SPDY/3.1");
  if (length > LONGEST_CONTROL) throw new Error("a frame is too long");
}

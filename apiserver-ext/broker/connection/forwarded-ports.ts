/**
 * Which ports of a pod a client asks for. It is said nowhere but in the SPDY/3.1 that is tunnelled: for each connection a
 * stream with its port in the headers (k8s.io/cri-streaming, portforward). Nothing is changed, and what is neither headers
 * nor a frame's head is passed over.
 */
import { type SpdyFrame, SpdyFrames } from "./spdy-frames.ts";
import { SpdyHeaders } from "./spdy-headers.ts";

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
  readonly #frames = new SpdyFrames(checkedLength);

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
    for (const { type, content } of this.#frames.push(bytes)) {
      const port = type === undefined ? undefined : await this.#portIn(type, content);
      if (port !== undefined) ports.push(port);
    }
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

/** All of each: of some, the headers are read. */
function checkedLength({ type = 0, version }: Pick<SpdyFrame, "type" | "version">, length: number): number {
  if (version !== SPDY_3 || !(BEFORE_HEADERS.has(type) || OTHERS.has(type)))
    throw new Error("a frame is none of SPDY/3.1");
  if (length > LONGEST_CONTROL) throw new Error("a frame is too long");
  return length;
}

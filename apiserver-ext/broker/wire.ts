/** The two ends of an upgraded connection: every frame is read, recorded, and passed on. */
import { createHash } from "node:crypto";
import { once } from "node:events";
import type { Duplex } from "node:stream";
import type { JsonObject } from "#core/admission.ts";
import { type KnownValues, ValueScanner } from "#core/mask/values.ts";
import type { BrokerCall } from "./call.ts";
import { type Frame, FrameReader, frameBytes } from "./frames.ts";
import type { BrokerPorts } from "./ports.ts";

interface End {
  socket: Duplex;
  head: Buffer;
}

/** Resolves when either end is closed, or the signal aborts: then both are. */
export async function pumped(
  ports: BrokerPorts,
  call: BrokerCall,
  known: KnownValues,
  here: End,
  there: End,
): Promise<void> {
  const { signal, record } = call;
  const tape = new Tape(ports, call);
  const cut = () => {
    here.socket.destroy();
    there.socket.destroy();
  };
  signal.addEventListener("abort", cut, { once: true });
  if (signal.aborted) cut();
  const fromClient = new FrameReader();
  const fromPod = new FrameReader();
  const inward = pass(here, there.socket, async (bytes) => {
    for (const { opcode, payload } of fromClient.push(bytes))
      if (opcode <= 2) await tape.heard("in", payload);
    return bytes;
  });
  const channels = new Channels(known);
  const outward = pass(there, here.socket, async (bytes) => {
    const out: Buffer[] = [];
    for (const frame of fromPod.push(bytes))
      for (const shown of channels.shown(frame)) {
        if (shown.opcode <= 2) await tape.heard("out", shown.payload);
        out.push(frameBytes(shown));
      }
    return Buffer.concat(out);
  });
  try {
    await Promise.race([inward, outward]);
  } finally {
    // What was on its way to the client still gets there, unless the session is over.
    if (!signal.aborted) await Promise.race([outward, inward]).catch(() => {});
    signal.removeEventListener("abort", cut);
    there.socket.destroy();
    if (signal.aborted) here.socket.destroy();
    await record.response(await tape.end());
  }
}

/** Resolves when the source has ended and all of it is written. Never rejects: who breaks off has gone. */
async function pass(from: End, to: Duplex, through: (bytes: Buffer) => Promise<Buffer>): Promise<void> {
  try {
    if (from.head.length > 0) to.write(await through(from.head));
    for await (const chunk of from.socket as AsyncIterable<Buffer>) {
      const bytes = await through(chunk);
      if (bytes.length > 0 && !to.write(bytes)) await Promise.race([once(to, "drain"), once(to, "close")]);
    }
    to.end();
  } catch {
    to.destroy();
  }
}

const CLOSE = 8;
/** What programs write; the others are the client's own, and how it ended. */
const OUTPUT = [1, 2];

/** What comes out of a pod by several channels, each a stream of its own. */
class Channels {
  readonly #scanners: ReadonlyMap<number, ValueScanner>;
  #channel = 0;

  constructor(known: KnownValues) {
    this.#scanners = new Map(OUTPUT.map((channel) => [channel, new ValueScanner(known)]));
  }

  /** What may be shown of it; before the end, what was held back. */
  shown(frame: Frame): Frame[] {
    const { opcode, payload } = frame;
    if (opcode === CLOSE) return [...this.#rest(), frame];
    if (opcode > 2) return [frame];
    const isFirst = opcode !== 0;
    if (isFirst) this.#channel = payload[0] ?? 0;
    const scanner = this.#scanners.get(this.#channel);
    // How a command ended is said last: whoever reads that reads no more.
    if (scanner === undefined) return [...(this.#channel === 3 ? this.#rest() : []), frame];
    const shown = scanner.push(isFirst ? payload.subarray(1) : payload);
    return [{ ...frame, payload: isFirst ? Buffer.concat([payload.subarray(0, 1), shown]) : shown }];
  }

  #rest(): Frame[] {
    return [...this.#scanners].flatMap(([channel, scanner]) => {
      const rest = scanner.end();
      const payload = Buffer.concat([Buffer.of(channel), rest]);
      return rest.length === 0 ? [] : [{ fin: true, opcode: 2, payload }];
    });
  }
}

/** So much is kept in memory before it is written. */
const REEL = 32 * 1024;

/** What went to and fro, with its times, written in parts. */
class Tape {
  readonly #ports: BrokerPorts;
  readonly #call: BrokerCall;
  readonly #hash = createHash("sha256");
  readonly #began: number;
  #reel: JsonObject[] = [];
  #size = 0;
  #bytes = 0;

  constructor(ports: BrokerPorts, call: BrokerCall) {
    this.#ports = ports;
    this.#call = call;
    this.#began = ports.clock.now();
  }

  async heard(direction: "in" | "out", payload: Buffer): Promise<void> {
    const [channel = 0] = payload;
    const data = payload.subarray(1);
    if (data.length === 0) return;
    this.#hash.update(data);
    this.#bytes += data.length;
    this.#size += data.length;
    const at = Math.round(this.#ports.clock.now() - this.#began);
    this.#reel.push({ at, direction, channel, data: data.toString("base64") });
    if (this.#size >= REEL) await this.#write();
  }

  async end() {
    await this.#write().catch((error: unknown) =>
      this.#ports.log.error({ err: error }, "a part of a connection could not be recorded"),
    );
    return { code: 101, bytes: this.#bytes, sha256: this.#hash.digest("hex") };
  }

  async #write(): Promise<void> {
    if (this.#reel.length === 0) return;
    const chunks = this.#reel;
    this.#reel = [];
    this.#size = 0;
    await this.#call.record.part({ chunks });
  }
}

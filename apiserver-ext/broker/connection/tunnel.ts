/**
 * Forwarded ports: which, how much goes each way, its hash, and when. What it says is none of a kind that could be masked.
 * Where it cannot be told which ports are meant, the connection ends.
 */
import { createHash, type Hash } from "node:crypto";
import type { JsonObject } from "#core/admission.ts";
import { type Reason, StatusError } from "#kit/status.ts";
import { Parts, type PartsPorts } from "../record/parts.ts";
import { ForwardedPorts } from "./forwarded-ports.ts";
import { type CloseCode, closeBytes, type Frame, FrameReader, frameBytes } from "./frames.ts";
import { SpdyStreams } from "./spdy-streams.ts";
import type { LastWords, Through } from "./wire.ts";

/** A part of the record tells of so many milliseconds. */
const SPAN = 5_000;

type Direction = "in" | "out";

interface Count {
  bytes: number;
  hash: Hash;
}

/** Of one direction, within one part. */
interface Span extends Count {
  from: number;
  to: number;
}

/** @param failed as a tape has it. @param allowed the ports that may be asked for; undefined: any. */
export function tunnel(ports: PartsPorts, failed: () => void, allowed?: readonly number[]): Through {
  const began = ports.clock.now();
  const all: Record<Direction, Count> = { in: counted(), out: counted() };
  const spans = new Map<Direction, Span>();
  const client = new Told();
  const asked = new Asked(client.streams, allowed);
  const parts = new Parts(ports, {
    latest: SPAN,
    taken: () => {
      const forwarded = [...spans].map(([direction, { from, to, ...count }]) => ({
        ...{ direction, from, to },
        ...told(count),
      }));
      spans.clear();
      const part = { ...asked.taken(), ...(forwarded.length === 0 ? {} : { forwarded }) };
      return Object.keys(part).length === 0 ? undefined : part;
    },
    failed,
  });
  const counts = (direction: Direction, payload: Buffer) => {
    if (payload.length === 0) return;
    const at = Math.round(ports.clock.now() - began);
    const span = spans.get(direction) ?? { ...counted(), from: at, to: at };
    spans.set(direction, span);
    span.to = at;
    for (const count of [span, all[direction]]) {
      count.bytes += payload.length;
      count.hash.update(payload);
    }
  };
  const passed = (direction: Direction, hear: (frame: Frame) => Promise<boolean>) => {
    const reader = new FrameReader();
    const taken = async (bytes: Buffer) => {
      const frames = reader.push(bytes);
      for (const frame of frames) {
        if (frame.opcode > 2) continue;
        counts(direction, frame.payload);
        const isNew = await hear(frame);
        // Which port it is about is in the ledger before anything goes there.
        await parts.come(isNew ? "now" : "later");
      }
      return Buffer.concat(frames.map(({ raw }) => raw));
    };
    return { taken, passable: async () => {} };
  };
  const outward = passed("out", async (frame) => {
    client.heard(frame);
    return false;
  });
  return {
    inward: passed("in", ({ payload }) => asked.heard(payload)),
    outward: {
      ...outward,
      taken: async (bytes) => client.by(await outward.taken(bytes)),
      gone: (taken) => client.gone(taken),
    },
    last: (why) => client.last(why),
    async end() {
      asked.close();
      await parts.end();
      const [sent, got] = [told(all.in), told(all.out)];
      const connections = Object.fromEntries(asked.ports);
      return { code: 101, ...got, body: { in: sent, out: got, connections } };
    },
  };
}

/** The ports that the client asks for. */
class Asked {
  /** How many connections there were to each. */
  readonly ports = new Map<string, number>();
  readonly #allowed: readonly number[] | undefined;
  readonly #reader: ForwardedPorts;
  #told: number[] = [];

  constructor(streams: SpdyStreams, allowed: readonly number[] | undefined) {
    this.#allowed = allowed;
    this.#reader = new ForwardedPorts((id, isForErrors) => streams.asked(id, isForErrors));
  }

  /** Whether there is a port in it that was not asked for before. Rejects where that may not be, or cannot be told. */
  async heard(payload: Buffer): Promise<boolean> {
    const ports = await this.#reader.push(payload).catch((error: unknown) => {
      const why = error instanceof Error ? error.message : String(error);
      throw refused(`it cannot be told which ports are asked for: ${why}`);
    });
    const other = ports.find((port) => this.#allowed?.includes(port) === false);
    if (other !== undefined) throw refused(`the profile does not allow port ${other}`);
    const isNew = ports.some((port) => !this.ports.has(String(port)));
    for (const port of ports) this.ports.set(String(port), (this.ports.get(String(port)) ?? 0) + 1);
    this.#told.push(...ports);
    return isNew;
  }

  /** What was asked for since. */
  taken(): JsonObject {
    const ports = [...new Set(this.#told)];
    this.#told = [];
    return ports.length === 0 ? {} : { ports };
  }

  close(): void {
    this.#reader.close();
  }
}

function refused(why: string): StatusError {
  return new StatusError("Forbidden", why);
}

const CODES: Partial<Record<Reason, CloseCode>> = { Forbidden: 1008, ServiceUnavailable: 1001 };

/** What the client was told, and how it is told that its connection was cut. */
class Told {
  readonly streams = new SpdyStreams();
  /** Those that end in the middle of something. */
  readonly #cutShort = new WeakSet<Buffer>();
  #isWhole = true;
  #hasGoneWhole = true;

  /** On its way to the client. */
  heard({ payload, fin }: Frame): void {
    const isWhole = this.streams.heard(payload);
    this.#isWhole = isWhole && fin;
  }

  /** All that was heard by now is in it, or in what was taken before. */
  by(taken: Buffer): Buffer {
    if (!this.#isWhole) this.#cutShort.add(taken);
    return taken;
  }

  gone(taken: readonly Buffer[]): void {
    const last = taken.at(-1);
    this.#hasGoneWhole = last === undefined || !this.#cutShort.has(last);
  }

  last({ reason, message }: StatusError): LastWords {
    const close = closeBytes(CODES[reason] ?? 1011, message);
    const payload = this.#hasGoneWhole ? this.streams.ending(message) : Buffer.alloc(0);
    if (payload.length === 0) return { first: close, later: payload };
    // kubectl, told that the connection ends, would not come to print what it was told before.
    return { first: frameBytes({ fin: true, opcode: 2, payload }), later: close };
  }
}

function counted(): Count {
  return { bytes: 0, hash: createHash("sha256") };
}

function told({ bytes, hash }: Count): { bytes: number; sha256: string } & JsonObject {
  return { bytes, sha256: hash.digest("hex") };
}

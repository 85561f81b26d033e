/**
 * Forwarded ports: which, how much goes each way, its hash, and when. What it says is none of a kind that could be masked.
 * Where it cannot be told which ports are meant, the connection ends.
 */
import { createHash, type Hash } from "node:crypto";
import type { JsonObject } from "#core/admission.ts";
import { ForwardedPorts } from "./forwarded-ports.ts";
import { FrameReader } from "./frames.ts";
import { Parts, type PartsPorts } from "./record-parts.ts";
import type { Through } from "./wire.ts";

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
  const asked = new Asked(allowed);
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
    const at = Math.round(ports.clock.now() - began);
    const span = spans.get(direction) ?? { ...counted(), from: at, to: at };
    spans.set(direction, span);
    span.to = at;
    for (const count of [span, all[direction]]) {
      count.bytes += payload.length;
      count.hash.update(payload);
    }
  };
  const passed = (direction: Direction) => {
    const reader = new FrameReader();
    const taken = async (bytes: Buffer) => {
      const frames = reader.push(bytes);
      for (const { opcode, payload } of frames) {
        if (opcode > 2 || payload.length === 0) continue;
        counts(direction, payload);
        const isNew = direction === "in" && (await asked.heard(payload));
        // Which port it is about is in the ledger before anything goes there.
        await parts.come(isNew ? "now" : "later");
      }
      return Buffer.concat(frames.map(({ raw }) => raw));
    };
    return { taken, passable: async () => {} };
  };
  return {
    inward: passed("in"),
    outward: passed("out"),
    async end() {
      asked.close();
      await parts.end();
      const [sent, got] = [told(all.in), told(all.out)];
      const { ports: connections, why } = asked;
      return {
        ...{ code: 101, ...got, body: { in: sent, out: got, connections: Object.fromEntries(connections) } },
        ...(why === undefined ? {} : { message: why }),
      };
    },
  };
}

/** The ports that the client asks for. */
class Asked {
  /** How many connections there were to each. */
  readonly ports = new Map<string, number>();
  /** Why what the client says is not read any further. */
  why: string | undefined;
  readonly #allowed: readonly number[] | undefined;
  readonly #reader = new ForwardedPorts();
  #told: number[] = [];

  constructor(allowed: readonly number[] | undefined) {
    this.#allowed = allowed;
  }

  /** Whether there is a port in it that was not asked for before. Rejects where that may not be, or cannot be told. */
  async heard(payload: Buffer): Promise<boolean> {
    const ports = await this.#reader.push(payload).catch((error: unknown) => {
      const why = error instanceof Error ? error.message : String(error);
      return this.#refuse(`it cannot be told which ports are asked for: ${why}`);
    });
    const other = ports.find((port) => this.#allowed?.includes(port) === false);
    if (other !== undefined) this.#refuse(`the profile does not allow port ${other}`);
    const isNew = ports.some((port) => !this.ports.has(String(port)));
    for (const port of ports) this.ports.set(String(port), (this.ports.get(String(port)) ?? 0) + 1);
    this.#told.push(...ports);
    return isNew;
  }

  #refuse(why: string): never {
    this.why = why;
    throw new Error(why);
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

function counted(): Count {
  return { bytes: 0, hash: createHash("sha256") };
}

function told({ bytes, hash }: Count): { bytes: number; sha256: string } & JsonObject {
  return { bytes, sha256: hash.digest("hex") };
}

/** A forwarded port: how much goes each way, its hash, and when. What it says is none of a kind that could be masked. */
import { createHash, type Hash } from "node:crypto";
import type { JsonObject } from "#core/admission.ts";
import { FrameReader } from "./frames.ts";
import { Parts, type TapePorts } from "./tape.ts";
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

export function tunnel(ports: TapePorts): Through {
  const began = ports.clock.now();
  const all: Record<Direction, Count> = { in: counted(), out: counted() };
  const spans = new Map<Direction, Span>();
  const parts = new Parts(ports, SPAN, () => {
    const forwarded = [...spans].map(([direction, { from, to, ...count }]) => ({
      ...{ direction, from, to },
      ...told(count),
    }));
    spans.clear();
    return forwarded.length === 0 ? undefined : { forwarded };
  });
  const passed = (direction: Direction) => {
    const reader = new FrameReader();
    return async (bytes: Buffer) => {
      const at = Math.round(ports.clock.now() - began);
      const frames = reader.push(bytes);
      for (const { opcode, payload } of frames) {
        if (opcode > 2 || payload.length === 0) continue;
        const span = spans.get(direction) ?? { ...counted(), from: at, to: at };
        spans.set(direction, span);
        span.to = at;
        for (const count of [span, all[direction]]) {
          count.bytes += payload.length;
          count.hash.update(payload);
        }
        await parts.come(false);
      }
      return Buffer.concat(frames.map(({ raw }) => raw));
    };
  };
  return {
    inward: passed("in"),
    outward: passed("out"),
    async end() {
      await parts.end();
      const [sent, got] = [told(all.in), told(all.out)];
      return { code: 101, ...got, body: { in: sent, out: got } };
    },
  };
}

function counted(): Count {
  return { bytes: 0, hash: createHash("sha256") };
}

function told({ bytes, hash }: Count): { bytes: number; sha256: string } & JsonObject {
  return { bytes, sha256: hash.digest("hex") };
}

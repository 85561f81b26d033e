/** What goes through a command in a pod, frame by frame: what may be shown of it, and all of it on tape. */
import { StreamMask } from "#core/mask/stream.ts";
import type { KnownValues } from "#core/mask/values.ts";
import { StatusError, statusOf } from "#kit/status.ts";
import type { PartsPorts } from "../record/parts.ts";
import { Tape } from "../record/tape.ts";
import { closeBytes, type Frame, FrameReader, frameBytes } from "./frames.ts";
import type { LastWords, Through } from "./wire.ts";

const CLOSE = 8;
/** What programs read and write; the others are the client's own, and how it ended. What a client sends by theirs is on tape, too. */
const INPUT = [0, 1, 2, 3];
const OUTPUT = [1, 2];
const STATUS = 3;

/**
 * @param known the values of Secrets as of now, asked for again as time goes by.
 * @param failed as a tape has it.
 */
export async function command(
  ports: PartsPorts,
  known: () => Promise<KnownValues>,
  failed: () => void,
): Promise<Through> {
  const tape = new Tape(ports, failed);
  const first = await known();
  const [typed, shown] = [new Channels(first, INPUT), new Channels(first, OUTPUT)];
  const [fromClient, fromPod] = [new FrameReader(), new FrameReader()];
  const told = new Told();
  return {
    inward: {
      async taken(bytes) {
        typed.use(await known());
        const frames = fromClient.push(bytes);
        // The API server takes each part of a message for a message of its own. No client of its own sends any.
        if (frames.some(({ fin, opcode }) => !fin || opcode === 0))
          throw new StatusError("BadRequest", "a message comes in parts");
        // What is typed goes on as it is. Nothing that is a Secret's value lies in the ledger.
        for (const frame of frames)
          for (const { channel, payload } of typed.of(frame)) tape.hear("in", channel, payload);
        // Frames that are whole: of others nobody knows yet what they are, and some would take them as they are.
        return Buffer.concat(frames.map(({ raw }) => raw));
      },
      passable: () => tape.written(),
    },
    outward: {
      async taken(bytes) {
        shown.use(await known());
        const out: Buffer[] = [];
        const pieces = fromPod.push(bytes).flatMap((frame) => shown.of(frame));
        for (const { channel, payload, frame } of pieces) {
          tape.hear("out", channel, payload);
          out.push(frameBytes(frame));
        }
        return told.by(pieces, Buffer.concat(out));
      },
      passable: () => tape.showable(),
      gone: (taken) => told.gone(taken),
    },
    last(why) {
      const status = Buffer.from(JSON.stringify(statusOf(why)));
      if (told.isOpen) tape.hear("out", STATUS, status);
      return told.last(why.message, status);
    },
    async end() {
      for (const { channel, payload } of typed.rest()) tape.hear("in", channel, payload);
      return tape.end();
    },
  };
}

/** What the client was told of how the command ended, and how it is told that it was cut. */
class Told {
  readonly #endings = new WeakSet<Buffer>();
  #isEnded = false;
  #isInParts = false;

  /** These are in it. */
  by(pieces: readonly Piece[], taken: Buffer): Buffer {
    if (pieces.some(({ channel, frame }) => channel === STATUS || frame.opcode === CLOSE))
      this.#endings.add(taken);
    this.#isInParts ||= pieces.some(({ frame }) => !frame.fin);
    return taken;
  }

  gone(taken: readonly Buffer[]): void {
    this.#isEnded ||= taken.some((one) => this.#endings.has(one));
  }

  /** Whether it may be told by a status: once, and not in the middle of a message. */
  get isOpen(): boolean {
    return !this.#isEnded && !this.#isInParts;
  }

  last(why: string, status: Buffer): LastWords {
    const later = Buffer.alloc(0);
    if (!this.isOpen) return { first: closeBytes(this.#isEnded ? 1000 : 1008, why), later };
    const payload = Buffer.concat([Buffer.of(STATUS), status]);
    // As a command that fails: kubectl does not look at the status where the connection ends with any other code.
    const first = [frameBytes({ fin: true, opcode: 2, payload }), closeBytes(1000, why)];
    return { first: Buffer.concat(first), later };
  }
}

interface Piece {
  frame: Frame;
  /** -1: none of a channel. */
  channel: number;
  /** Without the channel's number. */
  payload: Buffer;
}

/** What comes by several channels, each a stream of its own: of some, without the values of Secrets. */
class Channels {
  readonly #masks: ReadonlyMap<number, StreamMask>;
  #channel = 0;

  constructor(known: KnownValues, scanned: readonly number[]) {
    this.#masks = new Map(scanned.map((channel) => [channel, new StreamMask(known)]));
  }

  use(known: KnownValues): void {
    for (const mask of this.#masks.values()) mask.use(known);
  }

  /** What may be shown of it; before the end, what was held back. */
  of(frame: Frame): Piece[] {
    const { opcode, payload } = frame;
    if (opcode === CLOSE) return [...this.rest(), ofNone(frame)];
    if (opcode > 2) return [ofNone(frame)];
    const isFirst = opcode !== 0;
    if (isFirst) this.#channel = payload[0] ?? 0;
    const channel = this.#channel;
    const data = isFirst ? payload.subarray(1) : payload;
    const mask = this.#masks.get(channel);
    // How a command ended is said last: whoever reads that reads no more.
    if (mask === undefined)
      return [...(channel === STATUS ? this.rest() : []), { frame, channel, payload: data }];
    const shown = mask.push(data);
    const whole = isFirst ? Buffer.concat([payload.subarray(0, 1), shown]) : shown;
    return [{ frame: { ...frame, payload: whole }, channel, payload: shown }];
  }

  rest(): Piece[] {
    return [...this.#masks].flatMap(([channel, mask]) => {
      const payload = mask.end();
      const frame = { fin: true, opcode: 2, payload: Buffer.concat([Buffer.of(channel), payload]) };
      return payload.length === 0 ? [] : [{ frame, channel, payload }];
    });
  }
}

function ofNone(frame: Frame): Piece {
  return { frame, channel: -1, payload: Buffer.alloc(0) };
}

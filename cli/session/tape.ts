/** What went through a command in a pod, as it was recorded: with its times, to be played or written as an asciicast. */
import { StringDecoder } from "node:string_decoder";
import { TerminalFilter } from "./terminal.ts";

export interface Moment {
  /** Milliseconds since the command began. */
  at: number;
  /** out: what the command wrote; in: what was typed; size: the terminal's. */
  kind: "out" | "in" | "size";
  /** Of a size, `COLUMNSxROWS`. */
  text: string;
}

/** Channels of `v5.channel.k8s.io`. */
const CHANNELS: Readonly<Record<number, Moment["kind"]>> = { 0: "in", 1: "out", 2: "out", 4: "size" };
const STATUS = 3;
const OF_POD = [1, 2, STATUS];

interface Chunk {
  at: number;
  channel: number;
  bytes: Buffer;
}

/** `parts`: records of the stream, in order. `erased`: what lay beside at least one of the records is no longer there. */
export function tapeOf(parts: readonly { payload?: unknown }[]): { moments: Moment[]; erased: boolean } {
  const decoders = new Map<number, StringDecoder>();
  const moments: Moment[] = [];
  let erased = false;
  for (const { payload } of parts) {
    const chunks = chunksIn(payload);
    if (chunks === undefined) erased = true;
    for (const chunk of chunks ?? []) {
      const moment = momentOf(chunk, decoders);
      if (moment !== undefined) moments.push(moment);
    }
  }
  return { moments, erased };
}

/** Of one record of a stream what was shown, be it a command's, a log's or a watch's; "": nothing that could be. */
export function shownIn(payload: unknown): string {
  if (payload === "erased") return "(erased)";
  if (typeof payload !== "object" || payload === null) return "";
  if ("body" in payload && typeof payload.body === "string") return payload.body;
  if ("ports" in payload && Array.isArray(payload.ports)) return `to port ${payload.ports.join(", ")}`;
  const { moments } = tapeOf([{ payload }]);
  return moments.map(({ kind, text }) => (kind === "out" ? text : "")).join("");
}

/** Of one record of a stream what was said of how the command ended, which may be a part of that; "": nothing. */
export function statusIn(payload: unknown): string {
  const said = (chunksIn(payload) ?? []).filter(({ channel }) => channel === STATUS);
  return Buffer.concat(said.map(({ bytes }) => bytes)).toString();
}

function momentOf({ at, channel, bytes }: Chunk, decoders: Map<number, StringDecoder>): Moment | undefined {
  const kind = CHANNELS[channel];
  if (kind === undefined) return undefined;
  // A character may be cut in two.
  const decoder = decoders.get(channel) ?? new StringDecoder();
  decoders.set(channel, decoder);
  const text = decoder.write(bytes);
  if (kind !== "size") return text === "" ? undefined : { at, kind, text };
  const size = sizeIn(text);
  return size === undefined ? undefined : { at, kind, text: size };
}

/** A terminal whose size nobody knows is told to be of 0 by 0. */
function sizeIn(text: string): string | undefined {
  const [, width] = /"Width":\s*([1-9]\d{0,4})\b/.exec(text) ?? [];
  const [, height] = /"Height":\s*([1-9]\d{0,4})\b/.exec(text) ?? [];
  return width === undefined || height === undefined ? undefined : `${width}x${height}`;
}

function chunksIn(payload: unknown): Chunk[] | undefined {
  if (typeof payload !== "object" || payload === null || !("chunks" in payload)) return undefined;
  return Array.isArray(payload.chunks) ? payload.chunks.flatMap(chunkIn) : undefined;
}

function chunkIn(value: unknown): Chunk[] {
  if (typeof value !== "object" || value === null) return [];
  if (!("at" in value && "channel" in value)) return [];
  // A server's numbers may come as they are written.
  const [at, channel] = [Number(value.at), Number(value.channel)];
  // A client may send what looks like a command's.
  if ("direction" in value && (value.direction === "out") !== OF_POD.includes(channel)) return [];
  const bytes = bytesIn(value);
  return bytes !== undefined && Number.isFinite(at) ? [{ at, channel, bytes }] : [];
}

/** `data`: base64, of what is no text. */
function bytesIn(value: object): Buffer | undefined {
  if ("text" in value && typeof value.text === "string") return Buffer.from(value.text);
  return "data" in value && typeof value.data === "string" ? Buffer.from(value.data, "base64") : undefined;
}

const CODES = { out: "o", in: "i", size: "r" } as const;
const USUAL = { width: 80, height: 24 };

/** asciicast v2: a header, and one line a moment. `began`: milliseconds since the epoch. */
export function asciicast(moments: readonly Moment[], title: string, began: number): string {
  const first = moments
    .find(({ kind }) => kind === "size")
    ?.text.split("x")
    .map(Number);
  const [width = USUAL.width, height = USUAL.height] = first ?? [];
  const header = { version: 2, width, height, timestamp: Math.floor(began / 1000), title };
  const filter = new TerminalFilter();
  // Players write it to a terminal as it is.
  const lines = moments.flatMap(({ at, kind, text }) => {
    const shown = kind === "out" ? filter.push(text) : text;
    return shown === "" ? [] : [[at / 1000, CODES[kind], shown]];
  });
  return [header, ...lines].map((line) => `${JSON.stringify(line)}\n`).join("");
}

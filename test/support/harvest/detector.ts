/** Looks for pieces of values in whatever a program said. */
import { digests, FORMS } from "./forms.ts";

export interface Hidden {
  /** How a finding is told, as the value must not be. */
  name: string;
  value: Buffer;
  /** What of the value is random, and so gives it away. By default all of it. */
  pieces?: readonly Buffer[];
}

export interface Leak {
  name: string;
  form: string;
  /** Index of the byte where it begins, in the text as it is or without line breaks. */
  at: number;
  excerpt: string;
}

export interface Detector {
  /** The first sign of each value in each form. */
  look(text: Buffer | string): Leak[];
}

interface Needle {
  bytes: Buffer;
  of: Hidden;
  form: string;
}

/** Of longer texts, only windows here and there are looked for: whoever shows a piece shows one of these as well. */
const MOST_WINDOWS = 150;
/** The shortest needle; also what the index is made of. */
const KEY = 8;
const BITS = 22;

/** Line breaks in all their disguises: with these taken out, what was split by them is whole again. */
const BREAKS = /\\?[\t-\r ]+\\?|\\[nrt]/g;

export function detector(hidden: readonly Hidden[]): Detector {
  const index = indexed(hidden.flatMap(needlesOf));
  return {
    look(given) {
      const text = typeof given === "string" ? Buffer.from(given) : given;
      const joined = Buffer.from(text.toString("latin1").replace(BREAKS, ""), "latin1");
      const found = [...index(text), ...(joined.length === text.length ? [] : index(joined))];
      return [...new Map(found.map((leak) => [`${leak.name} ${leak.form}`, leak])).values()];
    },
  };
}

function needlesOf(of: Hidden): Needle[] {
  const pieces = of.pieces ?? [of.value];
  const shown = FORMS.flatMap(({ name, window, of: write }) =>
    pieces
      .flatMap(write)
      .flatMap((text) =>
        [text, text.replace(BREAKS, "")]
          .flatMap((one) => windows(one, window))
          .map((one) => [name, one] as const),
      ),
  );
  const hashes = digests(of.value).map((text) => ["a hash", text] as const);
  const unique = new Map([...shown, ...hashes].map(([form, text]) => [`${form} ${text}`, { form, text }]));
  return [...unique.values()].map(({ form, text }) => ({ bytes: Buffer.from(text, "latin1"), of, form }));
}

function windows(text: string, size: number): string[] {
  if (text.length < KEY) return [];
  const width = Math.min(size, text.length);
  const count = text.length - width + 1;
  const step = Math.max(1, Math.floor(count / MOST_WINDOWS));
  return Array.from({ length: Math.ceil(count / step) }, (_, at) => text.slice(at * step, at * step + width));
}

function indexed(needles: readonly Needle[]): (text: Buffer) => Generator<Leak> {
  const seen = new Uint8Array(2 ** BITS);
  const buckets = new Map<number, Needle[]>();
  for (const needle of needles) {
    const key = keyAt(needle.bytes, 0);
    seen[key >>> (32 - BITS)] = 1;
    const bucket = buckets.get(key);
    if (bucket === undefined) buckets.set(key, [needle]);
    else bucket.push(needle);
  }
  return function* (text) {
    for (let at = 0; at + KEY <= text.length; at++) {
      const key = keyAt(text, at);
      if (seen[key >>> (32 - BITS)] === 0) continue;
      for (const { bytes, of, form } of buckets.get(key) ?? [])
        if (text.subarray(at, at + bytes.length).equals(bytes))
          yield { name: of.name, form, at, excerpt: excerpt(text, at) };
    }
  };
}

function keyAt(bytes: Buffer, at: number): number {
  return (
    Math.imul(bytes.readInt32LE(at) ^ Math.imul(bytes.readInt32LE(at + 4), 0x9e3779b1), 0x85ebca6b) >>> 0
  );
}

function excerpt(text: Buffer, at: number): string {
  return JSON.stringify(text.subarray(Math.max(0, at - 100), at + 60).toString("latin1"));
}

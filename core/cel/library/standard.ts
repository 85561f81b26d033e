/** CEL's standard functions: sizes, conversions and tests of strings. */
import { spend } from "../meter.ts";
import type { Library } from "../types/environment.ts";
import {
  doubleToInt,
  doubleToUint,
  general,
  int,
  parseDouble,
  parseInt64,
  parseUint64,
  plain,
  uint,
} from "../values/number.ts";
import {
  type Duration,
  inSeconds,
  ofSeconds,
  parseDuration,
  parseTimestamp,
  shownTimestamp,
  type Timestamp,
} from "../values/time.ts";
import { typeName } from "../values/type-of.ts";
import { type CelMap, Failure, TypeValue, type Uint, type Value } from "../values/value.ts";
import { codePoints } from "./text.ts";

const NO_BOOL = new Failure("type conversion error from 'string' to 'bool'");
const NO_TEXT = new Failure("invalid UTF-8 in bytes");
const BOOLS: ReadonlyMap<string, boolean> = new Map([
  ...["1", "t", "T", "true", "TRUE", "True"].map((text): [string, boolean] => [text, true]),
  ...["0", "f", "F", "false", "FALSE", "False"].map((text): [string, boolean] => [text, false]),
]);
const same = <T extends Value>(value: T): T => value;

function encoded(text: string): Uint8Array {
  spend(text.length >> 4, text.length * 3);
  return new TextEncoder().encode(text);
}

function decoded(bytes: Uint8Array): Value {
  spend(bytes.length >> 4, bytes.length);
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return NO_TEXT;
  }
}

/** Numbers in texts longer than any number are not looked at. */
const short =
  (parse: (text: string) => Value) =>
  (text: string): Value => {
    spend(1 + (text.length >> 3));
    return parse(text.slice(0, 400));
  };

const SIZES: Library = Object.fromEntries(
  (
    [
      ["bytes", (value: Uint8Array) => BigInt(value.length)],
      ["list<A>", (value: readonly Value[]) => BigInt(value.length)],
      ["map<A, B>", (value: CelMap) => BigInt(value.size)],
      ["string", (value: string) => codePoints(value)],
    ] as const
  ).flatMap(([type, size]) => [
    [`size(${type}): int`, size],
    [`${type}.size(): int`, size],
  ]),
);

const CONVERSIONS: Library = {
  "type(A): type<A>": (value: Value) => new TypeValue(typeName(value)),
  "dyn(A): dyn": same,
  "bool(bool): bool": same,
  "bool(string): bool": (text: string) => BOOLS.get(text) ?? NO_BOOL,
  "bytes(bytes): bytes": same,
  "bytes(string): bytes": encoded,
  "double(double): double": same,
  "double(int): double": (value: bigint) => Number(value),
  "double(string): double": short(parseDouble),
  "double(uint): double": ({ value }: Uint) => Number(value),
  "duration(duration): duration": same,
  // It is declared, and never has a value.
  "duration(int): duration": () => new Failure("type conversion error from 'int' to 'duration'"),
  "duration(string): duration": short(parseDuration),
  "int(int): int": same,
  "int(double): int": doubleToInt,
  "int(duration): int": ({ nanos }: Duration) => nanos,
  "int(string): int": short(parseInt64),
  "int(timestamp): int": ({ seconds }: Timestamp) => seconds,
  "int(uint): int": ({ value }: Uint) => int(value),
  "string(string): string": same,
  "string(bool): string": (value: boolean) => `${value}`,
  "string(bytes): string": decoded,
  "string(double): string": general,
  "string(duration): string": (value: Duration) => `${plain(inSeconds(value))}s`,
  "string(int): string": (value: bigint) => `${value}`,
  "string(timestamp): string": shownTimestamp,
  "string(uint): string": ({ value }: Uint) => `${value}`,
  "timestamp(timestamp): timestamp": same,
  "timestamp(int): timestamp": ofSeconds,
  "timestamp(string): timestamp": short(parseTimestamp),
  "uint(uint): uint": same,
  "uint(double): uint": doubleToUint,
  "uint(int): uint": uint,
  "uint(string): uint": short(parseUint64),
};

const tested =
  (test: (text: string, part: string) => boolean) =>
  (text: string, part: string): boolean => {
    spend((text.length + part.length) >> 5);
    return test(text, part);
  };

const TESTS: Library = {
  "string.contains(string): bool": tested((text, part) => text.includes(part)),
  "string.endsWith(string): bool": tested((text, part) => text.endsWith(part)),
  "string.startsWith(string): bool": tested((text, part) => text.startsWith(part)),
};

export const STANDARD: Library = { ...SIZES, ...CONVERSIONS, ...TESTS };

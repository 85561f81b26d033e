/** Points in time and spans of it, to the nanosecond, in the ranges that Kubernetes' CEL has. */
import { Failure } from "./value.ts";

const SECOND = 1_000_000_000n;
const OUT_OF_RANGE = new Failure("timestamp overflow");
const TOO_LONG = new Failure("duration overflow");
const [FIRST, LAST] = [-62_135_596_800n, 253_402_300_799n];
const [SHORTEST, LONGEST] = [-(2n ** 63n), 2n ** 63n - 1n];

const floor = (a: bigint, b: bigint): bigint => (a - (((a % b) + b) % b)) / b;

export class Timestamp {
  /** Since 1970-01-01T00:00:00Z. */
  readonly nanos: bigint;
  /** Of the zone it was written in, in minutes east; only its text shows it. */
  readonly offset: number;

  constructor(nanos: bigint, offset = 0) {
    this.nanos = nanos;
    this.offset = offset;
  }

  get seconds(): bigint {
    return floor(this.nanos, SECOND);
  }
}

export class Duration {
  readonly nanos: bigint;

  constructor(nanos: bigint) {
    this.nanos = nanos;
  }
}

export const timestamp = (nanos: bigint, offset = 0): Timestamp | Failure => {
  const seconds = floor(nanos, SECOND);
  return seconds < FIRST || seconds > LAST ? OUT_OF_RANGE : new Timestamp(nanos, offset);
};

export const ofSeconds = (seconds: bigint): Timestamp | Failure => timestamp(seconds * SECOND);

export const duration = (nanos: bigint): Duration | Failure =>
  nanos < SHORTEST || nanos > LONGEST ? TOO_LONG : new Duration(nanos);

const RFC_3339 = /^(\d{4})-(\d\d)-(\d\d)T(\d\d?):(\d\d):(\d\d)(?:[.,](\d+))?(?:Z|([+-])(\d\d):(\d\d))$/;
const BAD_TIMESTAMP = new Failure("invalid timestamp");

/** What RFC 3339 writes, as Go reads it. */
export function parseTimestamp(text: string): Timestamp | Failure {
  const match = RFC_3339.exec(text);
  if (match === null) return BAD_TIMESTAMP;
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = match.slice(1, 7).map(Number);
  const [, , , , , , , fraction = "", sign, zoneHour = "0", zoneMinute = "0"] = match;
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  const isDay = date.getUTCMonth() === month - 1 && date.getUTCDate() === day;
  const offset = Number(zoneHour) * 60 + Number(zoneMinute);
  if (!isDay || hour > 23 || minute > 59 || second > 59) return BAD_TIMESTAMP;
  if (Number(zoneHour) > 24 || Number(zoneMinute) > 60) return BAD_TIMESTAMP;
  const east = sign === "-" ? -offset : offset;
  const seconds = BigInt(date.getTime() / 1000 + hour * 3600 + (minute - east) * 60 + second);
  return timestamp(seconds * SECOND + BigInt(fraction.slice(0, 9).padEnd(9, "0")), east);
}

const UNITS: ReadonlyMap<string, bigint> = new Map([
  ["ns", 1n],
  ["us", 1_000n],
  ["µs", 1_000n],
  ["μs", 1_000n],
  ["ms", 1_000_000n],
  ["s", SECOND],
  ["m", 60n * SECOND],
  ["h", 3600n * SECOND],
]);
const SPAN = /(\d*)(?:\.(\d*))?(ns|us|µs|μs|ms|s|m|h)/y;
const BAD_DURATION = new Failure("invalid duration");

/** One number with its unit, in nanoseconds. */
function part(match: RegExpExecArray): bigint | undefined {
  const [, whole = "", fraction = "", unit = ""] = match;
  if (whole === "" && fraction === "") return undefined;
  const scale = UNITS.get(unit) ?? 1n;
  // Go counts no more digits of a fraction than fit 63 bits, and multiplies those as a double.
  let [digits, counted] = [0n, 0];
  for (const digit of fraction) {
    const next = digits * 10n + BigInt(digit);
    if (digits > LONGEST / 10n || next > 2n ** 63n) break;
    [digits, counted] = [next, counted + 1];
  }
  const small = Number(digits) * (Number(scale) / 10 ** counted);
  return BigInt(whole === "" ? "0" : whole) * scale + BigInt(Math.trunc(small));
}

/** `1h30m`, `-1.5s`, as Go's time.ParseDuration reads it. */
export function parseDuration(text: string): Duration | Failure {
  const unsigned = text.replace(/^[+-]/, "");
  if (unsigned === "0") return new Duration(0n);
  if (unsigned === "" || unsigned.length > 200) return BAD_DURATION;
  let total = 0n;
  SPAN.lastIndex = 0;
  while (SPAN.lastIndex < unsigned.length) {
    const match = SPAN.exec(unsigned);
    const nanos = match === null ? undefined : part(match);
    if (nanos === undefined) return BAD_DURATION;
    total += nanos;
    if (total > 2n ** 63n) return BAD_DURATION;
  }
  const signed = text.startsWith("-") ? -total : total;
  return signed > LONGEST ? BAD_DURATION : new Duration(signed);
}

/** The date and time of a timestamp in a zone that many seconds east, for the fields of a calendar. */
export const calendar = (time: Timestamp, east: number): Date =>
  new Date(Number(time.seconds) * 1000 + east * 1000);

export const fractionOf = (time: Timestamp): bigint => time.nanos - time.seconds * SECOND;

const two = (value: number): string => `${value}`.padStart(2, "0");

/** RFC 3339 with as many digits of the second as there are. */
export function shownTimestamp(time: Timestamp): string {
  const date = calendar(time, time.offset * 60);
  const fraction = `${fractionOf(time)}`.padStart(9, "0").replace(/0+$/, "");
  const size = Math.abs(time.offset);
  const zone =
    size === 0 ? "Z" : `${time.offset < 0 ? "-" : "+"}${two(Math.trunc(size / 60))}:${two(size % 60)}`;
  const year = `${date.getUTCFullYear()}`.padStart(4, "0");
  const day = `${year}-${two(date.getUTCMonth() + 1)}-${two(date.getUTCDate())}`;
  const clock = [date.getUTCHours(), date.getUTCMinutes(), date.getUTCSeconds()].map(two).join(":");
  return `${day}T${clock}${fraction === "" ? "" : `.${fraction}`}${zone}`;
}

/** In seconds, as a double. */
export const inSeconds = ({ nanos }: Duration): number =>
  Number(nanos / SECOND) + Number(nanos % SECOND) / 1e9;

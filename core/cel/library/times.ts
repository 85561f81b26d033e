/** The fields of timestamps, in UTC or in a zone, and of durations. */
import { spend } from "../meter.ts";
import type { Library } from "../types/environment.ts";
import { calendar, type Duration, fractionOf, type Timestamp } from "../values/time.ts";
import { Failure, type Value } from "../values/value.ts";

const NO_ZONE = new Failure("unknown time zone");
const LONGEST_NAME = 64;
const formats = new Map<string, Intl.DateTimeFormat>();

/** Words of names that are not what the engine calls a zone. */
const WORD = /^(?:[A-Z][a-z]*(?:[A-Z][a-z]+)*|of|au|es|GMT[+-]?\d*|UTC|UCT|ACT|NSW|LHI|US)$/;

/** Go's names tell upper from lower case, the engine's do not. */
function isSpelled(name: string, canonical: string): boolean {
  if (name.toLowerCase() === canonical.toLowerCase()) return name === canonical;
  return !name.includes("/") || name.split(/[/_-]/).every((word) => WORD.test(word));
}

function format(zone: string): Intl.DateTimeFormat | undefined {
  const known = formats.get(zone);
  if (known !== undefined || zone.length > LONGEST_NAME) return known;
  spend(2_000);
  try {
    const made = new Intl.DateTimeFormat("en-US", {
      timeZone: zone,
      hourCycle: "h23",
      era: "short",
      ...{ year: "numeric", month: "2-digit", day: "2-digit" },
      ...{ hour: "2-digit", minute: "2-digit", second: "2-digit" },
    });
    if (!isSpelled(zone, made.resolvedOptions().timeZone)) return undefined;
    if (formats.size >= 64) formats.clear();
    formats.set(zone, made);
    return made;
  } catch {
    return undefined;
  }
}

/** How many seconds east of UTC a named zone is then. */
function offsetIn(zone: string, time: Timestamp): number | undefined {
  const format24 = format(zone);
  if (format24 === undefined) return undefined;
  spend(100);
  const at = Number(time.seconds) * 1000;
  const part = Object.fromEntries(format24.formatToParts(at).map(({ type, value }) => [type, value]));
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = [
    part["year"],
    part["month"],
    part["day"],
    part["hour"],
    part["minute"],
    part["second"],
  ].map(Number);
  const date = new Date(0);
  date.setUTCFullYear(part["era"] === "BC" ? 1 - year : year, month - 1, day);
  date.setUTCHours(hour, minute, second);
  return (date.getTime() - at) / 1000;
}

/** Names are those of the zone database, in its own spelling; `UTC`, `Local` and the empty name are UTC. */
const NAME = /^[A-Z][A-Za-z0-9_+-]*(?:\/[A-Za-z0-9_+-]+)*$/;

function eastOf(zone: string, time: Timestamp): number | undefined {
  const offset = /^([+-]?\d{1,6}):([+-]?\d{1,6})$/.exec(zone);
  if (offset !== null) {
    const [hours, minutes] = [Number(offset[1]), Number(offset[2])];
    return (hours * 60 + (zone.startsWith("-") ? -minutes : minutes)) * 60;
  }
  if (zone === "" || zone === "UTC" || zone === "Local") return 0;
  return NAME.test(zone) ? offsetIn(zone, time) : undefined;
}

function dayOfYear(date: Date): number {
  const first = new Date(0);
  first.setUTCFullYear(date.getUTCFullYear(), 0, 1);
  first.setUTCHours(0, 0, 0, 0);
  return Math.floor((date.getTime() - first.getTime()) / 86_400_000);
}

const FIELDS: Readonly<Record<string, (date: Date) => number>> = {
  getFullYear: (date) => date.getUTCFullYear(),
  getMonth: (date) => date.getUTCMonth(),
  getDayOfYear: dayOfYear,
  getDayOfMonth: (date) => date.getUTCDate() - 1,
  getDate: (date) => date.getUTCDate(),
  getDayOfWeek: (date) => date.getUTCDay(),
  getHours: (date) => date.getUTCHours(),
  getMinutes: (date) => date.getUTCMinutes(),
  getSeconds: (date) => date.getUTCSeconds(),
};

const inZone =
  (field: (date: Date, time: Timestamp) => bigint) =>
  (time: Timestamp, zone = "UTC"): Value => {
    const east = eastOf(zone, time);
    return east === undefined ? NO_ZONE : field(calendar(time, east), time);
  };

const TIMESTAMPS: Library = Object.fromEntries(
  [
    ...Object.entries(FIELDS).map(([name, field]) => [name, inZone((date) => BigInt(field(date)))] as const),
    ["getMilliseconds", inZone((_, time) => fractionOf(time) / 1_000_000n)] as const,
  ].flatMap(([name, run]) => [
    [`timestamp.${name}(): int`, (time: Timestamp) => run(time)],
    [`timestamp.${name}(string): int`, run],
  ]),
);

const UNITS: Readonly<Record<string, bigint>> = {
  getHours: 3_600_000_000_000n,
  getMinutes: 60_000_000_000n,
  getSeconds: 1_000_000_000n,
  getMilliseconds: 1_000_000n,
};

const DURATIONS: Library = Object.fromEntries(
  Object.entries(UNITS).map(([name, unit]) => [
    `duration.${name}(): int`,
    ({ nanos }: Duration) => nanos / unit,
  ]),
);

export const TIMES: Library = { ...TIMESTAMPS, ...DURATIONS };

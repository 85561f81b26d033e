/**
 * The times of the week for which sessions are, by the clock on the wall of a time zone. Where that clock is set
 * forward, the hour that is left out is in no window; where it is set back, the hour that comes twice is in twice.
 */

const DAYS = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"] as const;
export type Day = (typeof DAYS)[number];

/** `to` at or before `from` is of the next day: `days` are those on which it opens. */
export interface Window {
  /** Empty: each day. */
  days: readonly Day[];
  /** Minutes since midnight, on the wall. */
  from: number;
  to: number;
  /** IANA, such as Europe/Berlin. */
  timeZone: string;
}

const MINUTE = 60_000;
const MINUTES_OF_DAY = 24 * 60;

/** Minutes since midnight of `HH:MM`, up to 24:00. */
export function minutesOf(time: string): number {
  const [hours = "", minutes = ""] = time.split(":");
  return Number(hours) * 60 + Number(minutes);
}

export function isTimeZone(timeZone: string): boolean {
  try {
    return formatOf(timeZone) !== undefined;
  } catch {
    return false;
  }
}

/** Whether one of them is open; without any, all of time is. `now`: milliseconds since the epoch. */
export function isOpen(windows: readonly Window[], now: number): boolean {
  return windows.length === 0 || windows.some((window) => isIn(window, now));
}

/** What is open for longer than a week never closes. */
const LONGEST = 8 * 24 * 60 * MINUTE;

/** When none is open any more, or `until`, if that comes first. Both, and `now`: milliseconds since the epoch. */
export function closesAt(windows: readonly Window[], now: number, until: number): number {
  if (windows.length === 0) return until;
  let at = now;
  while (at < until && isOpen(windows, at)) {
    if (at - now > LONGEST) return until;
    at = nextChange(windows, at);
  }
  return Math.min(at, until);
}

/** The next moment at which it might be otherwise: clocks change by quarters of an hour at the least. */
function nextChange(windows: readonly Window[], now: number): number {
  const minute = Math.floor(now / MINUTE);
  const quarter = 15 - (minute % 15);
  const bounds = windows.flatMap(({ from, to, timeZone }) => {
    const at = wallOf(now, timeZone).minute;
    return [from, to].map((bound) => (bound - at + 2 * MINUTES_OF_DAY) % MINUTES_OF_DAY || MINUTES_OF_DAY);
  });
  return (minute + Math.min(quarter, ...bounds)) * MINUTE;
}

function isIn({ days, from, to, timeZone }: Window, now: number): boolean {
  const { day, minute } = wallOf(now, timeZone);
  const opens = (of: number) => days.length === 0 || days.includes(DAYS[(of + 7) % 7] ?? "Sun");
  if (from < to) return opens(day) && minute >= from && minute < to;
  return (minute >= from && opens(day)) || (minute < to && opens(day - 1));
}

const formats = new Map<string, Intl.DateTimeFormat>();

function formatOf(timeZone: string): Intl.DateTimeFormat {
  const known = formats.get(timeZone);
  if (known !== undefined) return known;
  const made = new Intl.DateTimeFormat("en-US", {
    ...{ timeZone, weekday: "short", hour: "2-digit", minute: "2-digit", hourCycle: "h23" },
  });
  formats.set(timeZone, made);
  return made;
}

function wallOf(now: number, timeZone: string): { day: number; minute: number } {
  const parts = new Map(
    formatOf(timeZone)
      .formatToParts(now)
      .map(({ type, value }) => [type, value]),
  );
  return {
    day: DAYS.indexOf(parts.get("weekday") as Day),
    minute: Number(parts.get("hour")) * 60 + Number(parts.get("minute")),
  };
}

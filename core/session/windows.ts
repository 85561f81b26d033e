/**
 * Windows: the times of the week in which sessions may be, by the clock on the wall of a time zone. When that clock is set
 * forward, an hour is missing from its window; when it is set back, the hour that comes twice is in its window twice.
 */

const DAYS = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"] as const;
export type Day = (typeof DAYS)[number];

/** Where `to` is not after `from`, it is a time of the next day. `days` are the days on which the window opens. */
export interface Window {
  /** Empty: every day. */
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

/** Whether one of the windows is open, or there is none. @param now milliseconds since the epoch. */
export function isOpen(windows: readonly Window[], now: number): boolean {
  return windows.length === 0 || windows.some((window) => isIn(window, now));
}

/** After so many milliseconds without a closing moment, a window counts as always open. */
const LONGEST = 8 * 24 * 60 * MINUTE;

/** When the last open window closes, but no later than `until`. All in milliseconds since the epoch. */
export function closesAt(windows: readonly Window[], now: number, until: number): number {
  if (windows.length === 0) return until;
  let at = now;
  while (at < until && isOpen(windows, at)) {
    if (at - now > LONGEST) return until;
    at = nextChange(windows, at);
  }
  return Math.min(at, until);
}

/** The next moment at which a window may open or close. Clocks are never set by less than a quarter of an hour. */
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

/** Ages of things and what is left of their time, as kubectl prints durations. */
import { duration } from "#kit/duration.ts";

/** How long ago an RFC 3339 time was. */
export function age(time: string, now: number): string {
  return duration(now - Date.parse(time));
}

/** How long it is until an RFC 3339 time. */
export function remaining(time: string, now: number): string {
  const left = Date.parse(time) - now;
  return left <= 0 ? "<expired>" : duration(left);
}

/** Durations as kubectl prints them (k8s.io/apimachinery `duration.HumanDuration`): two or three figures. */

const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const YEAR = 365 * DAY;

interface Step {
  /** In seconds, as all here. */
  below: number;
  unit: number;
  letter: string;
  /** The smaller unit in which the rest is told. */
  rest?: { unit: number; letter: string };
}

const STEPS: readonly Step[] = [
  { below: 2 * MINUTE, unit: 1, letter: "s" },
  { below: 10 * MINUTE, unit: MINUTE, letter: "m", rest: { unit: 1, letter: "s" } },
  { below: 3 * HOUR, unit: MINUTE, letter: "m" },
  { below: 8 * HOUR, unit: HOUR, letter: "h", rest: { unit: MINUTE, letter: "m" } },
  { below: 2 * DAY, unit: HOUR, letter: "h" },
  { below: 8 * DAY, unit: DAY, letter: "d", rest: { unit: HOUR, letter: "h" } },
  { below: 2 * YEAR, unit: DAY, letter: "d" },
  { below: 8 * YEAR, unit: YEAR, letter: "y", rest: { unit: DAY, letter: "d" } },
];
const BEYOND: Step = { below: Number.POSITIVE_INFINITY, unit: YEAR, letter: "y" };

export function duration(milliseconds: number): string {
  const seconds = Math.trunc(milliseconds / 1000);
  if (Number.isNaN(seconds) || seconds < -1) return "<invalid>";
  const { unit, letter, rest } = STEPS.find(({ below }) => seconds < below) ?? BEYOND;
  const whole = `${Math.floor(Math.max(seconds, 0) / unit)}${letter}`;
  const left = rest === undefined ? 0 : Math.floor((seconds % unit) / rest.unit);
  return rest === undefined || left === 0 ? whole : `${whole}${left}${rest.letter}`;
}

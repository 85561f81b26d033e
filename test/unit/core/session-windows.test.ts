import { expect } from "chai";
import fc from "fast-check";
import { closesAt, isOpen, isTimeZone, minutesOf, type Window } from "#core/session/windows.ts";

const window = (from: string, to: string, more: Partial<Window> = {}): Window => ({
  ...{ days: [], timeZone: "Europe/Berlin", ...more },
  from: minutesOf(from),
  to: minutesOf(to),
});
const WORK = window("08:00", "18:00", { days: ["Mon", "Tue", "Wed", "Thu", "Fri"] });
const NIGHT = window("22:00", "02:00", { days: ["Fri"] });
/** Clocks go from 02:00 to 03:00. */
const SPRING = "2026-03-29";
/** And from 03:00 to 02:00. */
const AUTUMN = "2026-10-25";

describe("a window", () => {
  const table: [string, Window, string, boolean][] = [
    ["is open when it opens", WORK, "2026-01-05T08:00:00+01:00", true],
    ["and not a second before", WORK, "2026-01-05T07:59:59+01:00", false],
    ["is closed when it closes", WORK, "2026-01-05T18:00:00+01:00", false],
    ["is closed on other days", WORK, "2026-01-04T12:00:00+01:00", false],
    ["goes by the day of its own time zone", WORK, "2026-01-02T23:30:00Z", false],
    ["goes by summer time in summer", WORK, "2026-07-06T06:00:00Z", true],
    ["and by winter time in winter", WORK, "2026-01-05T06:30:00Z", false],
    ["that goes over midnight is open before", NIGHT, "2026-01-02T23:00:00+01:00", true],
    ["and after it, which is another day", NIGHT, "2026-01-03T01:59:59+01:00", true],
    ["and then closes", NIGHT, "2026-01-03T02:00:00+01:00", false],
    ["of Friday night is not Thursday's", NIGHT, "2026-01-02T01:00:00+01:00", false],
    [
      "up to 24:00 is open to the end of the day",
      window("20:00", "24:00"),
      "2026-01-03T23:59:59+01:00",
      true,
    ],
    ["and no longer", window("20:00", "24:00"), "2026-01-04T00:00:00+01:00", false],
    ["from a time to the same is a whole day", window("08:00", "08:00"), "2026-01-04T07:59:00+01:00", true],
    ["in UTC", window("08:00", "18:00", { timeZone: "UTC" }), "2026-07-06T08:00:00Z", true],
    ["in Kathmandu", window("08:00", "9:00", { timeZone: "Asia/Kathmandu" }), "2026-07-06T02:15:00Z", true],
    ["in an hour that is left out is not open", window("02:00", "03:00"), `${SPRING}T01:00:00Z`, false],
    ["in an hour that comes twice is open first", window("02:00", "03:00"), `${AUTUMN}T00:30:00Z`, true],
    ["and again", window("02:00", "03:00"), `${AUTUMN}T01:30:00Z`, true],
  ];
  for (const [what, one, at, expected] of table)
    it(what, () => expect(isOpen([one], Date.parse(at))).to.equal(expected));

  it("that there is none of is always open", () => {
    expect(isOpen([], 0)).to.equal(true);
    expect(closesAt([], 0, 5)).to.equal(5);
  });

  const closing: [string, readonly Window[], string, string][] = [
    ["at its end", [WORK], "2026-01-05T17:30:10Z", "2026-01-05T17:30:10Z"],
    ["at its end, from its middle", [WORK], "2026-01-05T10:30:10Z", "2026-01-05T17:00:00Z"],
    ["after midnight", [NIGHT], "2026-01-02T22:00:00Z", "2026-01-03T01:00:00Z"],
    [
      "when the next one closes that follows at once",
      [window("08:00", "12:00"), window("12:00", "13:00")],
      "2026-01-05T08:00:00Z",
      "2026-01-05T12:00:00Z",
    ],
    ["an hour early in spring", [window("00:30", "04:00")], "2026-03-29T00:00:00Z", "2026-03-29T02:00:00Z"],
    ["an hour late in autumn", [window("00:30", "04:00")], "2026-10-25T00:00:00Z", "2026-10-25T03:00:00Z"],
    [
      "before an hour that is left out",
      [window("01:00", "02:30")],
      "2026-03-29T00:30:00Z",
      "2026-03-29T01:00:00Z",
    ],
  ];
  for (const [what, windows, from, to] of closing)
    it(`closes ${what}`, () =>
      expect(
        new Date(closesAt(windows, Date.parse(from), Date.parse("2026-12-31T00:00:00Z"))).toISOString(),
      ).to.equal(to.replace("Z", ".000Z")));

  it("of the whole week never closes", () => {
    const until = Date.parse("2027-01-01T00:00:00Z");
    expect(closesAt([window("00:00", "24:00")], Date.parse("2026-01-01T00:00:00Z"), until)).to.equal(until);
  });

  it("is open until it closes, minute by minute, whatever the zone and the season", () => {
    const time = fc.integer({ min: 0, max: 24 * 60 - 1 });
    const zone = fc.constantFrom(
      "UTC",
      "Europe/Berlin",
      "America/St_Johns",
      "Australia/Lord_Howe",
      "Asia/Kathmandu",
    );
    const start = fc.constantFrom(
      "2026-03-28T20:00:00Z",
      "2026-04-04T10:00:00Z",
      "2026-10-24T20:00:00Z",
      "2026-06-01T00:00:00Z",
    );
    fc.assert(
      fc.property(
        time,
        time,
        zone,
        start,
        fc.integer({ min: 0, max: 24 * 60 }),
        (from, to, timeZone, begin, after) => {
          const one: Window = { days: [], from, to, timeZone };
          const now = Date.parse(begin) + after * 60_000;
          const until = now + 6 * 3600_000;
          const end = closesAt([one], now, until);
          for (let at = now; at < end; at += 60_000) expect(isOpen([one], at)).to.equal(true);
          if (end < until) expect(isOpen([one], end)).to.equal(false);
        },
      ),
      { numRuns: 60 },
    );
  });

  it("is of a time zone that there is", () => {
    expect(["UTC", "Europe/Berlin", "Mars/Olympus", "Europe/Nowhere", ""].map(isTimeZone)).to.deep.equal([
      ...[true, true, false, false, false],
    ]);
  });
});

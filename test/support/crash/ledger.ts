/** What becomes of the ledger over many rounds. */
import type { Violation } from "./check.ts";
import type { RecordSeen } from "./evidence.ts";

/** `seen`: what rounds read, each at its end. `now`: all there is. A record's uid is derived from its place and content. */
export function ledgerViolations(
  seen: readonly (readonly RecordSeen[])[],
  now: readonly RecordSeen[],
): Violation[] {
  const uids = new Map(now.map(({ metadata }) => [metadata.name, metadata.uid]));
  const changed = seen.flat().filter(({ metadata }) => uids.get(metadata.name) !== metadata.uid);
  const indexes = [...uids.keys()].map(Number).sort((a, b) => a - b);
  const gaps = indexes.filter((index, place) => index !== place).slice(0, 1);
  return [
    ...changed.map(({ metadata }) => ({
      rule: "the ledger only grows",
      what: `record ${metadata.name} was ${metadata.uid}, is ${uids.get(metadata.name)}`,
    })),
    ...gaps.map((index) => ({ rule: "the ledger has no gaps", what: `there is one before record ${index}` })),
  ];
}

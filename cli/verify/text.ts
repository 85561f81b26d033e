/** What a verification found, for people. */
import type { Finding } from "#core/log/finding.ts";
import { printable } from "#core/printable.ts";
import type { Kept, Verified, VerifiedExport } from "../commands/verify.ts";

export function textOf(verified: Verified | VerifiedExport): string {
  const { intact, findings, omitted, proven, origin, counts, keysFromLedger, unsigned } = verified;
  const found = findings.map((finding) => `FOUND    ${sentence(finding)}\n`).join("");
  const more = omitted === 0 ? "" : `FOUND    ${omitted} more of these kinds\n`;
  const ahead =
    unsigned === 0
      ? ""
      : `note     ${unsigned} more entries lie behind the checkpoint, as while they are being published: nobody has signed ` +
        "them yet, and they were not looked at.\n";
  const trusted = keysFromLedger
    ? "The keys are those that the ledger itself names. Write them down elsewhere, and give them with --key:\n" +
      "whoever can put another ledger there can put other keys with it.\n"
    : "";
  const erased = counts.erased === 0 ? "" : `, ${counts.erased} erased`;
  const what = `${counts.entries} entries, ${counts.payloads} payloads${erased}`;
  const verdict = intact
    ? `ok       ${what}: ${"whole" in verified ? extentWords(verified) : "all are those that were signed, in their places."}\n`
    : `${proven} of ${what} are proven to be those that were signed, in their places.\n`;
  const times = intact ? timesOf(verified) : "";
  return printable(`Ledger ${origin}\n${found}${more}${verdict}${times}${ahead}${trusted}`, {
    multiline: true,
  });
}

/** What it was held against, and what it can be the next time. */
function timesOf(verified: Verified | VerifiedExport): string {
  const { against, kept } = verified;
  const isPart = "whole" in verified && !verified.whole;
  const size = "whole" in verified ? verified.size : verified.proven;
  const held = against.map((one) => `against  ${one.file}, a checkpoint of ${entryCount(one)}: `);
  const says = against.map(({ entries: then }) => {
    if (then === size) return isPart ? "the one that it is of.\n" : "it is the same ledger, and no longer.\n";
    if (isPart) return "of this one a part of the ledger cannot tell.\n";
    return `it has grown by ${size - then} since, and nothing else.\n`;
  });
  const keeps = kept === undefined ? "" : `kept     ${kept.file}, the checkpoint of ${entryCount(kept)}.\n`;
  return `${held.map((start, at) => `${start}${says[at]}`).join("")}${keeps}`;
}

function entryCount({ entries: count }: Kept): string {
  return `${count} ${count === 1 ? "entry" : "entries"}`;
}

/** What it proves, and what not. */
function extentWords({ whole, size, filter, runs, moreRuns, counts }: VerifiedExport): string {
  if (whole) return "all that were signed are here, each in its place.";
  const asked = Object.entries(filter ?? {}).map(([name, value]) => `${name} ${[value].flat().join(" or ")}`);
  const shown = runs.slice(0, 5).map(([from, to]) => (to === from + 1 ? `${from}` : `${from} to ${to - 1}`));
  const pieces = runs.length + moreRuns;
  const where = `${shown.join(", ")}${pieces > shown.length ? ", …" : ""}`;
  const lines = [
    `each is in the ledger of ${size} entries that was signed, in its place.`,
    `It is what was asked for by: ${asked.join(", ")}.`,
    ...(pieces === 1 ? [`Nothing is missing between the first and the last: entries ${where}.`] : []),
    ...(pieces > 1
      ? [`It does not prove that nothing is missing between its ${pieces} pieces: ${where}.`]
      : []),
    ...(counts.erased === 0
      ? []
      : ["That payloads were erased on purpose, only an export of all entries proves."]),
  ];
  return lines.join("\n         ");
}

function sentence(finding: Finding): string {
  switch (finding.kind) {
    case "checkpoint-refused":
      return `${finding.source === "known" ? "a checkpoint that was kept" : "the checkpoint"} cannot be believed: ${finding.reason}`;
    case "checkpoint-missing":
      return "there is no checkpoint that can be believed";
    case "rolled-back":
      return `rolled back: a checkpoint of ${finding.known} entries is known, here is one of ${finding.size}`;
    case "forked":
      return `forked: two signed histories, which part before entry ${finding.size}`;
    case "root-differs":
      return `among ${entries(finding.since, finding.size)} are some that are not those that were signed`;
    case "truncated":
      return `cut off: gone is ${entries(finding.from, finding.to)}`;
    case "store-damaged":
      return `the database: ${finding.reason}`;
    case "export-damaged":
      return `line ${finding.line}: ${finding.reason}`;
    case "entry-unproven":
      return `line ${finding.line}: entry ${finding.index} is not proven to be in the ledger`;
    case "miscounted":
      return `${finding.held} ${finding.what} lie there, ${finding.seen} have a place`;
    case "entry-misplaced":
      return `entry ${finding.index} lies where it does not belong: it is entry ${finding.belongs}`;
    case "entry-malformed":
      return `entry ${finding.index} is none: ${finding.reason}`;
    case "erasure-unrecorded":
      return `payloads of ${entries(finding.from, finding.to)} are marked as erased, and nothing says that they were`;
    default:
      return `${finding.kind.replaceAll("-", " ")}: ${place(finding)}`;
  }
}

function place(finding: Finding): string {
  if ("path" in finding) return finding.path;
  if ("index" in finding) return `entry ${finding.index}`;
  if ("bundle" in finding) return `bundle ${finding.bundle}`;
  return "from" in finding ? entries(finding.from, finding.to) : "";
}

/** From one index up to, and without, another. */
function entries(from: number, to: number): string {
  return to === from + 1 ? `entry ${from}` : `entries ${from} to ${to - 1}`;
}

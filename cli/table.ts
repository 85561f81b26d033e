/** Tables as kubectl prints them. Every cell is made fit for a terminal here. */
import { printable } from "#core/printable.ts";

export interface Column<T> {
  /** Upper case, no spaces. */
  header: string;
  cell: (row: T) => string;
  /** Only with `-o wide`. */
  wide?: boolean;
  /** May be long: where a row is wider than the terminal, these go on below it. The last columns, if any. */
  flows?: boolean;
}

export interface TableOptions<T> {
  wide?: boolean;
  /** Of the terminal, in characters; undefined where there is none, and nothing is broken. */
  width?: (() => number | undefined) | undefined;
  /** The columns are as wide from the beginning on as these will have them. */
  expected?: readonly T[];
}

/** Rows as text, each without its last line end; the header before the first. */
export type TableLines<T> = (rows: readonly T[]) => string[];

const GAP = 3;
/** With less room than this beside the other columns, what flows stands below them all, */
const LEAST_ROOM = 32;
/** so far from the left. */
const INDENT = 6;
/** What the last column is left at least, in the same line. */
const LAST_ROOM = 8;

/**
 * Returns what to print for some more rows, the header before the first. Columns are as wide as the widest cell
 * so far, so that rows that come later still stand under the first.
 */
export function tableWriter<T>(columns: readonly Column<T>[], wide: boolean): (rows: readonly T[]) => string {
  const lines = tableLines(columns, { wide });
  return (rows) =>
    lines(rows)
      .map((line) => `${line}\n`)
      .join("");
}

/** As {@link tableWriter}, row by row. */
export function tableLines<T>(
  columns: readonly Column<T>[],
  { wide = false, width, expected = [] }: TableOptions<T>,
): TableLines<T> {
  const shown = columns.filter((column) => wide || column.wide !== true);
  const flowing = shown.findIndex(({ flows }) => flows === true);
  const widths = shown.map(() => 0);
  const cells = (row: T) => shown.map(({ cell }) => printable(cell(row)) || "<none>");
  const fixed = flowing < 0 ? shown.length : flowing;
  let header: string[][] = [shown.map((column) => column.header)];
  let first = expected.map(cells);
  return (rows) => {
    const lines = [...header, ...rows.map(cells)];
    const seen = [...first, ...lines];
    [header, first] = [[], []];
    for (const line of seen) widen(widths, line, [0, fixed]);
    const most = flowing < 0 ? undefined : width?.();
    const left = widths.slice(0, fixed).reduce((sum, one) => sum + one + GAP, 0);
    const cap = most === undefined ? undefined : most - left - GAP - LAST_ROOM;
    for (const line of seen) widen(widths, line, [fixed, line.length], cap);
    return lines.map((line) => {
      const text = inOneLine(line, widths);
      if (most === undefined || (most - left >= LEAST_ROOM && length(text) <= most)) return text;
      return broken(line, widths, fixed, most);
    });
  };
}

/** What is wider than `cap` widens nothing: it will not stand in the column. */
function widen(
  widths: number[],
  line: readonly string[],
  [from, to]: [number, number],
  cap = Number.POSITIVE_INFINITY,
): void {
  for (let at = from; at < to; at++) {
    const wanted = length(line[at] ?? "");
    if (wanted <= cap) widths[at] = Math.max(widths[at] ?? 0, wanted);
  }
}

function inOneLine(line: readonly string[], widths: readonly number[]): string {
  return line
    .map((cell, at) => pad(cell, widths[at] ?? 0))
    .join("")
    .trimEnd();
}

/** Of what flows, each stands below the one before. */
function broken(line: readonly string[], widths: readonly number[], fixed: number, most: number): string {
  const head = line
    .slice(0, fixed)
    .map((cell, at) => pad(cell, widths[at] ?? 0))
    .join("");
  const isBeside = most - length(head) >= LEAST_ROOM;
  const indent = isBeside ? length(head) : INDENT;
  const room = Math.max(LEAST_ROOM, most - indent);
  const [first = "", ...others] = line.slice(fixed);
  const below = others.filter((cell) => cell !== "<none>");
  const together = [first, ...below].join(" ".repeat(GAP));
  const parts =
    length(together) <= room
      ? [together]
      : [wrapped(first, room), ...below.map((cell) => wrapped(cell, room, "→ "))].flat();
  const lines = parts.map((part, at) => (isBeside && at === 0 ? head : " ".repeat(indent)) + part);
  return [...(isBeside ? [] : [head.trimEnd()]), ...lines].join("\n");
}

/** At blanks, where there are some; nothing is left out. */
function wrapped(text: string, room: number, mark = ""): string[] {
  const lines: string[] = [];
  let rest = [...text];
  while (rest.length > 0) {
    const lead = lines.length === 0 ? mark : "  ";
    const most = room - lead.length;
    const blank = rest.length <= most ? -1 : rest.lastIndexOf(" ", most);
    const end = rest.length <= most ? rest.length : blank > most / 2 ? blank : most;
    lines.push(lead + rest.slice(0, end).join(""));
    rest = rest.slice(rest[end] === " " ? end + 1 : end);
  }
  return lines;
}

function pad(cell: string, width: number): string {
  return cell + " ".repeat(Math.max(GAP, width + GAP - length(cell)));
}

/** In characters, as Go's tabwriter counts. */
function length(cell: string): number {
  return [...cell].length;
}

/** Tables as kubectl prints them. Every cell is made fit for a terminal here. */
import { printable } from "#core/printable.ts";

export interface Column<T> {
  /** Upper case, no spaces. */
  header: string;
  cell: (row: T) => string;
  /** Only with `-o wide`. */
  wide?: boolean;
}

const GAP = 3;

/**
 * Returns what to print for some more rows, the header before the first. Columns are as wide as the widest cell
 * so far, so that rows that come later still stand under the first.
 */
export function tableWriter<T>(columns: readonly Column<T>[], wide: boolean): (rows: readonly T[]) => string {
  const shown = columns.filter((column) => wide || column.wide !== true);
  const widths = shown.map(() => 0);
  let header: string[][] = [shown.map((column) => column.header)];
  return (rows) => {
    const lines = [
      ...header,
      ...rows.map((row) => shown.map(({ cell }) => printable(cell(row)) || "<none>")),
    ];
    header = [];
    for (const line of lines) {
      for (const [at, cell] of line.entries()) widths[at] = Math.max(widths[at] ?? 0, length(cell));
    }
    return lines
      .map(
        (line) =>
          `${line
            .map((cell, at) => pad(cell, widths[at] ?? 0))
            .join("")
            .trimEnd()}\n`,
      )
      .join("");
  };
}

function pad(cell: string, width: number): string {
  return cell + " ".repeat(width + GAP - length(cell));
}

/** In characters, as Go's tabwriter counts. */
function length(cell: string): number {
  return [...cell].length;
}

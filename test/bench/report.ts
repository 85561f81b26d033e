/** From measurements to a table and JSON. */

export interface Cell {
  target: string;
  body: string;
  concurrency: number;
  /** One entry a round. */
  p50: number[];
  p99: number[];
  throughput: number[];
  /** Pooled over the rounds: microseconds of CPU a write, of the webhook and of kube-apiserver. */
  webhookMicros: number | null;
  apiserverMicros: number;
  residentMebibytes: number | null;
  failures: number;
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

export function percentile(values: readonly number[], p: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * p))] ?? Number.NaN;
}

const COLUMNS: readonly [string, (cell: Cell, floor: Cell | undefined) => string][] = [
  ["TARGET", (cell) => cell.target],
  ["BODY", (cell) => cell.body],
  ["AT ONCE", (cell) => String(cell.concurrency)],
  ["P50 MS", (cell) => median(cell.p50).toFixed(1)],
  ["P99 MS", (cell) => median(cell.p99).toFixed(1)],
  ["WRITES/S", (cell) => median(cell.throughput).toFixed(0)],
  ["WEBHOOK US", (cell) => cell.webhookMicros?.toFixed(0) ?? "-"],
  ["X NULL GO", (cell, floor) => ratio(cell.webhookMicros, floor?.webhookMicros ?? null)],
  ["APISERVER US", (cell) => cell.apiserverMicros.toFixed(0)],
  [
    "X THROUGHPUT",
    (cell, floor) => ratio(median(cell.throughput), floor === undefined ? null : median(floor.throughput)),
  ],
  ["RSS MIB", (cell) => cell.residentMebibytes?.toFixed(0) ?? "-"],
  ["FAILED", (cell) => String(cell.failures)],
];

function ratio(value: number | null, floor: number | null): string {
  return value === null || floor === null ? "-" : (value / floor).toFixed(2);
}

/** `floor`: the target that ratios are taken to, at the same body and concurrency. */
export function table(cells: readonly Cell[], floor: string): string {
  const rows = cells.map((cell) => {
    const same = cells.find(
      (other) => other.target === floor && other.body === cell.body && other.concurrency === cell.concurrency,
    );
    return COLUMNS.map(([, text]) => text(cell, same));
  });
  const all = [COLUMNS.map(([name]) => name), ...rows];
  const widths = COLUMNS.map((_, n) => Math.max(...all.map((row) => row[n]?.length ?? 0)));
  return all
    .map((row) =>
      row
        .map((text, n) => text.padEnd(widths[n] ?? 0))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

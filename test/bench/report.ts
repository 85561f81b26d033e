/** From measurements to tables. */
import type { Turn } from "./measure.ts";
import type { Share } from "./people.ts";

/** One target at one body and concurrency. */
export interface Cell {
  target: string;
  body: string;
  concurrency: number;
  /** Of the rounds, the median of each one's median, and so on. */
  p50: number;
  p99: number;
  throughput: number;
  /** Pooled over the rounds: microseconds of CPU a write. */
  webhookMicros: number | null;
  apiserverMicros: number;
  /** The most seen. */
  residentMebibytes: number | null;
  failures: number;
}

export function cellOf(place: Pick<Cell, "target" | "body" | "concurrency">, turns: readonly Turn[]): Cell {
  const sum = (of: (turn: Turn) => number) => turns.reduce((total, turn) => total + of(turn), 0);
  const writes = Math.max(
    1,
    sum(({ times }) => times.length),
  );
  const isWebhook = turns.some(({ webhookSeconds }) => webhookSeconds !== null);
  return {
    ...place,
    p50: median(turns.map(({ times }) => percentile(times, 0.5))),
    p99: median(turns.map(({ times }) => percentile(times, 0.99))),
    throughput: median(turns.map(({ times, seconds }) => times.length / seconds)),
    webhookMicros: isWebhook ? (sum(({ webhookSeconds }) => webhookSeconds ?? 0) / writes) * 1e6 : null,
    apiserverMicros: (sum(({ apiserverSeconds }) => apiserverSeconds) / writes) * 1e6,
    residentMebibytes: isWebhook ? Math.max(...turns.map((turn) => turn.residentMebibytes ?? 0)) : null,
    failures: sum(({ failures }) => failures),
  };
}

export function median(values: readonly number[]): number {
  return percentile(values, 0.5);
}

export function percentile(values: readonly number[], p: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * p))] ?? Number.NaN;
}

/** Which targets ratios are taken to. */
export interface Floors {
  none: string;
  nothing: string;
  stamped: string;
}

type Same = (target: string) => Cell | undefined;

const COLUMNS: readonly [string, (cell: Cell, same: Same, floors: Floors) => string][] = [
  ["TARGET", (cell) => cell.target],
  ["BODY", (cell) => cell.body],
  ["AT ONCE", (cell) => String(cell.concurrency)],
  ["P50 MS", (cell) => cell.p50.toFixed(1)],
  ["P99 MS", (cell) => cell.p99.toFixed(1)],
  ["WRITES/S", (cell) => cell.throughput.toFixed(0)],
  ["x NULL", (cell, same, { nothing }) => ratio(cell.throughput, same(nothing)?.throughput)],
  ["x STAMPED", (cell, same, { stamped }) => ratio(cell.throughput, same(stamped)?.throughput)],
  ["REVIEW µs", (cell) => cell.webhookMicros?.toFixed(0) ?? "-"],
  ["x NULL", (cell, same, { nothing }) => ratio(cell.webhookMicros, same(nothing)?.webhookMicros)],
  ["x STAMPED", (cell, same, { stamped }) => ratio(cell.webhookMicros, same(stamped)?.webhookMicros)],
  ["API SERVER µs", (cell) => cell.apiserverMicros.toFixed(0)],
  ["x NONE", (cell, same, { none }) => ratio(cell.apiserverMicros, same(none)?.apiserverMicros)],
  ["RSS MIB", (cell) => cell.residentMebibytes?.toFixed(0) ?? "-"],
  ["FAILED", (cell) => String(cell.failures)],
];

function ratio(value: number | null, floor: number | null | undefined): string {
  return value === null || floor === null || floor === undefined ? "-" : (value / floor).toFixed(2);
}

/** Ratios are taken at the same body and concurrency. */
export function table(cells: readonly Cell[], floors: Floors): string {
  const rows = cells.map((cell) => {
    const same = (target: string) =>
      cells.find(
        (other) =>
          other.target === target && other.body === cell.body && other.concurrency === cell.concurrency,
      );
    return COLUMNS.map(([, text]) => text(cell, same, floors));
  });
  return aligned([COLUMNS.map(([name]) => name), ...rows]);
}

export function shareTable(shares: readonly Share[]): string {
  const rows = shares.map(({ name, body, concurrency, pairs, ratio: mean, low, high }) => [
    name,
    body,
    String(concurrency),
    String(pairs),
    mean.toFixed(3),
    `${low.toFixed(3)} to ${high.toFixed(3)}`,
  ]);
  return aligned([["PEOPLE", "BODY", "AT ONCE", "PAIRS", "x API SERVER CPU", "95 %"], ...rows]);
}

export function aligned(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, n) => Math.max(...rows.map((row) => row[n]?.length ?? 0)));
  const line = (row: readonly string[]) => row.map((text, n) => text.padEnd(widths[n] ?? 0)).join("  ");
  return rows.map((row) => line(row).trimEnd()).join("\n");
}

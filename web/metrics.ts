/** Prometheus metrics. No user, agent, namespace or approval is a label: their number has no bound. */
import { Counter, Gauge, Histogram, Registry } from "prom-client";
import type { AuditFate } from "#core/audit/intake.ts";
import type { Meter } from "#core/ports.ts";
import { type ApiLoad, type ApiMetrics, apiMetrics } from "./api-metrics.ts";

/** What is asked at each scrape. */
export interface Gauges {
  pending: () => Promise<number>;
  waiting: () => number;
  ledgerEntries: () => Promise<number>;
  /** Entries that searches have to wait for. */
  searchBehind: () => Promise<number>;
  /** Bytes that the store takes up, and how many of them are free. */
  storeUsage: () => Promise<{ bytes: number; free: number }>;
  /** Milliseconds since the epoch. */
  certificateExpiry: () => number;
  apiLoad: () => ApiLoad;
  version: string;
}

export interface Metrics extends Meter {
  /** An attempt to tell of a moment in an approval's life. */
  told(channel: string, kind: string, outcome: "delivered" | "failed"): void;
  /** So many audit events came to this. */
  audited(fate: AuditFate, events: number): void;
  /** What doctor finds, by severity; undefined where it could not look. */
  doctor(findings: Readonly<Record<string, number>> | undefined): void;
  api: ApiMetrics;
  /** The text that Prometheus scrapes. */
  text(): Promise<string>;
  contentType: string;
}

const FAST = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1];
const SLOW = [0.1, 1, 5, 10, 25, 60, 120, 300];

export function metrics(gauges: Gauges): Metrics {
  const registry = new Registry();
  const registers = [registry];
  const admission = new Histogram({
    name: "hoop_admission_duration_seconds",
    help: "Time to judge and record a request of an agent, without waiting for people.",
    labelNames: ["verdict"],
    buckets: FAST,
    registers,
  });
  const hold = new Histogram({
    name: "hoop_hold_wait_seconds",
    help: "Time a held request waited in one call.",
    labelNames: ["outcome"],
    buckets: SLOW,
    registers,
  });
  const decisions = new Counter({
    name: "hoop_decisions_total",
    help: "Ends of waiting: approved, denied, expired, superseded, void; and pending for its beginning.",
    labelNames: ["outcome"],
    registers,
  });
  const failures = new Counter({
    name: "hoop_ledger_append_failures_total",
    help: "Requests that were denied because they could not be recorded.",
    registers,
  });
  const notifications = new Counter({
    name: "hoop_notifications_total",
    help: "Attempts to tell of an approval or decision.",
    labelNames: ["channel", "outcome"],
    registers,
  });
  const audited = new Counter({
    name: "hoop_audit_events_total",
    help: "Audit events that the API server sent, by what came of them.",
    labelNames: ["outcome"],
    registers,
  });
  const ways = new Gauge({
    name: "hoop_doctor_findings",
    help: "What kubectl hoop doctor finds, as of the last time it was examined; none while it cannot be.",
    labelNames: ["severity"],
    registers,
  });
  asked(registry, gauges);
  return {
    admission: (verdict, seconds) => admission.observe({ verdict }, seconds),
    hold: (outcome, seconds) => hold.observe({ outcome }, seconds),
    notRecorded: () => failures.inc(),
    told: (channel, kind, outcome) => {
      notifications.inc({ channel, outcome });
      // Events are always on, so they see each decision once.
      if (channel === "events" && outcome === "delivered") decisions.inc({ outcome: kind });
    },
    audited: (outcome, events) => audited.inc({ outcome }, events),
    doctor: (findings) => {
      ways.reset();
      for (const [severity, count] of Object.entries(findings ?? {})) ways.set({ severity }, count);
    },
    api: apiMetrics(registry, gauges.apiLoad),
    text: () => registry.metrics(),
    contentType: registry.contentType,
  };
}

function asked(registry: Registry, gauges: Gauges): void {
  const registers = [registry];
  const gauge = (name: string, help: string, read: () => number | Promise<number>) =>
    new Gauge({
      name,
      help,
      registers,
      async collect() {
        this.set(await read());
      },
    });
  gauge(
    "hoop_approvals_pending",
    "Approvals that are Pending, or Approved and not used yet.",
    gauges.pending,
  );
  gauge("hoop_store_bytes", "Bytes that the store takes up.", async () => (await gauges.storeUsage()).bytes);
  gauge(
    "hoop_store_free_bytes",
    "Bytes of the store that are free to be written again.",
    async () => (await gauges.storeUsage()).free,
  );
  gauge(
    "hoop_search_behind_entries",
    "Entries of the ledger that are not in the search index yet.",
    gauges.searchBehind,
  );
  gauge("hoop_held_requests", "Requests that wait here now.", gauges.waiting);
  gauge(
    "hoop_certificate_expiry_timestamp_seconds",
    "When the serving certificate expires.",
    () => gauges.certificateExpiry() / 1000,
  );
  new Counter({
    name: "hoop_ledger_entries_total",
    help: "Entries of the ledger.",
    registers,
    async collect() {
      this.reset();
      this.inc(await gauges.ledgerEntries());
    },
  });
  new Gauge({
    name: "hoop_build_info",
    help: "1, with what is running.",
    labelNames: ["version", "node"],
    registers,
  }).set({ version: gauges.version, node: process.version }, 1);
}

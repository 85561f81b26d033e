/** The aggregated API in the metrics that Kubernetes' own API servers have, so that their dashboards fit it too. */
import { Counter, Gauge, Histogram, type Registry } from "prom-client";

/** What requests are counted by: resources that are served, verbs and scopes, so their number is bounded. */
export interface ApiLabels {
  verb: string;
  group: string;
  version: string;
  resource: string;
  subresource: string;
  scope: string;
  dryRun: string;
}

/** A request that has ended. */
export interface ApiRequestEvent extends ApiLabels {
  code: number;
  seconds: number;
}

/** What runs now. */
export interface ApiLoad {
  reading: number;
  writing: number;
  longRunning: readonly (ApiLabels & { count: number })[];
}

/** A question to the API server: whose token it is (authn), or whether somebody may (authz). */
export interface ReviewEvent {
  kind: "authn" | "authz";
  /** "200", or "error" where it could not be asked. */
  code: string;
  seconds: number;
}

export interface ApiMetrics {
  request(event: ApiRequestEvent): void;
  /** Answers from the cache are not told of: requests less these are its hits. */
  reviewed(event: ReviewEvent): void;
}

const SECONDS = [
  0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1, 1.25, 1.5, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 45, 60,
];
const LABELS = ["verb", "group", "version", "resource", "subresource", "scope", "component"] as const;

export function apiMetrics(registry: Registry, load: () => ApiLoad): ApiMetrics {
  const registers = [registry];
  const total = new Counter({
    name: "apiserver_request_total",
    help: "Requests to the aggregated API.",
    labelNames: [...LABELS, "dry_run", "code"],
    registers,
  });
  const duration = new Histogram({
    name: "apiserver_request_duration_seconds",
    help: "Time from a request to the aggregated API until it was answered.",
    labelNames: [...LABELS, "dry_run"],
    buckets: SECONDS,
    registers,
  });
  running(registry, load);
  const reviews = reviewMetrics(registry);
  return {
    request(event) {
      const labels = { ...labelsOf(event), dry_run: event.dryRun };
      total.inc({ ...labels, code: String(event.code) });
      duration.observe(labels, event.seconds);
    },
    reviewed: ({ kind, code, seconds }) => reviews[kind](code, seconds),
  };
}

function labelsOf({ verb, group, version, resource, subresource, scope }: ApiLabels) {
  return { verb, group, version, resource, subresource, scope, component: "apiserver" };
}

function running(registry: Registry, load: () => ApiLoad): void {
  const registers = [registry];
  new Gauge({
    name: "apiserver_longrunning_requests",
    help: "Watches and connections that are open.",
    labelNames: [...LABELS],
    registers,
    collect() {
      this.reset();
      for (const { count, ...labels } of load().longRunning) this.inc(labelsOf(labels), count);
    },
  });
  new Gauge({
    name: "apiserver_current_inflight_requests",
    help: "Requests that count towards the limit of their kind.",
    labelNames: ["request_kind"],
    registers,
    collect() {
      const { reading, writing } = load();
      this.set({ request_kind: "readOnly" }, reading);
      this.set({ request_kind: "mutating" }, writing);
    },
  });
}

function reviewMetrics(registry: Registry) {
  const registers = [registry];
  const of = (kind: ReviewEvent["kind"], what: string) => {
    const total = new Counter({
      name: `apiserver_delegated_${kind}_request_total`,
      help: `How often the API server was asked ${what}.`,
      labelNames: ["code"],
      registers,
    });
    const duration = new Histogram({
      name: `apiserver_delegated_${kind}_request_duration_seconds`,
      help: `How long it took to be told ${what}.`,
      labelNames: ["code"],
      buckets: [0.25, 0.5, 0.7, 1, 1.5, 3, 5, 10],
      registers,
    });
    return (code: string, seconds: number) => {
      total.inc({ code });
      duration.observe({ code }, seconds);
    };
  };
  return { authn: of("authn", "whose token it is"), authz: of("authz", "whether somebody may do something") };
}

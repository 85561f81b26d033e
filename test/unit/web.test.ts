import { expect } from "chai";
import supertest from "supertest";
import { type Gauges, metrics } from "#web/metrics.ts";
import { webApp } from "#web/server.ts";

const LABELS = {
  ...{ verb: "GET", group: "hoop.dev", version: "v1alpha1", resource: "approvals", subresource: "" },
  ...{ scope: "resource", dryRun: "" },
};
const gauges: Gauges = {
  pending: async () => 2,
  waiting: () => 1,
  ledgerEntries: async () => 17,
  searchBehind: async () => 3,
  storeUsage: async () => ({ bytes: 4096, free: 0 }),
  certificateExpiry: () => 1_900_000_000_000,
  apiLoad: () => ({
    reading: 3,
    writing: 1,
    longRunning: [{ ...LABELS, verb: "WATCH", scope: "namespace", count: 2 }],
  }),
  version: "v0",
};

const SHOWN =
  'verb="GET",group="hoop.dev",version="v1alpha1",resource="approvals",subresource="",scope="resource"';

describe("the web server", () => {
  it("is alive whatever is missing, and ready when nothing is", async () => {
    let missing: string[] = ["the store"];
    const app = supertest(webApp({ metrics: metrics(gauges), notReady: () => missing }));
    expect((await app.get("/livez")).status).to.equal(200);
    const unready = await app.get("/readyz");
    expect([unready.status, unready.text]).to.deep.equal([503, "not ready: the store\n"]);
    missing = [];
    expect((await app.get("/readyz")).status).to.equal(200);
  });

  it("tells Prometheus what was counted", async () => {
    const counting = metrics(gauges);
    counting.admission("allow", 0.002);
    counting.hold("spent", 12);
    counting.told("events", "approved", "delivered");
    counting.notRecorded();
    counting.audited("repeated", 3);
    counting.told("callback", "denied", "failed");
    counting.api.request({ ...LABELS, code: 404, seconds: 0.03 });
    counting.api.reviewed({ kind: "authz", code: "200", seconds: 0.01 });
    const app = supertest(webApp({ metrics: counting, notReady: () => [] }));
    const { text, type } = await app.get("/metrics");
    expect(type).to.equal("text/plain");
    for (const line of [
      'hoop_admission_duration_seconds_count{verdict="allow"} 1',
      'hoop_hold_wait_seconds_bucket{le="25",outcome="spent"} 1',
      'hoop_decisions_total{outcome="approved"} 1',
      "hoop_ledger_append_failures_total 1",
      'hoop_audit_events_total{outcome="repeated"} 3',
      'hoop_notifications_total{channel="callback",outcome="failed"} 1',
      `apiserver_request_total{${SHOWN},component="apiserver",dry_run="",code="404"} 1`,
      `apiserver_request_duration_seconds_bucket{le="0.05",${SHOWN},component="apiserver",dry_run=""} 1`,
      'apiserver_longrunning_requests{verb="WATCH",group="hoop.dev"',
      'apiserver_current_inflight_requests{request_kind="readOnly"} 3',
      'apiserver_current_inflight_requests{request_kind="mutating"} 1',
      'apiserver_delegated_authz_request_total{code="200"} 1',
      "hoop_approvals_pending 2",
      "hoop_held_requests 1",
      "hoop_ledger_entries_total 17",
      "hoop_search_behind_entries 3",
      "hoop_certificate_expiry_timestamp_seconds 1900000000",
    ])
      expect(text).to.contain(line);
  });

  it("knows no other path and says nothing of itself", async () => {
    const answer = await supertest(webApp({ metrics: metrics(gauges), notReady: () => [] })).get(
      "/approvals",
    );
    expect(answer.status).to.equal(404);
    expect(answer.headers).to.not.have.property("x-powered-by");
  });
});

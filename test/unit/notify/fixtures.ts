import type { Approval, Phase } from "#core/approval.ts";
import type { Clock, Log } from "#core/ports.ts";
import type { Store } from "#kit/storage.ts";

export const silent: Log = { info() {}, warn() {}, error() {} };

/** A clock whose sleeps are over at once; it keeps how long they would have been. */
export function instantClock(): Clock & { slept: number[] } {
  let now = Date.UTC(2026, 0, 2, 3, 4, 5);
  const slept: number[] = [];
  return {
    slept,
    now: () => now,
    async sleep(milliseconds) {
      slept.push(milliseconds);
      now += milliseconds;
      await new Promise((resolve) => setImmediate(resolve));
    },
  };
}

export function approval(
  name: string,
  phase: Phase = "Pending",
  change: Partial<Approval["spec"]> = {},
): Approval {
  return {
    apiVersion: "hoop.dev/v1alpha1",
    kind: "Approval",
    metadata: { name, namespace: "shop", uid: `uid-of-${name}`, creationTimestamp: "2026-01-02T03:04:05Z" },
    spec: {
      agent: { username: "bot", groups: ["hoop:agents"], credentialID: "JTI=1" },
      operation: "DELETE",
      target: {
        group: "apps",
        version: "v1",
        resource: "deployments",
        kind: "Deployment",
        namespace: "shop",
        name: "web",
      },
      rules: [{ name: "delete-workload", message: "it serves people" }],
      approvers: [{ groups: [], count: 1 }],
      digest: "0".repeat(64),
      change: { diff: "-replicas: 3", object: { hidden: "payload" } },
      ...change,
    },
    status: {
      phase,
      expiresAt: "2026-01-02T04:04:05Z",
      decisions:
        phase === "Approved" || phase === "Denied"
          ? [
              {
                user: "ann",
                verdict: phase === "Approved" ? "Approve" : "Deny",
                groups: ["sre"],
                time: "2026-01-02T03:05:00Z",
              },
            ]
          : [],
      conditions: [],
    },
  };
}

/** Stores an approval the way the hold does. */
export async function put(store: Store, ...approvals: Approval[]): Promise<void> {
  await store.commit({
    puts: approvals.map((one) => ({
      key: `approvals/ns-uid/${one.metadata.name}`,
      value: JSON.stringify({ approval: one, intent: "", namespaceUid: "ns-uid", approvedSeconds: 600 }),
    })),
  });
}

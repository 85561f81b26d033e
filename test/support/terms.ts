/** What an AgentProfile that says nothing else gives its sessions. */
import type { Granted } from "#core/digest/refers-to.ts";
import type { ApprovalPorts } from "#core/session/approval.ts";
import type { SessionTerms } from "#core/session/profile.ts";
import { TERMS } from "./reviews.ts";

export function sessionTerms(terms: Partial<SessionTerms> = {}): SessionTerms {
  return {
    serviceAccount: { namespace: "work", name: "bot" },
    ...{ defaultSeconds: 600, maxSeconds: 3600, idleSeconds: 0, maxSessions: 2, requestsPerSecond: 10 },
    ...{ exec: { stdin: true, tty: true }, portForward: false, reveal: [], exempt: [], windows: [] },
    keep: { requestBytes: 256 * 1024, responseBytes: 256 * 1024 },
    ...terms,
  };
}

/** What asking people for a session takes beside store, clock and agents; `granted`: what its ServiceAccount may do. */
export function asking(
  granted: readonly Granted[] = [],
): Pick<ApprovalPorts, "cluster" | "installationKey" | "maxPendingPerAgent" | "terms"> {
  return {
    ...{ installationKey: "key", maxPendingPerAgent: 10, terms: TERMS },
    cluster: {
      namespaceUid: async (name) =>
        name === "demo" ? { known: true, uid: "ns-1" } : { known: false, why: "there is none", absent: true },
      referent: async () => ({ known: true, state: { kind: "granted", granted: [...granted] } }),
    },
  };
}

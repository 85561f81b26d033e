/** Audit events as kube-apiserver sends them. */
import type { Json, JsonObject } from "#core/admission.ts";
import { decodeEvents, type EventList } from "#core/audit/event.ts";
import type { AuditSink } from "#webhook/audit.ts";

/** For webhooks that nobody sends events to. */
export const NO_AUDIT: AuditSink = {
  take: async () => {
    throw new Error("no audit event was expected");
  },
};

export const PREFIX = "agents-are-refused-while-hoop-is-unreachable.hoop.dev/";

/** A create of a ConfigMap by an agent, which succeeded; `given` in place of what it has. */
export function auditEvent(given: JsonObject = {}): JsonObject {
  return {
    level: "RequestResponse",
    auditID: "b5f0c2a4-0d6b-4d7e-9a3f-1f5f0a8f6a01",
    stage: "ResponseComplete",
    requestURI: "/api/v1/namespaces/demo/configmaps?fieldManager=kubectl-create",
    verb: "create",
    user: {
      username: "agent",
      groups: ["hoop:agents", "system:authenticated"],
      extra: { "authentication.kubernetes.io/credential-id": ["X509SHA256=ab"] },
    },
    sourceIPs: ["127.0.0.1"],
    userAgent: "kubectl/v1.36.3",
    objectRef: { resource: "configmaps", namespace: "demo", name: "made", apiVersion: "v1" },
    responseStatus: { metadata: {}, code: 201 },
    requestReceivedTimestamp: "2026-11-21T09:00:00.000000Z",
    stageTimestamp: "2026-11-21T09:00:00.020000Z",
    ...given,
  };
}

/** The annotations by which an event names admission entries, as a call that was admitted so often has them. */
export function naming(...records: number[]): JsonObject {
  const [first] = records;
  return {
    ...(first === undefined ? {} : { [`${PREFIX}record`]: String(first) }),
    ...Object.fromEntries(records.map((record) => [`${PREFIX}record-${record}`, ""])),
  };
}

export function eventList(...items: Json[]): JsonObject {
  return { kind: "EventList", apiVersion: "audit.k8s.io/v1", metadata: {}, items };
}

export function decodedEvents(...items: Json[]): EventList {
  const list = decodeEvents(eventList(...items));
  if (list === undefined) throw new Error("that is no EventList");
  return list;
}

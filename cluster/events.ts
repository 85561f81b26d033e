/** Kubernetes Events, so that what happens to an object is seen beside it (`kubectl describe`, `kubectl get events`). */
import { type Client, KubeError, path } from "./client.ts";
import { isTransient } from "./retry.ts";

export interface ObjectReference {
  apiVersion: string;
  kind: string;
  /** Left out for cluster-scoped objects. */
  namespace?: string;
  name: string;
  uid?: string;
}

export interface TargetEvent {
  about: ObjectReference;
  /** A second object that has to do with it. */
  related?: ObjectReference;
  type: "Normal" | "Warning";
  /** CamelCase, such as ApprovalPending. */
  reason: string;
  /** What was done about it, CamelCase. */
  action: string;
  message: string;
  /** Milliseconds since the epoch. */
  time: number;
}

export type Posted = { posted: true } | { posted: false; why: string };

const LONGEST_NOTE = 1024;

/**
 * Posts an event in the namespace of what it is about; `default` for cluster-scoped objects. Where the API server
 * refuses it (the namespace is gone, say) that is the outcome; rejects only where trying again may help.
 */
export async function postEvent(client: Client, event: TargetEvent): Promise<Posted> {
  const namespace = event.about.namespace ?? "default";
  const body = {
    apiVersion: "events.k8s.io/v1",
    kind: "Event",
    metadata: { generateName: "hoop-", namespace },
    // MicroTime: exactly six decimals.
    eventTime: new Date(event.time).toISOString().replace("Z", "000Z"),
    reportingController: "hoop.dev",
    reportingInstance: "hoop.dev",
    type: event.type,
    reason: event.reason,
    action: event.action,
    regarding: event.about,
    ...(event.related !== undefined && { related: event.related }),
    note: shortened(event.message),
  };
  try {
    await client.request({
      method: "POST",
      path: path("apis", "events.k8s.io", "v1", "namespaces", namespace, "events"),
      body,
    });
    return { posted: true };
  } catch (error) {
    if (!(error instanceof KubeError) || error.code === 0 || isTransient(error)) throw error;
    return { posted: false, why: error.message };
  }
}

/** The API counts bytes; a character is not cut in half. */
function shortened(text: string): string {
  const bytes = Buffer.from(text);
  if (bytes.length <= LONGEST_NOTE) return text;
  return `${new TextDecoder().decode(bytes.subarray(0, LONGEST_NOTE - 6)).replace(/\uFFFD+$/, "")}…`;
}

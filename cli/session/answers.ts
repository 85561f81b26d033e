/**
 * What lies beside a record and is told in the timeline: how something is to be deleted, a long address, why a call was
 * refused, to which ports of a pod there were connections.
 */
import { parseJson } from "#core/json.ts";
import type { LedgerRecord } from "../api.ts";

/** Whether something of what lies beside the record is told in the timeline. */
export function isTelling({ spec }: LedgerRecord): boolean {
  if (spec.kind !== "brokered") return false;
  if (spec.event === "request") return spec.shortened === true || /^delete/.test(spec.verb);
  if (spec.event === "stream") return false;
  return (spec.code ?? 0) >= 400 || spec.target?.subresource === "portforward";
}

/** Undefined: nothing that is told. */
export function answeredBeside(payload: unknown): string | undefined {
  const body = objectIn(member(payload, "body"));
  if (member(body, "kind") === "Status") {
    const message = member(body, "message");
    return typeof message === "string" ? message : undefined;
  }
  const connections = member(body, "connections");
  return typeof connections === "object" && connections !== null ? portWords(connections) : undefined;
}

function portWords(connections: object): string {
  const ports = Object.entries(connections).map(([port, times]) => `port ${port} (${String(times)})`);
  return ports.length === 0 ? "no connection to a port" : `connections to ${ports.join(", ")}`;
}

export function member(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null ? Reflect.get(value, name) : undefined;
}

/** What an agent was answered may have been kept as text. */
export function objectIn(body: unknown): unknown {
  if (typeof body !== "string" || !body.startsWith("{")) return body;
  try {
    return parseJson(body);
  } catch {
    return undefined;
  }
}

/**
 * `/audit`: where kube-apiserver's audit webhook backend sends what happened. It is answered once all of it is durable; for
 * anything but success the API server sends the same again, some times.
 */
import { isObject, type Json } from "#core/admission.ts";
import { decodeEvents, type EventList } from "#core/audit/event.ts";
import { BadReview } from "./decode.ts";

/** Where events go. Rejects when they could not be kept. */
export interface AuditSink {
  take(list: EventList): Promise<number>;
}

export async function heard(sink: AuditSink, body: string): Promise<object> {
  return { entries: await sink.take(decodeEventList(body)) };
}

/**
 * One odd item loses nothing of the others; bodies that are nested too deeply are left out. Integers beyond 2^53 are
 * rounded here: nothing is decided by them.
 * @throws {BadReview} that never quotes what came.
 */
function decodeEventList(body: string): EventList {
  const list = decodeEvents(parsed(body));
  if (list !== undefined) return list;
  throw new BadReview("the body is not an EventList of audit.k8s.io/v1");
}

function parsed(body: string): Json {
  try {
    const value: Json = JSON.parse(body);
    if (isObject(value)) return value;
  } catch {
    throw new BadReview("the body is not JSON");
  }
  throw new BadReview("the body is not a JSON object");
}

/** A watch of the cluster's Secrets. */
import { type BackendEvent, BackendRefusal, type CoreSecret } from "#core/secrets/backend.ts";
import type { Call, KubeDetails } from "./client.ts";
import { type OpenStream, refusal } from "./secrets-refusal.ts";

interface Metadata {
  resourceVersion?: string;
  annotations?: Record<string, string>;
}

type Frame =
  | { type: "ADDED" | "MODIFIED" | "DELETED"; object: CoreSecret }
  | { type: "BOOKMARK"; object: { metadata?: Metadata } }
  | { type: "ERROR"; object: { code?: number; reason?: string; message?: string; details?: KubeDetails } };

/** Batches of what came in at once. Throws a BackendRefusal for what the API server says and where it breaks off. */
export async function* watchSecrets(
  open: OpenStream,
  call: Call,
  signal: AbortSignal,
): AsyncGenerator<readonly BackendEvent[]> {
  try {
    for await (const lines of lineBatches(await open({ ...call, signal }))) {
      const events: BackendEvent[] = [];
      for (const line of lines) {
        const event = eventOf(frameOf(line));
        // What came before an error is told first.
        if (event instanceof BackendRefusal) {
          if (events.length > 0) yield events;
          throw event;
        }
        events.push(event);
      }
      yield events;
    }
  } catch (error) {
    if (!signal.aborted) throw refusal(error);
  }
}

/** The complete lines of each part, without those that are empty. */
async function* lineBatches(body: AsyncIterable<Uint8Array>): AsyncGenerator<string[]> {
  let held: Uint8Array[] = [];
  for await (const bytes of body) {
    const end = bytes.lastIndexOf(NEWLINE) + 1;
    if (end > 0) {
      const text = Buffer.concat([...held, bytes.subarray(0, end)]).toString();
      held = [];
      const lines = text.split("\n").filter((line) => line !== "");
      if (lines.length > 0) yield lines;
    }
    if (end < bytes.length) held.push(bytes.subarray(end));
  }
  if (held.length > 0) throw new BackendRefusal(0, "Unreachable", "the watch broke off within an event");
}

const NEWLINE = 0x0a;

/** The engine's own message would quote what may be a Secret. */
function frameOf(line: string): Frame {
  try {
    return JSON.parse(line);
  } catch {
    throw new BackendRefusal(0, "Unreachable", "an event of the watch is not JSON");
  }
}

function eventOf(frame: Frame): BackendEvent | BackendRefusal {
  switch (frame.type) {
    case "BOOKMARK": {
      const { resourceVersion = "", annotations = {} } = frame.object.metadata ?? {};
      const initialEventsEnd = annotations["k8s.io/initial-events-end"] === "true";
      return { type: "BOOKMARK", resourceVersion, initialEventsEnd };
    }
    case "ERROR": {
      const { code = 500, reason = "", message = "the watch failed", details = {} } = frame.object;
      return new BackendRefusal(code, reason, message, details);
    }
    default:
      return { type: frame.type, secret: frame.object };
  }
}

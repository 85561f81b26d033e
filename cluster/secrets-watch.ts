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

/** Longer texts are what there is already, which one watch alone is told. */
const LIVE = 32 * 1024;
/** So many characters of lines are kept. */
const KEPT = 1024 * 1024;
/** Milliseconds for which they are: there are values in them. */
const WHILE = 10_000;

/**
 * What many watches are told, each by its own stream, is read once: all get the very same event. So what is made of it
 * can be made once, too.
 */
export class SharedEvents {
  readonly #events = new Map<string, BackendEvent | BackendRefusal>();
  #size = 0;
  #forgetting: NodeJS.Timeout | undefined;

  /** The events of the lines, in their order. */
  of(text: string): (BackendEvent | BackendRefusal)[] {
    const lines = text.split("\n").filter((line) => line !== "");
    if (text.length > LIVE) return lines.map(eventOf);
    return lines.map((line) => this.#events.get(line) ?? this.#kept(line, eventOf(line)));
  }

  #kept<E extends BackendEvent | BackendRefusal>(line: string, event: E): E {
    this.#events.set(line, event);
    this.#size += line.length;
    for (const oldest of this.#events.keys()) {
      if (this.#size <= KEPT) break;
      this.#events.delete(oldest);
      this.#size -= oldest.length;
    }
    this.#forgetting ??= setTimeout(() => this.#forget(), WHILE).unref();
    return event;
  }

  #forget(): void {
    this.#events.clear();
    this.#size = 0;
    this.#forgetting = undefined;
  }
}

/** Batches of what came in at once. Throws a BackendRefusal for what the API server says and where it breaks off. */
export async function* watchSecrets(
  open: OpenStream,
  call: Call,
  shared: SharedEvents,
  signal: AbortSignal,
): AsyncGenerator<readonly BackendEvent[]> {
  try {
    for await (const text of linesOf(await open({ ...call, signal }))) {
      const events: BackendEvent[] = [];
      for (const event of shared.of(text)) {
        // What came before an error is told first.
        if (event instanceof BackendRefusal) {
          if (events.length > 0) yield events;
          throw event;
        }
        events.push(event);
      }
      if (events.length > 0) yield events;
    }
  } catch (error) {
    if (!signal.aborted) throw refusal(error);
  }
}

/** The complete lines of each part. */
async function* linesOf(body: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  let held: Uint8Array[] = [];
  for await (const bytes of body) {
    const end = bytes.lastIndexOf(NEWLINE) + 1;
    if (end > 0) {
      yield Buffer.concat([...held, bytes.subarray(0, end)]).toString();
      held = [];
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

function eventOf(line: string): BackendEvent | BackendRefusal {
  const frame = frameOf(line);
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

/** Tells of annotations that deny agents because they cannot be read, by an Event on what they stand on. */
import type { BrokenAnnotation } from "#core/policy/ports.ts";
import type { Log } from "#core/ports.ts";
import type { Client } from "./client.ts";
import { postEvent } from "./events.ts";

export interface BrokenAnnotations {
  /** Posts an Event, of the same annotation not again for a while. Never throws. */
  tell(broken: BrokenAnnotation): void;
  stop(): Promise<void>;
}

/** Milliseconds in which the same is told once. */
const QUIET = 10 * 60_000;
/** How many may be told in that time: an agent that writes all day must not fill the cluster's etcd with Events. */
const MOST = 200;

export function brokenAnnotations(client: Client, log: Log): BrokenAnnotations {
  const told = new Map<string, number>();
  const posting = new Set<Promise<void>>();

  async function post({ on, annotation, message }: BrokenAnnotation): Promise<void> {
    const { apiVersion, kind, namespace, name, uid } = on;
    const what = { annotation, kind, namespace, name };
    try {
      const posted = await postEvent(client, {
        about: {
          ...{ apiVersion, kind, name },
          ...(namespace === "" ? {} : { namespace }),
          ...(uid === "" ? {} : { uid }),
        },
        ...{ type: "Warning", reason: "BrokenAnnotation", action: "Denied", time: Date.now() },
        message: `What agents do here is denied: ${annotation} cannot be read: ${message}`,
      });
      log.warn({ ...what, ...posted }, "an annotation cannot be read, so agents are denied");
    } catch (error) {
      log.warn(
        { ...what, error: String(error) },
        "an annotation cannot be read, and no Event could be posted",
      );
    }
  }

  return {
    tell(broken) {
      const { on, annotation, message } = broken;
      const key = JSON.stringify([on.kind, on.namespace, on.name, on.uid, annotation, message]);
      const now = performance.now();
      for (const [other, at] of told) if (now - at > QUIET) told.delete(other);
      if (told.has(key) || told.size >= MOST) return;
      told.set(key, now);
      const posted = post(broken).finally(() => posting.delete(posted));
      posting.add(posted);
    },
    async stop() {
      await Promise.all(posting);
    },
  };
}

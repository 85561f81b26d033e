/** What came of a write that Hoop did itself for an agent: nobody else tells, and it knows. */
import type { Store } from "#kit/storage.ts";
import { member, text } from "../admission.ts";
import type { OutcomeEntry } from "../ledger/entry.ts";
import { lineOf } from "../ledger/line.ts";
import type { Clock, Log } from "../ports.ts";
import { BackendRefusal, type CoreSecret } from "../secrets/backend.ts";
import { micros } from "../times.ts";
import { toldBy } from "./told.ts";

interface OwnPorts {
  store: Store;
  clock: Clock;
  log: Log;
}

/**
 * Does what was let through, and tells what came of it. `record`: the index of its admission entry; undefined where it has
 * none, or nothing comes of it. What cannot be told now is made out later by looking.
 */
export async function carriedOut(
  ports: OwnPorts,
  record: number | undefined,
  write: () => Promise<CoreSecret>,
): Promise<CoreSecret> {
  try {
    const written = await write();
    const metadata = member(written, "metadata");
    const object = { uid: text(metadata, "uid"), resourceVersion: text(metadata, "resourceVersion") };
    await tell(ports, record, { result: "took-effect", object });
    return written;
  } catch (error) {
    // Of what has no answer, and of a failure of the server, the object tells.
    if (error instanceof BackendRefusal && error.code >= 400 && error.code < 500)
      await tell(ports, record, { result: "refused", code: error.code, reason: error.reason });
    throw error;
  }
}

/** As {@link carriedOut}, of what takes effect by being answered. */
export function answered(ports: OwnPorts, record: number | undefined): Promise<void> {
  return tell(ports, record, { result: "took-effect" });
}

/** Never rejects: what is done is done. */
async function tell(
  { store, clock, log }: OwnPorts,
  of: number | undefined,
  told: Pick<OutcomeEntry, "result" | "code" | "reason" | "object">,
): Promise<void> {
  if (of === undefined) return;
  const entry: OutcomeEntry = {
    ...{ schema: "hoop.dev/outcome/v1", kind: "outcome", time: micros(clock.now()), of, source: "object" },
    ...told,
  };
  try {
    const put = await toldBy(store, entry, 0);
    if (put !== undefined) await store.commit({ puts: [put], lines: [lineOf(entry)] });
  } catch (error) {
    log.error({ err: error, record: of }, "what came of a request could not be told");
  }
}

/** Every way to tell people, each with an outbox of its own: one that fails holds up no other. */
import { APPROVALS } from "#core/hold/rows.ts";
import type { Clock, Log } from "#core/ports.ts";
import type { Store } from "#kit/storage.ts";
import { type Moment, momentIn } from "./moments.ts";
import { type Outbox, outbox } from "./outbox.ts";

export interface Channel {
  name: string;
  /** Rejects where trying again may help. */
  tell(moment: Moment, signal: AbortSignal): Promise<void>;
}

export interface TellingPorts {
  store: Store;
  clock: Clock;
  log: Log;
  /** Called after each attempt. */
  told(channel: string, kind: Moment["kind"], outcome: "delivered" | "failed"): void;
}

export function startTelling(ports: TellingPorts, channels: readonly Channel[]): Promise<Outbox[]> {
  const { store, clock, log, told } = ports;
  return Promise.all(
    channels.map(({ name, tell }) =>
      outbox({
        store,
        name,
        prefix: APPROVALS,
        clock,
        log,
        deliver: async (change, signal) => {
          const moment = momentIn(change);
          if (moment === undefined) return;
          try {
            await tell(moment, signal);
            told(name, moment.kind, "delivered");
            log.info({ channel: name, ...subject(moment) }, "told");
          } catch (error) {
            told(name, moment.kind, "failed");
            throw error;
          }
        },
      }),
    ),
  );
}

/** Which moment of which approval, by the name that the records and the audit annotations know it by. */
function subject({ kind, approval: { metadata } }: Moment): object {
  return { moment: kind, approval: `${metadata.namespace}/${metadata.name}` };
}

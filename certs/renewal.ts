/** Certificates change while the servers run: renewed by us, or replaced in their directory by somebody else. */
import { setTimeout as delay } from "node:timers/promises";
import type { Certificates } from "./directory.ts";

export interface Renewal {
  /** Reads the directory, renewing what runs out. */
  load(): Promise<Certificates>;
  /**
   * Something is not as it was. Rejects where it could not be put into effect: it is tried again. The signal aborts
   * when all of it is to end.
   */
  apply(now: Certificates, before: Certificates, signal: AbortSignal): Promise<void>;
  failed(error: unknown): void;
}

export interface Renewing {
  /** Looks at once, not only when the next minute is over. */
  look(): void;
  stop(): Promise<void>;
}

const EVERY = 60_000;

/** Looks at the certificates every minute. What is in use stays in use while they cannot be read. */
export function keepRenewed(first: Certificates, renewal: Renewal): Renewing {
  const stopped = new AbortController();
  let asked = new AbortController();

  async function run(): Promise<void> {
    let current = first;
    for (;;) {
      const signal = AbortSignal.any([stopped.signal, asked.signal]);
      await delay(EVERY, undefined, { signal }).catch(() => undefined);
      if (stopped.signal.aborted) return;
      asked = new AbortController();
      try {
        current = await renewed(current, renewal, stopped.signal);
      } catch (error) {
        renewal.failed(error);
      }
    }
  }

  const running = run();
  return {
    look: () => asked.abort(),
    async stop() {
      stopped.abort();
      await running;
    },
  };
}

/** One look; gives the certificates that are in use afterwards. */
export async function renewed(
  current: Certificates,
  { load, apply }: Renewal,
  signal: AbortSignal,
): Promise<Certificates> {
  const next = await load();
  const same =
    next.certificate === current.certificate &&
    next.key === current.key &&
    next.caBundle === current.caBundle &&
    next.clientAuthority === current.clientAuthority;
  if (!same) await apply(next, current, signal);
  return next;
}

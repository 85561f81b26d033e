/** Certificates change while the servers run: renewed by us, or replaced in their directory by somebody else. */
import { setTimeout as delay } from "node:timers/promises";
import type { Certificates } from "./directory.ts";

export interface Renewal {
  /** Reads the directory, renewing what runs out. */
  load(): Promise<Certificates>;
  /** Something is not as it was. Rejects where it could not be put into effect: it is tried again. */
  apply(now: Certificates, before: Certificates): Promise<void>;
  failed(error: unknown): void;
}

const EVERY = 60_000;

/** Looks at the certificates every minute until the signal aborts. What is in use stays in use while they cannot be read. */
export async function keepRenewed(first: Certificates, renewal: Renewal, signal: AbortSignal): Promise<void> {
  let current = first;
  while (!signal.aborted) {
    await delay(EVERY, undefined, { signal }).catch(() => undefined);
    if (signal.aborted) return;
    try {
      current = await renewed(current, renewal);
    } catch (error) {
      renewal.failed(error);
    }
  }
}

/** One look; gives the certificates that are in use afterwards. */
export async function renewed(current: Certificates, { load, apply }: Renewal): Promise<Certificates> {
  const next = await load();
  const same =
    next.certificate === current.certificate &&
    next.key === current.key &&
    next.caBundle === current.caBundle &&
    next.clientAuthority === current.clientAuthority;
  if (!same) await apply(next, current);
  return next;
}

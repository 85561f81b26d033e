/** One target's turn: so many writes for so long, and what they cost whom. */
import type { Body } from "./bodies.ts";
import type { Client } from "./load.ts";
import { cpuSeconds, residentMebibytes } from "./processes.ts";

export interface Target {
  name: string;
  namespace: string;
  client: Client;
  /** The webhook's process, where there is one. */
  pid: number | null;
}

export interface Turn {
  /** Milliseconds of each write that was answered 201. */
  times: number[];
  seconds: number;
  /** Writes that were answered otherwise. */
  failures: number;
  /** CPU seconds of the webhook's process. */
  webhookSeconds: number | null;
  apiserverSeconds: number;
  /** Of the webhook's process, at the end. */
  residentMebibytes: number | null;
}

/** `apiserver`: its process. */
export async function turn(
  { namespace, client, pid }: Target,
  body: Body,
  concurrency: number,
  seconds: number,
  apiserver: number,
): Promise<Turn> {
  const before = { webhook: pid === null ? 0 : cpuSeconds(pid), apiserver: cpuSeconds(apiserver) };
  const {
    times,
    failures,
    seconds: took,
  } = await client.run(body.path(namespace), body.text, concurrency, seconds);
  return {
    times,
    seconds: took,
    failures: [...failures.values()].reduce((sum, n) => sum + n, 0),
    webhookSeconds: pid === null ? null : cpuSeconds(pid) - before.webhook,
    apiserverSeconds: cpuSeconds(apiserver) - before.apiserver,
    residentMebibytes: pid === null ? null : residentMebibytes(pid),
  };
}

/** Each entry of `items` in its turn; the order turns with each round. */
export function* rotated<T>(items: readonly T[], round: number): Generator<T> {
  for (let n = 0; n < items.length; n++) {
    const item = items[(n + round) % items.length];
    if (item !== undefined) yield item;
  }
}

/**
 * One signed HTTP request for each moment, in the format of Standard Webhooks, so that receivers can check it with
 * the libraries there are. It says what is asked and who decided; the payload and the diff stay with us.
 */
import { createHmac } from "node:crypto";
import type { Clock, Log } from "#core/ports.ts";
import type { Moment } from "./moments.ts";

export interface CallbackOptions {
  url: string;
  /** The shared secret: base64 after `whsec_`, or any other text as it is. */
  secret: string;
  clock: Clock;
  log: Log;
}

const TIMEOUT = 10_000;

/** Returns the way to tell a moment. It rejects where trying again may help; a receiver that answers 410 is left alone. */
export function callback(options: CallbackOptions): (moment: Moment, signal?: AbortSignal) => Promise<void> {
  const { url, clock, log } = options;
  const key = signingKey(options.secret);
  return async (moment, signal) => {
    const id = messageId(moment);
    const timestamp = String(Math.floor(clock.now() / 1000));
    const body = JSON.stringify(message(moment));
    const timeout = AbortSignal.timeout(TIMEOUT);
    const response = await fetch(url, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        "user-agent": "hoop.dev",
        "webhook-id": id,
        "webhook-timestamp": timestamp,
        "webhook-signature": sign(key, id, timestamp, body),
      },
      body,
      redirect: "manual",
      signal: signal === undefined ? timeout : AbortSignal.any([signal, timeout]),
    });
    await response.body?.cancel();
    if (response.ok) return;
    if (response.status !== 410) throw new Error(`the callback's receiver answered ${response.status}`);
    log.warn({ id, kind: moment.kind }, "the callback's receiver answered 410, it is not told");
  };
}

/** The same for every attempt at one moment, and of no other: by it a receiver drops repeats. */
function messageId({ kind, approval }: Moment): string {
  return `msg_${approval.metadata.uid}_${kind}`;
}

function sign(key: Buffer, id: string, timestamp: string, body: string): string {
  return `v1,${createHmac("sha256", key).update(`${id}.${timestamp}.${body}`).digest("base64")}`;
}

function signingKey(secret: string): Buffer {
  const prefixed = secret.startsWith("whsec_");
  const key = prefixed ? Buffer.from(secret.slice("whsec_".length), "base64") : Buffer.from(secret);
  if (key.length === 0) throw new Error("the callback's secret is empty");
  return key;
}

function message({ kind, approval, time }: Moment) {
  const { metadata, spec, status } = approval;
  return {
    type: `approval.${kind}`,
    timestamp: time,
    data: {
      approval: {
        namespace: metadata.namespace,
        name: metadata.name,
        uid: metadata.uid,
        phase: status.phase,
        expiresAt: status.expiresAt,
      },
      agent: { username: spec.agent.username, groups: spec.agent.groups },
      operation: spec.operation,
      target: spec.target,
      rules: spec.rules,
      ...(spec.reason !== undefined && { reason: spec.reason }),
      approvers: spec.approvers,
      decisions: status.decisions,
    },
  };
}

/** Somebody who denies whatever waits for people: what a session asks for waits as long as its client does. */
import { setTimeout as delay } from "node:timers/promises";
import type { Approval } from "#core/approval.ts";
import { asUserOf } from "./raw.ts";
import type { Testbed } from "./testbed.ts";

const GROUP = "/apis/hoop.dev/v1alpha1";
const PENDING = `${GROUP}/approvals?fieldSelector=status.phase%3DPending`;

/** Until the signal aborts. */
export async function denyAll(bed: Testbed, signal: AbortSignal): Promise<void> {
  const person = await asUserOf(bed.kubeconfig("approver"));
  const body = { decision: { verdict: "Deny", comment: "" } };
  while (!signal.aborted) {
    const { code, text } = await person({ path: PENDING });
    const { items } = code === 200 ? (JSON.parse(text) as { items: Approval[] }) : { items: [] };
    for (const { metadata } of items) {
      const path = `${GROUP}/namespaces/${metadata.namespace}/approvals/${metadata.name}/approval`;
      await person({ method: "PATCH", path, type: "application/merge-patch+json", body });
    }
    await delay(50);
  }
}

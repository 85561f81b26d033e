/** People who decide what agents ask, as the plan says. */
import { setTimeout as delay } from "node:timers/promises";
import type { Caller } from "./caller.ts";
import type { ApprovalSeen, Decided } from "./evidence.ts";
import { wishOf } from "./indexed.ts";
import type { PlannedWish } from "./plan.ts";

export interface Person {
  user: string;
  caller: Caller;
}

export const approvalsPath = (namespace: string) =>
  `/apis/hoop.dev/v1alpha1/namespaces/${namespace}/approvals`;

export async function decide(
  { user, caller }: Person,
  namespace: string,
  approval: string,
  verdict: Decided["verdict"],
): Promise<Decided> {
  const { code } = await caller({
    method: "PATCH",
    path: `${approvalsPath(namespace)}/${approval}/approval`,
    type: "application/merge-patch+json",
    body: { decision: { verdict } },
  });
  return { approval, user, verdict, code };
}

interface Office {
  people: readonly [Person, Person];
  namespace: string;
  wishes: ReadonlyMap<string, PlannedWish>;
  shown: (approval: string) => void;
  heard: (decided: Decided) => void;
}

/** Decides what is pending, until the signal aborts and what was begun is answered. */
export async function decideAll(office: Office, over: AbortSignal): Promise<void> {
  const { people, namespace, wishes, shown } = office;
  const begun = new Map<string, Promise<void>>();
  const path = `${approvalsPath(namespace)}?fieldSelector=status.phase%3DPending`;
  while (!over.aborted) {
    const { code, text } = await people[0].caller({ method: "GET", path });
    const items = code === 200 ? (JSON.parse(text) as { items: ApprovalSeen[] }).items : [];
    for (const approval of items) {
      const { name } = approval.metadata;
      shown(name);
      const wish = wishes.get(wishOf(approval));
      if (wish?.verdict !== undefined && !begun.has(name))
        begun.set(name, decideOne(office, name, wish, over));
    }
    await delay(200);
  }
  await Promise.all(begun.values());
}

/** As a person does: again, until the API says that it is decided. */
async function decideOne(
  { people, namespace, heard }: Office,
  approval: string,
  { thinking, verdict = "Deny", contested }: PlannedWish,
  over: AbortSignal,
): Promise<void> {
  const opposite = verdict === "Approve" ? "Deny" : "Approve";
  await delay(thinking, undefined, { signal: over }).catch(() => undefined);
  for (;;) {
    const both = await Promise.all([
      decide(people[0], namespace, approval, verdict),
      ...(contested ? [decide(people[1], namespace, approval, opposite)] : []),
    ]);
    for (const decided of both) heard(decided);
    if (both.every(({ code }) => (code >= 200 && code < 300) || code === 409) || over.aborted) return;
    await delay(300);
  }
}

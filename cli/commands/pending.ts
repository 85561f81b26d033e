/** `kubectl hoop pending`: what waits for a person, once or live. */
import type { Approval } from "#core/approval.ts";
import { age, remaining } from "../ages.ts";
import { type Api, hoopApi, type List } from "../api.ts";
import type { Context } from "../context.ts";
import { ApiError } from "../failure.ts";
import { hintingNamespace } from "../find.ts";
import { type ConnectionFlags, listNamespace, type OutputFlag, type WatchFlags } from "../flags.ts";
import { keepWatching } from "../live.ts";
import { approvalReference, livePrinter, printList } from "../printing.ts";
import type { Column } from "../table.ts";
import {
  approversWords,
  missingWords,
  operationWords,
  ruleWords,
  stateWords,
  targetWords,
} from "../wording.ts";

export type PendingFlags = ConnectionFlags & WatchFlags & OutputFlag;

export async function pending(this: Context, flags: PendingFlags): Promise<void> {
  const api = hoopApi(this.kubectl, flags);
  if (flags.watch) return follow(this, api, flags);
  const list = await listPending(api, listNamespace(flags));
  const look = { columns: columns(this), reference: approvalReference };
  await printList(this, flags.output, list, look, "Nothing waits for a decision.");
}

/** Oldest first. */
async function listPending(api: Api, namespace: string | undefined): Promise<List<Approval>> {
  const list = await hintingNamespace(api.list("approvals", namespace, "status.phase=Pending"));
  const created = ({ metadata }: Approval) => Date.parse(metadata.creationTimestamp);
  return { ...list, items: list.items.toSorted((a, b) => created(a) - created(b)) };
}

function columns(context: Context): Column<Approval>[] {
  return [
    { header: "NAMESPACE", cell: ({ metadata }) => metadata.namespace },
    { header: "NAME", cell: ({ metadata }) => metadata.name },
    { header: "AGENT", cell: ({ spec }) => spec.agent.username },
    { header: "OPERATION", cell: ({ spec }) => operationWords(spec.operation, spec.target) },
    { header: "TARGET", cell: ({ spec }) => targetWords(spec.target) },
    { header: "RULE", cell: ({ spec }) => ruleWords(spec.rules) },
    { header: "AGE", cell: ({ metadata }) => age(metadata.creationTimestamp, context.now()) },
    { header: "EXPIRES", cell: ({ status }) => remaining(status.expiresAt, context.now()) },
    { header: "APPROVERS", cell: whoDecides, wide: true },
    { header: "DIGEST", cell: ({ spec }) => spec.digest.slice(0, 12), wide: true },
    { header: "REASON", cell: ({ spec }) => spec.reason ?? "", wide: true },
  ];
}

/** Once somebody decided, who is still missing. */
function whoDecides({ spec, status: { decisions } }: Approval): string {
  return decisions.length === 0 ? approversWords(spec.approvers) : missingWords(spec.approvers, decisions);
}

/** Prints each pending approval, and again each time its state changes, until interrupted. */
async function follow(context: Context, api: Api, flags: PendingFlags): Promise<void> {
  const namespace = listNamespace(flags);
  const state = { header: "STATE", cell: (approval: Approval) => stateWords(approval, context.now()) };
  const look = { columns: [...columns(context), state], reference: approvalReference };
  const print = livePrinter(context, flags.output, look);
  const { open, isNews } = newsFilter(context.now);
  await keepWatching(context, async (established) => {
    const list = await listPending(api, namespace);
    established();
    const listed = new Set(list.items.map(({ metadata }) => metadata.uid));
    const unlisted = [...open.values()].filter(({ metadata }) => !listed.has(metadata.uid));
    // Decided, or gone with their namespace, while nobody watched.
    const present = await Promise.all(unlisted.map((approval) => presentState(api, approval)));
    open.clear();
    await print([...present.filter((approval) => approval !== undefined), ...list.items].filter(isNews));
    for await (const { type, object } of api.watch("approvals", namespace, list.metadata.resourceVersion))
      if (type !== "DELETED" && isNews(object)) await print([object]);
  });
}

/** `isNews`: whether an approval's state differs from what was shown of it. `open`: what may still change, by uid. */
function newsFilter(now: () => number) {
  const open = new Map<string, Approval>();
  const shown = new Map<string, string>();
  const isNews = (approval: Approval) => {
    const { uid } = approval.metadata;
    const { phase } = approval.status;
    const before = shown.get(uid);
    const state = stateWords(approval, now());
    if (before === undefined && phase !== "Pending") return false;
    if (phase === "Pending" || phase === "Approved") {
      open.set(uid, approval);
      shown.set(uid, state);
    } else {
      open.delete(uid);
      shown.delete(uid);
    }
    return state !== before;
  };
  return { open, isNews };
}

/** Undefined: it is no longer there. */
async function presentState(api: Api, { metadata }: Approval): Promise<Approval | undefined> {
  try {
    return await api.approval(metadata.namespace, metadata.name);
  } catch (error) {
    if (error instanceof ApiError && error.reason === "NotFound") return undefined;
    throw error;
  }
}

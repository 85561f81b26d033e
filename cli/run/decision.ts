/** Waiting for the decisions that a command was told to wait for. */
import type { Approval } from "#core/approval.ts";
import { phaseAt } from "#core/transitions.ts";
import { hoopApi } from "../api.ts";
import type { Context } from "../context.ts";
import { ApiError } from "../failure.ts";
import type { ConnectionFlags } from "../flags.ts";
import { keepWatching } from "../live.ts";
import type { HeldApproval } from "./heard.ts";

/** What a timer can hold: 24 days. */
const LONGEST_SLEEP = 2 ** 31 - 1;

/** The approval as it is; undefined where it cannot be seen. */
export async function approvalNow(
  context: Context,
  connection: ConnectionFlags,
  { namespace, name }: HeldApproval,
): Promise<Approval | undefined> {
  try {
    return await hoopApi(context.kubectl, connection).approval(namespace, name);
  } catch (error) {
    if (error instanceof ApiError) return undefined;
    throw error;
  }
}

/**
 * The approval once it is no longer Pending, or undefined when that takes longer than `milliseconds`. Rejects where it
 * cannot be seen.
 */
export async function decisionOn(
  context: Context,
  connection: ConnectionFlags,
  { namespace, name }: HeldApproval,
  milliseconds: number,
): Promise<Approval | undefined> {
  const enough = new AbortController();
  const signal = AbortSignal.any([context.signal, enough.signal]);
  const api = hoopApi(context.kubectl, connection, signal);
  const only = `metadata.name=${name}`;
  let decided: Approval | undefined;
  const look = (approval: Approval | undefined) => {
    if (approval === undefined || phaseAt(approval, context.now()) === "Pending") return;
    decided = approval;
    enough.abort();
  };
  const timer = context.sleep(Math.min(milliseconds, LONGEST_SLEEP), signal).then(() => enough.abort());
  await keepWatching({ ...context, signal }, async (established) => {
    const list = await api.list("approvals", namespace, only);
    established();
    look(list.items.find(({ metadata }) => metadata.name === name));
    if (signal.aborted) return;
    for await (const { object } of api.watch("approvals", namespace, list.metadata.resourceVersion, only)) {
      look(object);
      if (signal.aborted) return;
    }
  });
  await timer;
  return decided;
}

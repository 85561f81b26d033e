/** Which approval a running command waits for, and what becomes of it: found by watching this caller's approvals. */
import type { Approval } from "#core/approval.ts";
import { ownName, sessionNameOf } from "#core/session/extras.ts";
import { hoopApi, selectorValue } from "../api.ts";
import type { Context } from "../context.ts";
import { ApiError, CommandError } from "../failure.ts";
import type { ConnectionFlags } from "../flags.ts";
import { keepWatching } from "../live.ts";
import { stateWords } from "../wording.ts";
import type { Telling } from "./telling.ts";

/** Most commands are never held, and over before anybody needs to look. */
const GRACE_MILLISECONDS = 500;
/** How far the clocks of server and client may be apart, and how long a request is on its way. */
const SKEW_MILLISECONDS = 5_000;
const STILL_EVERY_MILLISECONDS = 30_000;

/** Tells until `over` aborts, which is when the command has ended. Never rejects. */
export async function tellProgress(
  context: Context,
  connection: ConnectionFlags,
  words: readonly string[],
  telling: Telling,
  over: AbortSignal,
): Promise<void> {
  const since = context.now();
  const within: Context = { ...context, signal: AbortSignal.any([context.signal, over]) };
  await context.sleep(GRACE_MILLISECONDS, over);
  if (within.signal.aborted) return;
  const holds = new Holds(since, words, telling, context.now);
  void tellStill(within, holds, telling);
  try {
    await follow(within, connection, holds);
  } catch (error) {
    if (within.signal.aborted) return;
    telling.blind(error instanceof CommandError ? error.message : String(error));
  }
}

async function follow(context: Context, connection: ConnectionFlags, holds: Holds): Promise<void> {
  const api = hoopApi(context.kubectl, connection, context.signal);
  const me = await api.whoAmI();
  if (me === undefined) return;
  const mine = `spec.agent.username=${selectorValue(ownName(me))}`;
  const session = sessionNameOf(me);
  const see = (approval: Approval) => {
    if (session === undefined || session === sessionOf(approval)) holds.see(approval);
  };
  let namespace: string | undefined;
  const listed = async () => {
    try {
      return await api.list("approvals", namespace, mine);
    } catch (error) {
      const refused = error instanceof ApiError && error.reason === "Forbidden";
      if (!refused || namespace !== undefined) throw error;
      // Who may not look everywhere may perhaps look where the command works.
      namespace = connection.namespace ?? (await ownNamespace(context, connection));
      if (namespace === undefined) throw error;
      return api.list("approvals", namespace, mine);
    }
  };
  await keepWatching(context, async (established) => {
    const list = await listed();
    established();
    for (const approval of list.items) see(approval);
    for await (const { type, object } of api.watch(
      "approvals",
      namespace,
      list.metadata.resourceVersion,
      mine,
    ))
      if (type !== "DELETED") see(object);
  });
}

/** NAMESPACE/NAME. */
function sessionOf({ spec }: Approval): string | undefined {
  const { session } = spec.agent;
  return session && `${session.namespace}/${session.name}`;
}

/** That of the kubeconfig. */
async function ownNamespace(context: Context, connection: ConnectionFlags): Promise<string | undefined> {
  const { accessOf } = await import("../session/kubeconfig.ts");
  const access = await accessOf(context, connection).catch(() => undefined);
  return access?.namespace;
}

async function tellStill(context: Context, holds: Holds, telling: Telling): Promise<void> {
  for (;;) {
    await context.sleep(STILL_EVERY_MILLISECONDS, context.signal);
    if (context.signal.aborted) return;
    for (const [approval, since] of holds.open()) telling.still(approval, context.now() - since);
  }
}

/** What the command waits for, as far as can be told from outside of it. */
class Holds {
  readonly #since: number;
  readonly #named: ReadonlySet<string>;
  readonly #telling: Telling;
  readonly #now: () => number;
  readonly #known = new Map<string, { approval: Approval; since: number; told: string }>();

  constructor(since: number, words: readonly string[], telling: Telling, now: () => number) {
    this.#since = since;
    this.#named = new Set(words.flatMap((word) => word.split(/[/=,]/)));
    this.#telling = telling;
    this.#now = now;
  }

  see(approval: Approval): void {
    const { uid } = approval.metadata;
    const known = this.#known.get(uid);
    const told = stateWords(approval, this.#now());
    if (known === undefined) {
      if (approval.status.phase !== "Pending" || !this.#isOurs(approval)) return;
      this.#known.set(uid, { approval, since: this.#now(), told });
      this.#telling.held(approval);
      return;
    }
    // What is used was approved before: that was told.
    const isNews = known.told !== told && !(approval.status.phase === "Used" && isApproved(known.approval));
    this.#known.set(uid, { ...known, approval, told });
    if (isNews) this.#telling.decided(approval);
  }

  open(): [approval: Approval, since: number][] {
    return [...this.#known.values()]
      .filter(({ approval }) => approval.status.phase === "Pending")
      .map(({ approval, since }) => [approval, since]);
  }

  /** Made since the command began; or older, for the same request asked again, and about what the command names. */
  #isOurs({ metadata, spec }: Approval): boolean {
    const isNew = Date.parse(metadata.creationTimestamp) >= this.#since - SKEW_MILLISECONDS;
    return isNew || (spec.target.name !== undefined && this.#named.has(spec.target.name));
  }
}

function isApproved({ status }: Approval): boolean {
  return status.phase === "Approved";
}

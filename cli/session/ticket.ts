/** The token of a session: the one that is kept, while it is good, or that of a session which is begun for it. */
import type { Context } from "../context.ts";
import { CommandError } from "../failure.ts";
import { type Cluster, life, stateOf } from "./door.ts";
import { exchanged } from "./exchange.ts";
import { alone, fileOf, type Kept, keep, keptIn } from "./kept.ts";
import { oidcToken } from "./source.ts";
import type { Terms } from "./terms.ts";
import { approved } from "./waiting.ts";

/** Begins a session, whatever is kept, and keeps its token. Rejects with a CommandError. */
export function begunTicket(context: Context, terms: Terms): Promise<Kept> {
  const file = fileOf(context, terms);
  return alone(context, file, () => begun(context, terms, file));
}

/** `cluster`: asked whether what is kept is still good. Rejects with a CommandError. */
export function ticket(context: Context, terms: Terms, cluster: Cluster | undefined): Promise<Kept> {
  const file = fileOf(context, terms);
  return alone(context, file, async () => {
    const found = keptIn(file);
    if (found === "ended")
      throw new CommandError(
        "the session was logged out of, or refused: begin another one with kubectl hoop login",
      );
    if (found !== undefined && (await isGood(context, found, cluster))) return found;
    return begun(context, terms, file);
  });
}

/** Until a person has approved it; that is kept, too. As {@link approved}. */
export async function awaited(
  context: Context,
  terms: Terms,
  kept: Kept,
  cluster: Cluster,
  patience: number,
): Promise<void> {
  if (kept.session.phase !== "Pending") return;
  const file = fileOf(context, terms);
  const { namespace } = kept.session;
  await approved(context, kept.session, patience, async () => {
    const state = await stateOf(cluster, namespace, kept.token);
    // Nobody is asked again by the next command that happens to come.
    if (state.kind === "over") keep(file, "ended");
    return state;
  });
  keep(file, { ...kept, session: { ...kept.session, phase: "Active" } });
}

/** Of what is about to end, kubectl would have nothing. */
const MARGIN_MILLISECONDS = 5_000;

async function isGood(
  context: Context,
  { until, token }: Kept,
  cluster: Cluster | undefined,
): Promise<boolean> {
  if (Date.parse(until) - MARGIN_MILLISECONDS <= context.now()) return false;
  return cluster === undefined || (await life(cluster, token)) === "alive";
}

async function begun(context: Context, terms: Terms, file: string): Promise<Kept> {
  const oidc = await oidcToken(terms, context.environment);
  const now = context.now();
  const { token, expiresInSeconds, session } = await exchanged(terms, oidc);
  const kept = { token, until: new Date(now + expiresInSeconds * 1000).toISOString(), session };
  keep(file, kept);
  return kept;
}

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
    if (found === undefined) return begun(context, terms, file);
    const end = await endOf(context, found, cluster);
    if (end === undefined) return found;
    return begun(context, terms, file).catch((error: unknown) => {
      throw error instanceof CommandError ? notBegunAnew(found, end, error) : error;
    });
  });
}

function notBegunAnew({ session: { namespace, name } }: Kept, end: string, why: CommandError): CommandError {
  return new CommandError(
    `the session ${namespace}/${name} is over: it ${end}; kubectl hoop login begins another one (${why.message})`,
  );
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

/** How the session of what is kept came to its end; undefined: it goes on, as far as can be told. */
async function endOf(
  context: Context,
  { until, token }: Kept,
  cluster: Cluster | undefined,
): Promise<string | undefined> {
  if (Date.parse(until) - MARGIN_MILLISECONDS <= context.now()) return "has expired";
  const isDead = cluster !== undefined && (await life(cluster, token)) === "dead";
  return isDead ? KILLED : undefined;
}

const KILLED = "was killed, or is no longer allowed";

/** As {@link endOf}, asked of Hoop: for some seconds the API server still takes the token of what is over. */
export async function leftOver(context: Context, kept: Kept, cluster: Cluster): Promise<string | undefined> {
  const end = await endOf(context, kept, undefined);
  if (end !== undefined) return end;
  const state = await stateOf(cluster, kept.session.namespace, kept.token);
  if (state.kind !== "over") return undefined;
  return state.phase === "Ended" ? KILLED : `is ${state.phase}`;
}

async function begun(context: Context, terms: Terms, file: string): Promise<Kept> {
  const oidc = await oidcToken(terms, context.environment);
  const now = context.now();
  const { token, expiresInSeconds, session } = await exchanged(terms, oidc);
  const kept = { token, until: new Date(now + expiresInSeconds * 1000).toISOString(), session };
  keep(file, kept);
  return kept;
}

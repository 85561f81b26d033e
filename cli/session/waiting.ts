/** A session that somebody must approve first: waits for that, and says so meanwhile. */
import { printable } from "#core/printable.ts";
import type { Context } from "../context.ts";
import { CommandError } from "../failure.ts";
import { CODES } from "../run/telling.ts";
import type { State } from "./door.ts";

export interface Pending {
  namespace: string;
  name: string;
  approval?: string | undefined;
}

const LOOK_MILLISECONDS = 1_000;
const STILL_MILLISECONDS = 30_000;

/**
 * Resolves when it may be used; `patience`: milliseconds. Throws where it may not, and sets the exit code: 77 where
 * people have said no, 75 where they have not said anything yet.
 */
export async function approved(
  context: Context,
  { namespace, name, approval }: Pending,
  patience: number,
  look: () => Promise<State>,
): Promise<void> {
  const say = (text: string) => context.process.stderr.write(`hoop: ${printable(text)}\n`);
  const since = context.now();
  const decide = approval === undefined ? "" : `: kubectl hoop approve ${approval} -n ${namespace}`;
  say(`the session ${namespace}/${name} waits until a person approves it${decide}`);
  for (let told = since; ; ) {
    const state = await look();
    if (state.kind === "open") return say(`the session ${namespace}/${name} is approved`);
    if (state.kind === "over") throw ended(context, state);
    if (context.signal.aborted || context.now() - since >= patience)
      throw undecided(context, `${namespace}/${name}`);
    if (context.now() - told >= STILL_MILLISECONDS) {
      told = context.now();
      const why = state.kind === "unknown" ? ` (${state.message})` : "";
      say(`still waiting, since ${Math.round((told - since) / 1000)}s${why}`);
    }
    await context.sleep(Math.min(LOOK_MILLISECONDS, Math.max(0, patience - (context.now() - since))));
  }
}

function undecided(context: Context, session: string): CommandError {
  const why = `the session ${session} is not approved yet; it waits on, and can be used once it is`;
  context.process.exitCode = CODES.pending ?? 1;
  // Whoever interrupts us is told nothing else.
  if (context.signal.aborted) context.lastWords(`hoop: ${why}\n`);
  return new CommandError(why);
}

function ended(context: Context, { phase, message }: Extract<State, { kind: "over" }>): CommandError {
  if (phase === "Denied") context.process.exitCode = CODES.denied ?? 1;
  return new CommandError(message);
}

/** A request that may be held: with a word on standard error while it waits, and once more where it was approved. */
import type { Approval } from "#core/approval.ts";
import { phaseAt } from "#core/transitions.ts";
import type { Context } from "../context.ts";
import { ApiError, CommandError } from "../failure.ts";
import type { ConnectionFlags, WaitFlag } from "../flags.ts";
import { decisionOn } from "../run/decision.ts";
import { listener } from "../run/heard.ts";
import { tellProgress } from "../run/progress.ts";
import { CODES, type Telling, tellingPeople } from "../run/telling.ts";
import { stateWords } from "../wording.ts";

/** As client-go has it. */
const ATTEMPTS = 11;
const PAUSE_MILLISECONDS = 1000;

class Denied extends CommandError {}

/** Rejects with what the request was told in the end. `about`: the Secret, and what is done with it. */
export async function throughHold<T>(
  context: Context,
  flags: ConnectionFlags & WaitFlag,
  about: { name: string; subresource?: "reveal" },
  request: () => Promise<T>,
): Promise<T> {
  const telling = tellingOnly(tellingPeople(context), about.subresource ?? "");
  const once = async () => {
    const over = new AbortController();
    const told = tellProgress(context, flags, [about.name], telling, over.signal);
    try {
      return await askedAgain(context, request);
    } finally {
      over.abort();
      await told;
    }
  };
  try {
    return await once();
  } catch (error) {
    const [held] = heardIn(error).held;
    if (held === undefined || flags.wait === undefined) throw error;
    const approval = await decisionOn(context, flags, held, flags.wait);
    if (approval === undefined) throw error;
    telling.decided(approval);
    const phase = phaseAt(approval, context.now());
    if (phase === "Denied") throw new Denied(`denied: ${stateWords(approval, context.now())}`);
    if (phase !== "Approved") throw error;
    telling.again();
    return await once();
  }
}

/** kubectl repeats no request whose body it reads from its standard input, so what it does of others is done here. */
async function askedAgain<T>(context: Context, request: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await request();
    } catch (error) {
      const isHeld = error instanceof ApiError && error.reason === "TooManyRequests" && isWaiting(error);
      if (!isHeld || attempt === ATTEMPTS || context.signal.aborted) throw error;
      await context.sleep(PAUSE_MILLISECONDS);
    }
  }
}

function isWaiting(error: unknown): boolean {
  return heardIn(error).held.length > 0;
}

/** Something else that waits for the same Secret is not what is waited for. */
function tellingOnly(telling: Telling, subresource: string): Telling {
  const fits = ({ spec }: Approval) => (spec.target.subresource ?? "") === subresource;
  return {
    ...telling,
    held: (approval) => fits(approval) && telling.held(approval),
    still: (approval, since) => fits(approval) && telling.still(approval, since),
    decided: (approval) => fits(approval) && telling.decided(approval),
  };
}

/** Returns an expected failure, with the exit code that says whether waiting helps. */
export async function withExitCode(
  context: Context,
  command: () => Promise<void>,
): Promise<Error | undefined> {
  try {
    await command();
    return undefined;
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    const { held, denied } = heardIn(error);
    const outcome = held.length > 0 ? "pending" : denied ? "denied" : "failed";
    context.process.exitCode = CODES[outcome] ?? 1;
    return error;
  }
}

/** A person's no names the approval it was given on. */
const REFUSED = /\bapproval=\S+\. Do not look for another way\.$/;

function heardIn(error: unknown) {
  const { hear, heard } = listener();
  if (error instanceof ApiError) hear(error.message);
  const found = heard();
  const isRefused = error instanceof ApiError && REFUSED.test(error.message);
  return { held: found.held, denied: found.denied || isRefused || error instanceof Denied };
}

/** Watching for as long as the person likes, through restarts of whatever is at the other end. */
import type { Context } from "./context.ts";
import { ApiError } from "./failure.ts";

const PAUSE_MILLISECONDS = 1000;

/** What no waiting cures. */
const FINAL = new Set(["Forbidden", "Unauthorized", "BadRequest", "MethodNotAllowed"]);

/**
 * Repeats `round` (list, then watch until that ends) until interrupted. A round calls `established` once it has
 * read the cluster; before that happened for the first time, a failure is final.
 */
export async function keepWatching(
  context: Context,
  round: (established: () => void) => Promise<void>,
): Promise<void> {
  let everEstablished = false;
  let lost = false;
  const established = () => {
    everEstablished = true;
    lost = false;
  };
  while (!context.signal.aborted) {
    try {
      await round(established);
    } catch (error) {
      if (context.signal.aborted) return;
      if (!everEstablished || !(error instanceof ApiError) || FINAL.has(error.reason)) throw error;
      if (!lost) context.process.stderr.write(`lost the watch, trying again: ${error.message}\n`);
      lost = true;
    }
    await context.sleep(PAUSE_MILLISECONDS, context.signal);
  }
}

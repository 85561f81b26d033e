/** The cluster as such, for commands that look after an installation: any object by its path, and kubectl's own verbs. */
import { connectionArgs } from "./api.ts";
import { ApiError, apiError } from "./failure.ts";
import type { ConnectionFlags } from "./flags.ts";
import { readJson } from "./json.ts";
import type { Finished, Kubectl, RunOptions } from "./kubectl.ts";

export interface Cluster {
  /** What lies at a path of the API; undefined where there is nothing. Rejects with {@link ApiError}. */
  get<T>(path: string): Promise<T | undefined>;
  /** Runs kubectl with this connection; what it printed. Rejects with {@link ApiError} unless it exits with 0. */
  kubectl(args: readonly string[], options?: RunOptions): Promise<string>;
  /** As `kubectl`, but tells how it ended. */
  tried(args: readonly string[], options?: RunOptions): Promise<Finished>;
}

export function clusterOf(kubectl: Kubectl, flags: ConnectionFlags): Cluster {
  const timeout = flags.requestTimeout === undefined ? [] : [`--request-timeout=${flags.requestTimeout}`];
  const connection = [...connectionArgs(flags), ...timeout];
  const tried = (args: readonly string[], options: RunOptions = {}) =>
    kubectl.run([...args, ...connection], options);
  const run = async (args: readonly string[], options: RunOptions = {}) => {
    const finished = await tried(args, options);
    if (finished.code !== 0) throw apiError(finished);
    return finished.stdout;
  };
  return {
    tried,
    kubectl: run,
    get: async <T>(path: string) => {
      try {
        return readJson(await run(["get", "--raw", path])) as T;
      } catch (error) {
        if (error instanceof ApiError && error.reason === "NotFound") return undefined;
        throw error;
      }
    },
  };
}

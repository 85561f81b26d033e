/** What the API server refuses, or that it did not answer, in the words of the core. */
import { BackendRefusal } from "#core/secrets/backend.ts";
import { type Call, KubeError } from "./client.ts";

/** Opens an answer that comes bit by bit. Rejects with a {@link BackendRefusal}. */
export type OpenStream = (call: Call & { signal: AbortSignal }) => Promise<AsyncIterable<Uint8Array>>;

export function refusal(error: unknown): BackendRefusal {
  if (error instanceof BackendRefusal) return error;
  if (error instanceof KubeError)
    return new BackendRefusal(error.code, error.reason, error.message, error.details, error.continue);
  const why = error instanceof Error ? error.message : String(error);
  return new BackendRefusal(0, "Unreachable", `the answer broke off: ${why}`);
}

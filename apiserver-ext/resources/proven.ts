/** Who says that he comes out of a session comes out of it, or is refused: what resources are told of it is true. */
import { type InsidePorts, insideOf } from "#core/session/inside.ts";
import type { Authenticate } from "#kit/authn.ts";
import { StatusError } from "#kit/status.ts";

export function proven(ports: InsidePorts, authenticate: Authenticate): Authenticate {
  return async (request) => {
    const found = await authenticate(request);
    if (found.outcome !== "authenticated") return found;
    const from = await insideOf(ports, found.caller);
    if (from.kind === "forged") throw new StatusError("Forbidden", from.why);
    return found;
  };
}

/** One line of a log for each request: who asked what, and how it ended. */
import type { RequestEvent } from "./events.ts";

/** Fields of a structured log. No query and no bodies: either may hold what is secret. Empty ones are left out. */
export function accessLine(event: RequestEvent): Readonly<Record<string, string | number>> {
  const { verb, method, path, code, seconds, auditId, user, impersonator, userAgent } = event;
  const texts = Object.entries({ verb, method, path, auditId, user, impersonator, userAgent });
  return {
    ...Object.fromEntries(texts.filter(([, text]) => text !== "")),
    code,
    milliseconds: Math.round(seconds * 1000),
  };
}

/** A dry run of a request that would be held: it leaves no trace, and it must not be a way to read. */
import type { AdmissionRequest } from "../admission.ts";
import type { Verdict } from "../policy/verdict.ts";

/** Subresources whose dry run answers with nothing the caller may not see. */
const HARMLESS_SUBRESOURCES: ReadonlySet<string> = new Set([
  "",
  "eviction",
  "ephemeralcontainers",
  "scale",
  "status",
]);

export function dryRunOfHeld(
  request: AdmissionRequest,
  verdict: Extract<Verdict, { kind: "hold" }>,
): { kind: "dry-run"; warning: string } | { kind: "deny"; message: string } {
  const { group, resource } = request.resource;
  const isSecret = group === "" && resource === "secrets" && request.through === undefined;
  if (isSecret || !HARMLESS_SUBRESOURCES.has(request.subresource))
    return { kind: "deny", message: "a dry run of this would answer with what it must not tell" };
  const rules = verdict.rules.map(({ name }) => name).join(", ");
  return { kind: "dry-run", warning: `hoop: the real request would wait for a human (${rules})` };
}

/** What is looked up once for all that happens to a request at one moment, and again once it has waited. */
import type { AdmissionRequest } from "./admission.ts";
import type { PolicyLookups } from "./policy/ports.ts";

export interface Moment extends Pick<PolicyLookups, "target"> {
  /** It has waited: what was looked up is old. */
  passed(): void;
}

/** For one request, which alone is asked about. */
export function momentOf(lookups: Pick<PolicyLookups, "target">): Moment {
  let found: ReturnType<PolicyLookups["target"]> | undefined;
  return {
    target(request: AdmissionRequest) {
      found ??= lookups.target(request);
      return found;
    },
    passed() {
      found = undefined;
    },
  };
}

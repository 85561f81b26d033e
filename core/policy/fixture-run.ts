/** Runs tests of policies: judging as Hoop does, with what the fixtures say in place of a cluster. */
import type { AdmissionRequest } from "../admission.ts";
import { lookupsOf } from "./fixture-lookups.ts";
import { differences } from "./fixture-outcome.ts";
import { requestOf } from "./fixture-request.ts";
import type { Fixture, Surroundings } from "./fixtures.ts";
import { type JudgePorts, judge } from "./judge.ts";
import type { PolicyLookups } from "./ports.ts";
import type { PolicySet } from "./set.ts";
import type { Verdict } from "./verdict.ts";

export interface Ran {
  fixture: Fixture;
  /** Absent where the fixture says too little to make a request of it. */
  verdict?: Verdict;
  /** All that fired, whether the verdict tells of it or not. */
  fired: readonly string[];
  /** In which ways it is not as expected; none where it is. */
  failures: readonly string[];
}

const INSTALLATION = "hoop-system";

/** The settings' defaults. */
const TERMS: JudgePorts["terms"] = {
  approvers: [{ groups: [], count: 1 }],
  maxWaitSeconds: 100,
  pendingSeconds: 3600,
  approvedSeconds: 600,
};

/** How requests are judged when these are all policies, and these tell what is around. */
export function portsWith(set: PolicySet, lookups: PolicyLookups): JudgePorts {
  return {
    policies: { ...lookups, current: () => set, brokenAnnotation: () => undefined },
    terms: TERMS,
    installationNamespace: INSTALLATION,
  };
}

export async function runFixture(set: PolicySet, fixture: Fixture): Promise<Ran> {
  const made = requestOf(fixture);
  if ("why" in made) return { fixture, fired: [], failures: [made.why] };
  const { verdict, fired } = await judged(set, made.request, fixture.around);
  return { fixture, verdict, fired, failures: differences(verdict, fixture.expect) };
}

async function judged(
  set: PolicySet,
  request: AdmissionRequest,
  around: Surroundings,
): Promise<{ verdict: Verdict; fired: string[] }> {
  const fired: string[] = [];
  const verdict = await judge(portsWith(set, lookupsOf(around)), request, (step) => {
    if (step.outcome === "fired") fired.push(step.rule);
  });
  return { verdict, fired };
}

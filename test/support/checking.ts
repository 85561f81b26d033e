/** `kubectl hoop check` on a testbed, and the ways to break what it looks at and to mend it. */
import { localManifests, type StampBy } from "../../local/manifests.ts";
import { hoop } from "./plugin.ts";
import type { Testbed } from "./testbed.ts";

interface Step {
  step: string;
  state: string;
  code?: string;
  says: string;
}

export interface Checking {
  /** Each step, as `-o json` tells it. */
  steps(...args: string[]): Promise<Step[]>;
  /** The codes of what is wrong or warned of. */
  codes(...args: string[]): Promise<string[]>;
  /** kubectl as the administrator. */
  human(...args: string[]): Promise<string>;
  /** Applies the files of deploy/ again, or some of them; what Hoop keeps in them it sets anew. */
  apply(stampBy: StampBy, isWanted?: (kind: string) => boolean): Promise<void>;
}

export const codesIn = (steps: readonly Step[]) => steps.flatMap(({ code }) => code ?? []);

export function checking(bed: Testbed): Checking {
  const steps = async (...args: string[]) => {
    const { stdout, stderr } = await hoop(bed, "human", ["check", "-o", "json", ...args]);
    if (stdout === "") throw new Error(stderr);
    return (JSON.parse(stdout) as { steps: Step[] }).steps;
  };
  return {
    steps,
    codes: async (...args) => codesIn(await steps(...args)),
    human: (...args) => bed.must("human", args),
    async apply(stampBy, isWanted = () => true) {
      const ports = { api: bed.apiPort, webhook: bed.webhookPort };
      const manifests = await localManifests(ports, { stampBy });
      const { items } = JSON.parse(manifests) as { items: { kind: string }[] };
      await bed.apply(items.filter(({ kind }) => isWanted(kind)));
    },
  };
}

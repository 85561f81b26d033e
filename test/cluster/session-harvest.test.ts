/**
 * The harvest of Secrets' values through a session whose ServiceAccount may do everything: by every request that is
 * sent, and in everything that is answered, there is none, in no form.
 */
import { CORE, SECURE } from "../support/harvest/aim.ts";
import { itHarvestsNothing } from "../support/harvest/suite.ts";
import { begin, profiled } from "../support/session.ts";
import type { Testbed } from "../support/testbed.ts";

const EVERYTHING = [
  { apiGroups: ["*"], resources: ["*"], verbs: ["*"] },
  { nonResourceURLs: ["*"], verbs: ["*"] },
];

async function throughSession(bed: Testbed): Promise<string> {
  const kubeconfig = await bed.controlPlane.kubeconfig("harvester");
  await bed.apply(profiled("harvester", { requestsPerSecond: 10_000 }, EVERYTHING));
  const { who } = await begin(bed, { kubeconfig }, { profile: "harvester" });
  return bed.kubeconfig(who);
}

describe("A harvest of Secrets' values, through a session", () => {
  itHarvestsNothing({
    testbed: {},
    agent: throughSession,
    audited: true,
    denied: true,
    requests: Number(process.env["HARVEST_REQUESTS"] ?? 250),
    apis: [CORE, CORE, SECURE],
    heard: ["GET secrets 200", "GET secrets watch 200"],
  });
});

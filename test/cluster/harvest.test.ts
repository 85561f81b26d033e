/**
 * What an agent can bring in of Secrets' values, by every request it may send, where RBAC lets it do everything and the
 * API server asks Hoop for authorization: none, in no form. `HARVEST_REQUESTS` and `HARVEST_SEED` make other runs.
 */
import { itHarvestsNothing, SECRETS_REFUSED } from "../support/harvest/suite.ts";

describe("A harvest of Secrets' values, with authorization", () => {
  itHarvestsNothing({
    testbed: {},
    agent: async (bed) => bed.kubeconfig("agent"),
    audited: true,
    heard: [...SECRETS_REFUSED, "POST secure-secrets 201"],
  });
});

/**
 * What an agent can bring in of Secrets' values, by every request it may send, where RBAC lets it do everything and the
 * API server asks Hoop for authorization: none, in no form. `HARVEST_REQUESTS` and `HARVEST_SEED` make other runs.
 */
import { itHarvestsNothing } from "../support/harvest/suite.ts";

describe("A harvest of Secrets' values, with authorization", () => {
  itHarvestsNothing({
    testbed: {},
    agent: async (bed) => bed.kubeconfig("agent"),
    audited: true,
    heard: [
      "GET secrets 403",
      "GET secrets watch 403",
      "PATCH secrets 403",
      "PUT secrets 403",
      "POST secrets 403",
      "DELETE secrets 403",
      "GET secure-secrets 200",
      "GET secure-secrets watch 200",
      "PATCH secure-secrets 200",
      "PATCH secure-secrets 403",
      "PATCH secure-secrets 422",
      "POST secure-secrets 201",
      "POST secure-secrets 403",
      "PUT secure-secrets 403",
    ],
  });
});

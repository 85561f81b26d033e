/** The policies of the cluster, beside the catalogue that this plugin was shipped with. */
import { type JsonObject, list, member, text } from "#core/admission.ts";
import { compilePolicy } from "#core/policy/compile.ts";
import type { Explainable } from "#core/policy/explain.ts";
import { policyOf } from "#core/policy/read.ts";
import { type PolicySet, policySet } from "#core/policy/set.ts";
import type { Cluster } from "../cluster.ts";
import { CommandError } from "../failure.ts";
import { shippedCatalogue } from "./load.ts";

const POLICIES = "/apis/policy.hoop.dev/v1alpha1/agentpolicies";

/** @throws {CommandError} where they cannot be read. */
export async function clusterPolicies(
  cluster: Cluster,
  withCatalogue: boolean,
): Promise<{ set: PolicySet; policies: Explainable[] }> {
  const found = await cluster.get<JsonObject>(POLICIES);
  if (found === undefined)
    throw new CommandError(
      "this cluster has no AgentPolicies: Hoop's CustomResourceDefinitions are not installed there",
    );
  const { catalogue, bundles } = await shippedCatalogue(withCatalogue);
  const own = list(found, "items").map((value): Explainable => {
    const read = policyOf(value);
    // Its CustomResourceDefinition keeps those out that are not.
    if ("problems" in read)
      throw new CommandError(
        `AgentPolicy ${text(member(value, "metadata"), "name")} has not the shape of one`,
      );
    return { policy: read.policy, compiled: compilePolicy(read.policy).policy };
  });
  return {
    set: policySet(
      catalogue,
      own.map(({ compiled }) => compiled),
    ),
    policies: [...bundles, ...own],
  };
}

/** The policies of the cluster, beside the catalogue that this plugin was shipped with. */
import { isObject, type Json, type JsonObject, list, member, text } from "#core/admission.ts";
import { compilePolicy } from "#core/policy/compile.ts";
import type { Explainable } from "#core/policy/explain.ts";
import { policyOf } from "#core/policy/read.ts";
import { type PolicySet, policySet } from "#core/policy/set.ts";
import type { Cluster } from "../cluster.ts";
import { CommandError } from "../failure.ts";
import { shippedCatalogue } from "./load.ts";

const POLICIES = "/apis/policy.hoop.dev/v1alpha1/agentpolicies";

interface ClusterPolicies {
  set: PolicySet;
  policies: Explainable[];
  /** Those of which Hoop says that not all is in force, or not yet that it is, with why. */
  notReady: ReadonlyMap<string, string>;
  /** What Hoop cannot read, whoever else can. */
  unread: readonly UnreadParams[];
  /** The names of the catalogue's rules, as this plugin was shipped with it. */
  shipped: readonly string[];
}

/** Without a namespace: in any. */
export interface UnreadParams {
  kind: string;
  namespace?: string;
  name: string;
  why: string;
}

/**
 * @param has which rules of the catalogue Hoop there has; the others are left out.
 * @throws {CommandError} where they cannot be read.
 */
export async function clusterPolicies(
  cluster: Cluster,
  withCatalogue: boolean,
  has: (rule: string) => boolean = () => true,
): Promise<ClusterPolicies> {
  const found = await cluster.get<JsonObject>(POLICIES);
  if (found === undefined)
    throw new CommandError(
      "this cluster has no AgentPolicies: Hoop's CustomResourceDefinitions are not installed there",
    );
  const shipped = await shippedCatalogue(withCatalogue);
  const { catalogue, bundles } = thoseOf(shipped, has);
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
    notReady: new Map(list(found, "items").flatMap(unreadiness)),
    unread: list(found, "items").flatMap(unreadBy),
    shipped: [...shipped.catalogue.rules.keys()],
  };
}

function thoseOf({ catalogue, bundles }: Shipped, has: (rule: string) => boolean): Shipped {
  const kept = <T extends { name: string }>(rules: readonly T[] = []) =>
    rules.filter(({ name }) => has(name));
  return {
    catalogue: {
      bundles: catalogue.bundles.map((bundle) => ({ ...bundle, rules: kept(bundle.rules) })),
      rules: new Map([...catalogue.rules].filter(([name]) => has(name))),
    },
    bundles: bundles.map(({ policy, compiled }) => ({
      policy: { ...policy, spec: { ...policy.spec, rules: kept(policy.spec.rules) } },
      compiled: { ...compiled, rules: kept(compiled.rules) },
    })),
  };
}

type Shipped = Awaited<ReturnType<typeof shippedCatalogue>>;

/** Nothing where it is Ready as it is now. */
function unreadiness(policy: Json): [name: string, why: string][] {
  const metadata = member(policy, "metadata");
  const name = text(metadata, "name");
  const conditions = list(member(policy, "status"), "conditions");
  const ready = conditions.find((condition) => text(condition, "type") === "Ready");
  if (!isObject(ready) || ready["observedGeneration"] !== metadata["generation"])
    return [[name, "Hoop has not told of it yet, as it is now"]];
  return text(ready, "status") === "True" ? [] : [[name, text(ready, "message")]];
}

/** The params of a policy of which Hoop says that it cannot follow them. */
function unreadBy(policy: Json): UnreadParams[] {
  const [spec, status] = [member(policy, "spec"), member(policy, "status")];
  const told = list(status, "problems").find((problem) => text(problem, "path") === "spec.paramRef");
  if (told === undefined) return [];
  const [ref, namespace] = [member(spec, "paramRef"), text(member(spec, "paramRef"), "namespace")];
  return [
    {
      kind: text(member(spec, "paramKind"), "kind"),
      name: text(ref, "name"),
      why: text(told, "message"),
      ...(namespace === "" ? {} : { namespace }),
    },
  ];
}

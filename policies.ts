/** What agents may do at this moment: the shipped catalogue, the AgentPolicies of the cluster, and what they look up. */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { accessDecision } from "#cluster/access-review.ts";
import { agentPolicies } from "#cluster/agent-policies.ts";
import { brokenAnnotations } from "#cluster/broken-annotations.ts";
import type { Client } from "#cluster/client.ts";
import { dependents } from "#cluster/dependents.ts";
import type { NamespaceCache } from "#cluster/namespaces.ts";
import type { ParamReference } from "#cluster/param.ts";
import { paramWarnings } from "#cluster/param-rights.ts";
import { followedParams } from "#cluster/params.ts";
import { serviceAccounts } from "#cluster/service-accounts.ts";
import { subresourceTarget } from "#cluster/subresource-target.ts";
import type { AdmissionRequest, JsonObject } from "#core/admission.ts";
import type { AgentMatcher } from "#core/agents.ts";
import { type Catalogue, catalogueProblems, readCatalogue } from "#core/policy/catalogue.ts";
import { checkWritten, type Written } from "#core/policy/check-written.ts";
import { compilerInTurns } from "#core/policy/compile.ts";
import type { PolicyPorts } from "#core/policy/ports.ts";
import { type PolicySet, policySet } from "#core/policy/set.ts";
import type { AgentPolicy } from "#core/policy/spec.ts";
import type { Log } from "#core/ports.ts";

export interface LivePolicies {
  /** Always asks about those of the moment. */
  ports: PolicyPorts;
  /** Resolves when it is known which there are. */
  ready(): Promise<void>;
  /** The AgentPolicies as they are written, by name. */
  written(): { name: string; spec: JsonObject }[];
  /** Called whenever there are others, from now on. */
  whenChanged(then: () => void): void;
  /** What checks what people write; `identity` is the user Hoop is. */
  checker(agents: AgentMatcher, identity: string): (request: AdmissionRequest) => Promise<Written>;
  stop(): Promise<void>;
}

const SHIPPED = join(import.meta.dirname, "deploy", "policies");

/** The files that Hoop comes with. Rejects where anything in one is wrong. */
export async function shippedCatalogue(directory = SHIPPED): Promise<Catalogue> {
  const names = (await readdir(directory)).filter((name) => name.endsWith(".yaml")).toSorted();
  const files = names.map(async (name) => ({ name, text: await readFile(join(directory, name), "utf8") }));
  return readCatalogue(await Promise.all(files));
}

export function livePolicies(
  catalogue: Catalogue,
  client: Client,
  namespaces: Pick<NamespaceCache, "object">,
  log: Log,
): LivePolicies {
  const params = followedParams(client, log, () => void policies.tell());
  const accounts = serviceAccounts(client, log);
  const broken = brokenAnnotations(client, log);
  const owned = dependents(client, log);
  const policies = agentPolicies(client, log, {
    compile: compilerInTurns(),
    changed() {
      const all = policies.all();
      // First what they need, then they.
      params.want(all.flatMap(({ policy }) => paramsOf(policy)));
      current = policySet(
        catalogue,
        all.map(({ compiled }) => compiled.policy),
      );
      void policies.tell();
      told();
    },
    standing: ({ policy, compiled }) => ({
      rules: (policy.spec.rules ?? []).map(({ name }) => name),
      catalogue: (policy.spec.catalogue ?? []).map(({ rule }) => rule),
      problems: [
        ...compiled.problems,
        ...catalogueProblems(catalogue, policy),
        ...paramsOf(policy).flatMap((reference) => {
          const message = params.problem(reference);
          return message === "" ? [] : [{ path: "spec.paramRef", message }];
        }),
      ],
    }),
  });
  let current: PolicySet = policySet(catalogue, []);
  let told = () => {};
  return {
    ports: {
      current: () => current,
      namespace: namespaces.object,
      serviceAccount: accounts.object,
      target: (request) => subresourceTarget(client, request),
      dependents: owned.of,
      param: params.object,
      access: (user, check) => accessDecision(client, user, check),
      brokenAnnotation: broken.tell,
    },
    async ready() {
      await Promise.all([policies.ready(), accounts.ready(), owned.ready()]);
    },
    // They come from the API server's JSON.
    written: () =>
      policies.all().map(({ policy: { metadata, spec } }) => ({
        name: metadata.name,
        spec: spec as unknown as JsonObject,
      })),
    whenChanged(then) {
      told = then;
    },
    checker: (agents, identity) => async (request) => {
      const found = await checkWritten({ catalogue, agents, identity }, request);
      const asked = found.params === undefined ? [] : await paramWarnings(client, found.params);
      return { ...found, warnings: [...found.warnings, ...asked] };
    },
    async stop() {
      await Promise.all([policies.stop(), params.stop(), accounts.stop(), broken.stop(), owned.stop()]);
    },
  };
}

function paramsOf({ spec: { paramKind, paramRef } }: AgentPolicy): ParamReference[] {
  if (paramKind === undefined || paramRef === undefined) return [];
  const { name, namespace } = paramRef;
  return [{ ...paramKind, name, ...(namespace === undefined ? {} : { namespace }) }];
}

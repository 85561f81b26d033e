/** AgentProfiles (policy.hoop.dev): followed as they change, and told in their status whether they are in force. */
import type { JsonObject } from "#core/admission.ts";
import type { Owned } from "#core/agents.ts";
import type { Log } from "#core/ports.ts";
import type { Profile } from "#core/session/profile.ts";
import { type AgentProfileSpec, ownedBy, profileOf } from "#core/session/read-profile.ts";
import { type Client, isNotFound, path } from "./client.ts";
import { follow, type Listed } from "./list-watch.ts";

const COLLECTION = "/apis/policy.hoop.dev/v1alpha1/agentprofiles";
const DEFINITION = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/agentprofiles.policy.hoop.dev";

interface Condition {
  type: string;
  status: "True" | "False";
  observedGeneration?: number;
  lastTransitionTime: string;
  reason: string;
  message: string;
}

/** As the CustomResourceDefinition in deploy/ has it. */
type AgentProfile = Listed & {
  metadata: { generation?: number };
  spec: AgentProfileSpec;
  status?: { conditions?: Condition[] };
};

export interface AgentProfiles {
  /** Resolves when it is known which there are. */
  ready(): Promise<void>;
  /** The one of that name, as it is now. */
  profile(name: string): Profile | undefined;
  /** Whom each names, and whose they are. */
  agents(): Owned[];
  /** As they are written, in the order of their names. */
  written(): { name: string; spec: JsonObject }[];
  /**
   * Writes into the status of each profile whether the API server sends Hoop what its agents do: `problem` "" for yes.
   * Never rejects.
   */
  tell(problem: string): Promise<void>;
  stop(): Promise<void>;
}

/** `changed` is called whenever they name others than before. */
export function agentProfiles(client: Client, log: Log, changed: () => void): AgentProfiles {
  const profiles = new Map<string, AgentProfile>();
  const update = (change: () => void) => {
    const before = JSON.stringify(named(profiles));
    change();
    // A status that we wrote ourselves is no change.
    if (JSON.stringify(named(profiles)) !== before) changed();
  };
  const following = follow<AgentProfile>(
    client,
    {
      path: COLLECTION,
      definition: DEFINITION,
      replace: (objects) =>
        update(() => {
          profiles.clear();
          for (const object of objects) profiles.set(object.metadata.name, object);
        }),
      put: (object) => update(() => profiles.set(object.metadata.name, object)),
      remove: ({ metadata }) => update(() => profiles.delete(metadata.name)),
    },
    log,
  );
  return {
    ready: following.ready,
    profile(name) {
      const found = profiles.get(name);
      return found && profileOf(name, found.spec);
    },
    agents: () => [...profiles.values()].map(({ metadata, spec }) => ownedBy(metadata.name, spec)),
    // They come from the API server's JSON.
    written: () =>
      [...profiles]
        .toSorted(([one], [other]) => (one < other ? -1 : 1))
        .map(([name, { spec }]) => ({ name, spec: spec as unknown as JsonObject })),
    async tell(problem) {
      const known = [...profiles.values()];
      await Promise.all(known.map((profile) => tellOne(client, profile, problem, log)));
    },
    stop: following.stop,
  };
}

/** The version of each spec, by name. */
function named(profiles: ReadonlyMap<string, AgentProfile>): unknown {
  return [...profiles.values()].map(({ metadata, spec }) => [metadata.uid, metadata.generation, spec]);
}

async function tellOne(client: Client, profile: AgentProfile, problem: string, log: Log): Promise<void> {
  const { name, generation = 0 } = profile.metadata;
  const { conditions = [] } = profile.status ?? {};
  const before = conditions.find(({ type }) => type === "Ready");
  const { status, message, reason } = standing(profileOf(name, profile.spec).problem ?? "", problem);
  const isSame =
    before?.status === status && before.message === message && before.observedGeneration === generation;
  if (isSame) return;
  const ready: Condition = {
    ...{ type: "Ready", status, message, reason, observedGeneration: generation },
    lastTransitionTime:
      before?.status === status ? before.lastTransitionTime : `${new Date().toISOString().slice(0, 19)}Z`,
  };
  const others = conditions.filter(({ type }) => type !== "Ready");
  try {
    await client.request({
      ...{ method: "PATCH", path: `${COLLECTION}${path(name)}/status` },
      contentType: "application/merge-patch+json",
      body: { status: { observedGeneration: generation, conditions: [...others, ready] } },
    });
  } catch (error) {
    if (!isNotFound(error))
      log.warn({ profile: name, error: String(error) }, "its status could not be written");
  }
}

/** `own`: what of it cannot work. */
function standing(own: string, problem: string): Pick<Condition, "status" | "message" | "reason"> {
  if (own !== "") return { status: "False", message: own, reason: "Invalid" };
  if (problem === "")
    return {
      ...{ status: "True", reason: "InForce" },
      message: "the API server sends Hoop what these agents do",
    };
  return { status: "False", message: `not in force everywhere: ${problem}`, reason: "RegistrationRefused" };
}

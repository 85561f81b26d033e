/** AgentProfiles (policy.hoop.dev): followed as they change, and told in their status whether they are in force. */
import type { Owned } from "#core/agents.ts";
import type { Log } from "#core/ports.ts";
import type { Profile } from "#core/session/profile.ts";
import { durationSeconds, type SessionTerms } from "#core/session/session.ts";
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
  spec: {
    users?: string[];
    groups?: string[];
    serviceAccounts?: { namespace: string; name: string }[];
    extras?: { key: string; values: string[] }[];
    tokens?: { issuer: string; claims: { claim: string; values: string[] }[] }[];
    owners?: { users?: string[]; groups?: string[] };
    session?: {
      serviceAccount: { namespace: string; name: string };
      duration?: { default?: string; max?: string };
      idleTimeout?: string;
      maxSessions?: number;
      requestsPerSecond?: number;
      exec?: { stdin?: boolean; tty?: boolean };
    };
  };
  status?: { conditions?: Condition[] };
};

export interface AgentProfiles {
  /** Resolves when it is known which there are. */
  ready(): Promise<void>;
  /** The one of that name, as it is now. */
  profile(name: string): Profile | undefined;
  /** Whom each names, and whose they are. */
  agents(): Owned[];
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
      return found && profileOf(found);
    },
    agents: () => [...profiles.values()].map(agentsOf),
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

function agentsOf({ spec }: AgentProfile): Owned {
  const { session, owners = {} } = spec;
  const named = settingsOf(spec);
  // What is done in a session is done by an agent, and by one of theirs.
  const account = session?.serviceAccount;
  const actsAs = account === undefined ? [] : [`${account.namespace}/${account.name}`];
  const agents = { ...named, serviceAccounts: [...named.serviceAccounts, ...actsAs] };
  return { agents, owners: { users: owners.users ?? [], groups: owners.groups ?? [] } };
}

function settingsOf({ users = [], groups = [], serviceAccounts = [], extras = [] }: AgentProfile["spec"]) {
  return {
    ...{ users, groups },
    serviceAccounts: serviceAccounts.map(({ namespace, name }) => `${namespace}/${name}`),
    extras: Object.fromEntries(extras.map(({ key, values }) => [key, values])),
  };
}

function profileOf({ metadata: { name }, spec }: AgentProfile): Profile {
  const agents = settingsOf(spec);
  const tokens = spec.tokens ?? [];
  if (spec.session === undefined) return { name, agents, tokens };
  const { serviceAccount, duration = {}, idleTimeout, exec = {}, ...limits } = spec.session;
  const maxSeconds = durationSeconds(duration.max ?? "8h");
  const session: SessionTerms = {
    serviceAccount: { namespace: serviceAccount.namespace, name: serviceAccount.name },
    defaultSeconds: Math.min(durationSeconds(duration.default ?? "1h"), maxSeconds),
    maxSeconds,
    idleSeconds: idleTimeout === undefined ? 0 : durationSeconds(idleTimeout),
    maxSessions: limits.maxSessions ?? 10,
    requestsPerSecond: limits.requestsPerSecond ?? 50,
    exec: { stdin: exec.stdin ?? true, tty: exec.tty ?? true },
  };
  return { name, agents, tokens, session };
}

async function tellOne(client: Client, profile: AgentProfile, problem: string, log: Log): Promise<void> {
  const { name, generation = 0 } = profile.metadata;
  const { conditions = [] } = profile.status ?? {};
  const before = conditions.find(({ type }) => type === "Ready");
  const status = problem === "" ? "True" : "False";
  const message =
    problem === "" ? "the API server sends Hoop what these agents do" : `not in force everywhere: ${problem}`;
  const isSame =
    before?.status === status && before.message === message && before.observedGeneration === generation;
  if (isSame) return;
  const ready: Condition = {
    ...{ type: "Ready", status, message, observedGeneration: generation },
    reason: problem === "" ? "InForce" : "RegistrationRefused",
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

/** What a person should know beside an explanation: whether Hoop is asked at all, and by what it does not judge as it says. */
import type { UserInfo } from "#core/admission.ts";
import { type AgentSettings, agentMatcher, together } from "#core/agents.ts";
import type { PolicyLookups } from "#core/policy/ports.ts";
import type { Cluster } from "../cluster.ts";
import { ApiError } from "../failure.ts";

const PROFILES = "/apis/policy.hoop.dev/v1alpha1/agentprofiles";

/** As they are known by groups where the settings say nothing else. */
const DEFAULTS: AgentSettings = { groups: ["hoop:agents"], users: [], serviceAccounts: [], extras: {} };

interface Profiles {
  items?: {
    spec: {
      users?: string[];
      groups?: string[];
      serviceAccounts?: { namespace: string; name: string }[];
    };
  }[];
}

/** Why what this user does may never come before Hoop. Settings cannot be seen from here. Rejects as `lookups` do. */
export async function userNotes(cluster: Cluster, lookups: PolicyLookups, user: UserInfo): Promise<string[]> {
  const { username } = user;
  const [, namespace = "", account = ""] = /^system:serviceaccount:([^:]+):([^:]+)$/.exec(username) ?? [];
  const found = account === "" ? undefined : await lookups.serviceAccount(namespace, account);
  const isMissing = found?.known === true && found.object === null;
  const told = await agentNote(cluster, user);
  return [
    ...(isMissing ? [`there is no ServiceAccount ${namespace}/${account}`] : []),
    ...(told === undefined ? [] : [told]),
  ];
}

async function agentNote(cluster: Cluster, user: UserInfo): Promise<string | undefined> {
  const { username } = user;
  const isAgent = (settings: AgentSettings) => agentMatcher(settings, "").identify(user).kind === "agent";
  if (!isAgent({ ...DEFAULTS, users: [username] }))
    return `${username} is never an agent: Hoop is not asked about it`;
  const profiles = await profilesOf(cluster);
  if (profiles === undefined)
    return `whether ${username} is an agent cannot be seen: you may not list AgentProfiles`;
  return isAgent(together([DEFAULTS, ...profiles]))
    ? undefined
    : `no AgentProfile names ${username}, and it is not in hoop:agents: unless Hoop's settings make it an agent, ` +
        "Hoop is not asked about it";
}

/** Undefined where they may not be read; none where there is no such kind. */
async function profilesOf(cluster: Cluster): Promise<AgentSettings[] | undefined> {
  try {
    const { items = [] } = (await cluster.get<Profiles>(PROFILES)) ?? {};
    return items.map(({ spec: { users = [], groups = [], serviceAccounts = [] } }) => ({
      ...{ users, groups },
      serviceAccounts: serviceAccounts.map(({ namespace, name }) => `${namespace}/${name}`),
      extras: {},
    }));
  } catch (error) {
    if (error instanceof ApiError) return undefined;
    throw error;
  }
}

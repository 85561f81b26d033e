/** What a person should know beside an explanation: whether Hoop is asked at all, and by what it does not judge as it says. */
import type { UserInfo } from "#core/admission.ts";
import { type AgentSettings, agentMatcher, together } from "#core/agents.ts";
import type { PolicyLookups } from "#core/policy/ports.ts";
import type { Cluster } from "../cluster.ts";
import { ApiError } from "../failure.ts";
import type { ServerConfiguration } from "./server.ts";

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

/** What Hoop there has otherwise than this is judged by. `shipped`: the rules of the catalogue that came with this plugin. */
export function serverNotes(
  server: ServerConfiguration | { why: string },
  shipped: readonly string[],
  plugin: string,
): string[] {
  const ours = `the catalogue of this plugin (${plugin})`;
  if ("why" in server)
    return [
      `what Hoop judges by cannot be seen (${server.why}): this is by ${ours} and the settings' defaults`,
    ];
  const erased = server.hasSettings
    ? []
    : ["Hoop's settings cannot be seen: they are erased from its records, and their defaults are taken"];
  if (shipped.length === 0) return erased;
  const known = new Set(shipped);
  const unknown = [...server.rules].filter((rule) => !rule.includes("/") && !known.has(rule));
  const left = shipped.filter((rule) => !server.rules.has(rule));
  return [
    ...erased,
    ...(server.version === plugin
      ? []
      : [`Hoop is ${server.version}, and this by ${ours}: rules of one name may differ`]),
    ...(unknown.length === 0
      ? []
      : [`Hoop has rules that this plugin does not know, and may judge otherwise: ${unknown.join(", ")}`]),
    ...(left.length === 0 ? [] : [`left out, because Hoop does not have them: ${left.join(", ")}`]),
  ];
}

/**
 * Why what this user does may never come before Hoop. `settings`: whom Hoop's settings make agents, where that can be seen.
 * Rejects as `lookups` do.
 */
export async function userNotes(
  cluster: Cluster,
  lookups: PolicyLookups,
  user: UserInfo,
  settings: AgentSettings | undefined,
): Promise<string[]> {
  const { username } = user;
  const [, namespace = "", account = ""] = /^system:serviceaccount:([^:]+):([^:]+)$/.exec(username) ?? [];
  const found = account === "" ? undefined : await lookups.serviceAccount(namespace, account);
  const isMissing = found?.known === true && found.object === null;
  const told = await agentNote(cluster, user, settings);
  return [
    ...(isMissing ? [`there is no ServiceAccount ${namespace}/${account}`] : []),
    ...(told === undefined ? [] : [told]),
  ];
}

async function agentNote(
  cluster: Cluster,
  user: UserInfo,
  settings: AgentSettings | undefined,
): Promise<string | undefined> {
  const { username } = user;
  const isAgent = (settings: AgentSettings) => agentMatcher(settings, "").identify(user).kind === "agent";
  if (!isAgent({ ...DEFAULTS, users: [username] }))
    return `${username} is never an agent: Hoop is not asked about it`;
  const byDefault = settings ?? DEFAULTS;
  if (isAgent(byDefault)) return undefined;
  const profiles = await profilesOf(cluster);
  if (profiles === undefined)
    return `whether ${username} is an agent cannot be seen: you may not list AgentProfiles`;
  if (isAgent(together([byDefault, ...profiles]))) return undefined;
  return settings === undefined
    ? `no AgentProfile names ${username}, and it is not in hoop:agents: unless Hoop's settings make it an agent, ` +
        "Hoop is not asked about it"
    : `neither an AgentProfile nor Hoop's settings make ${username} an agent: Hoop is not asked about it`;
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

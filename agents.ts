/** Who is an agent at this moment: whom the settings name, and whom the AgentProfiles of the cluster do. */
import { type AgentProfiles, agentProfiles } from "#cluster/agent-profiles.ts";
import type { Client } from "#cluster/client.ts";
import type { RegistrationState } from "#cluster/registrations.ts";
import { type AgentMatcher, agentMatcher, liveMatcher, together } from "#core/agents.ts";
import type { Log } from "#core/ports.ts";
import type { Profile } from "#core/session/profile.ts";
import type { Settings } from "./settings.ts";

/** Has the API server send us what these agents do, and tells how that went. */
type Register = (agents: AgentMatcher) => Promise<readonly RegistrationState[]>;

export interface LiveAgents {
  /** Always asks about those of the moment. */
  matcher: AgentMatcher;
  /** The AgentProfile of that name. */
  profile(name: string): Profile | undefined;
  /** The AgentProfiles as they are written, by name. */
  written: AgentProfiles["written"];
  /** Resolves when the profiles are known. */
  ready(): Promise<void>;
  /** Registers those of the moment, and from now on whenever there are others. Resolves after the first time. */
  register(register: Register): Promise<void>;
  stop(): Promise<void>;
}

export function liveAgents(settings: Settings, client: Client, log: Log): LiveAgents {
  const build = () => {
    const owned = profiles.agents();
    const all = together([settings.agents, ...owned.map(({ agents }) => agents)]);
    return agentMatcher(all, settings.identity, owned);
  };
  let current: AgentMatcher | undefined;
  let register: Register | undefined;
  // Who is an agent is judged as one before the API server sends it here, and never after.
  const profiles = agentProfiles(client, log, () => {
    current = build();
    void registered();
  });
  const matcher = liveMatcher(() => (current ??= build()));

  async function registered(): Promise<void> {
    if (register === undefined) return;
    const states = await register(matcher);
    const problems = states.filter(({ problem }) => problem !== "");
    for (const { kind, name, problem } of problems)
      log.warn({ kind, name, problem }, "a registration is not as it should be");
    await profiles.tell(problems.map(({ kind, name, problem }) => `${kind} ${name}: ${problem}`).join("; "));
  }

  return {
    matcher,
    profile: profiles.profile,
    written: profiles.written,
    ready: profiles.ready,
    register(given) {
      register = given;
      return registered();
    },
    stop: profiles.stop,
  };
}

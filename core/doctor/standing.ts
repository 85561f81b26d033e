/** How agents stand to Hoop as such, and what is installed beside it. */
import type { Surroundings } from "./check.ts";
import { DEPUTIES, deputiesIn } from "./checks-of-served.ts";
import type { Finding } from "./finding.ts";
import type { Agent } from "./identities.ts";
import type { Answers } from "./openings.ts";
import type { Question } from "./port.ts";

/** What Hoop's authorization webhook denies to every agent. */
export function probe({ user, groups }: Agent): Question {
  return { user, groups, resourceAttributes: { verb: "get", group: "", resource: "secrets" } };
}

/** `known`: all agents of the cluster, whether looked at or not. */
export function authorizationFindings(
  agents: readonly Agent[],
  known: readonly Agent[],
  answers: Answers,
): Finding[] {
  const isDenied = (agent: Agent) => {
    const answer = answers.of(probe(agent));
    return answer?.denied === true && answer.reason.startsWith("hoop:");
  };
  const without = agents.filter((agent) => !isDenied(agent));
  if (without.length === 0) return [];
  const inForce = [...agents, ...known].some(isDenied);
  const other = without.map((agent) => answers.of(probe(agent))).find((answer) => answer?.denied);
  return [
    {
      id: "authorization-webhook",
      severity: "medium",
      title: inForce
        ? "Hoop's authorization webhook is not asked about these"
        : "Hoop's authorization webhook is not in force",
      detail:
        "Only RBAC keeps these from reading Secrets and from what else admission cannot see. " +
        (other === undefined
          ? "Nobody denies them a read of Secrets outright."
          : `It is denied by another: ${other.reason}`) +
        (inForce ? OF_SESSIONS : ""),
      ways: [1, 15, 35],
      control: "AC-25",
      agents: without.map(({ name }) => name),
      openings: [],
      objects: [],
      fix: [{ says: inForce ? NAME_THEM : PUT_IN_FORCE }],
    },
  ];
}

const OF_SESSIONS =
  " In a session Hoop itself masks Secrets and refuses the rest: for a ServiceAccount that only sessions act as, this is " +
  "about tokens of its own, such as a pod's.";
const PUT_IN_FORCE =
  "where the API server's flags are yours: --authorization-config=deploy/apiserver/authorization-config.yaml; " +
  "where they are not, RBAC must close each way below";
const NAME_THEM =
  "put the matchConditions that Hoop logs (`its matchConditions must be these`) into the file of --authorization-config: " +
  "they name these as well";

const ABOVE: Readonly<Record<string, string>> = {
  "system:masters": "no authorizer is asked about it, whatever is configured",
  "system:nodes": "it is a node to the API server, and Hoop takes no node for an agent",
};

/** `covered`: whether the registration's matchCondition picks it. */
export function identityFindings({ name, groups }: Agent, covered: boolean | undefined): Finding[] {
  const common = { agents: [name], openings: [], control: "AC-6" };
  const above = groups
    .filter((group) => Object.hasOwn(ABOVE, group))
    .map(
      (group): Finding => ({
        ...common,
        id: "identity-above",
        severity: "critical",
        title: `is a member of ${group}`,
        detail: `With that group ${ABOVE[group]}.`,
        ways: [16],
        objects: [],
        fix: [{ says: "give it another credential, without that group" }],
      }),
    );
  if (covered !== false || above.length > 0) return above;
  return [
    {
      ...common,
      id: "agent-not-covered",
      severity: "critical",
      title: "is no agent to Hoop",
      detail:
        "The matchCondition agents does not pick its requests, as it was given: nothing it writes is judged or recorded. " +
        "A group it belongs to has to be said with --group.",
      ways: [17, 29],
      control: "AC-25",
      objects: ["ValidatingWebhookConfiguration/hoop"],
      fix: [{ says: "name it in Hoop's settings (agents.users, agents.serviceAccounts or agents.groups)" }],
    },
  ];
}

export function apiFindings(at: Surroundings): Finding[] {
  const common = { control: "AC-3", agents: [], openings: [], fix: [] } as const;
  const deputies = deputiesIn(at);
  const foreign = [...at.foreignGroups];
  const found: Finding[] = [];
  if (foreign.length > 0)
    found.push({
      ...common,
      id: "aggregated-apis",
      severity: "info",
      title: "other servers answer for parts of the API",
      detail: "kube-apiserver's admission does not run for them: what agents write there Hoop does not see.",
      ways: [52],
      objects: foreign.map((group) => `APIGroup/${group}`),
    });
  if (deputies.length > 0)
    found.push({
      ...common,
      id: "deputies-installed",
      severity: "info",
      title: "controllers are installed that act for whoever writes their objects",
      detail: deputies.map((group) => `${group}: ${DEPUTIES[group]}`).join("; "),
      ways: [30],
      objects: deputies.map((group) => `APIGroup/${group}`),
    });
  return found;
}

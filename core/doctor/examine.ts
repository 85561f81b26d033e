/** The examination: everything that can be asked of the live API server about ways around Hoop. */
import { auditFindings } from "./audit-feed.ts";
import { BLIND } from "./blind.ts";
import { type Check, READS, type Surroundings } from "./check.ts";
import { GUARD_CHECKS } from "./checks-of-guard.ts";
import { IDENTITY_CHECKS } from "./checks-of-identity.ts";
import { REACH_CHECKS } from "./checks-of-reach.ts";
import { SERVED_CHECKS } from "./checks-of-served.ts";
import { coverage } from "./condition.ts";
import { gathered } from "./facts.ts";
import { type Finding, type NotChecked, type Report, ranked } from "./finding.ts";
import { frontProxyFindings } from "./front-proxy.ts";
import { type Agent, ANONYMOUS, agentsIn } from "./identities.ts";
import { type Answers, answersTo, openingsOf, questionsFor } from "./openings.ts";
import type { DoctorPort, Question } from "./port.ts";
import { type Grant, rbacOf } from "./rbac.ts";
import {
  agentsExpression,
  foreignServices,
  hasSecretPath,
  installationNamespace,
  judgesAll,
  registrationFindings,
} from "./registrations.ts";
import { remedies } from "./remedy.ts";
import { apiFindings, authorizationFindings, identityFindings, probe } from "./standing.ts";

export const CHECKS: readonly Check[] = [
  ...IDENTITY_CHECKS,
  ...GUARD_CHECKS,
  ...REACH_CHECKS,
  ...SERVED_CHECKS,
];

/** Only where the webhooks' paths are what keeps others from calling them. */
const SECRET_PATH: Check = {
  id: "webhook-path",
  severity: "high",
  title: "can read the path that only the API server should know",
  detail:
    "Hoop believes whoever calls its webhook on that path: reviews can be forged. It stands in the registrations.",
  ways: [55],
  control: "SC-23",
  asks: () => [
    {
      verbs: READS,
      group: "admissionregistration.k8s.io",
      resource: "validatingwebhookconfigurations",
      cluster: true,
      names: ["hoop"],
    },
  ],
};

/** What is open of one check to one agent. */
interface Examined {
  agent: Agent;
  check: Check;
  grants: readonly Grant[];
  questions: readonly Question[];
}

/**
 * Examines these agents, or those that the registrations and bindings name. Rejects where the API server cannot be
 * reached, or may not be asked who may do what.
 */
export async function examine(port: DoctorPort, given?: readonly Agent[]): Promise<Report> {
  const facts = await gathered(port);
  const expression = agentsExpression(facts);
  const known = agentsIn(facts.policy, expression);
  const agents = given ?? known;
  const at: Surroundings = {
    ownNamespace: installationNamespace(facts),
    served: facts.served,
    foreignGroups: new Set(foreignServices(facts).map(({ spec }) => spec.group ?? "")),
  };
  const checks = [...CHECKS, ...(hasSecretPath(facts) ? [SECRET_PATH] : [])];
  const isFew = agents.length <= FEW;
  const rbac = rbacOf(facts.policy);
  const examined = [...agents, ANONYMOUS].flatMap((agent): Examined[] => {
    const grants = rbac.grantsOf(agent);
    return checks.map((check) => ({
      agent,
      check,
      grants,
      questions: questionsFor(agent, grants, check.asks(at), isFew),
    }));
  });
  const probes = [...agents, ...known].map(probe);
  const answers = await answersTo(port, [...probes, ...examined.flatMap(({ questions }) => questions)]);
  const covers = expression === undefined ? () => undefined : coverage(expression);
  const isJudged = (agent: Agent) => agent !== ANONYMOUS && judgesAll(facts) && covers(agent) === true;
  const findings = [
    ...registrationFindings(facts),
    ...apiFindings(at),
    ...auditFindings(facts),
    ...frontProxyFindings(facts),
    ...authorizationFindings(agents, known, answers),
    ...agents.flatMap((agent) => identityFindings(agent, covers(agent))),
    ...examined.flatMap((one) => accessFinding(one, answers, isJudged(one.agent))),
  ];
  const unseen = [
    ...(isFew ? [] : [OF_MANY]),
    ...(expression?.includes(".extra") ? [OF_EXTRAS] : []),
    ...(agents.some((agent) => covers(agent) === undefined) ? [OF_COVERAGE] : []),
  ];
  return {
    agents: agents.map(({ name }) => name),
    findings: ranked(shared(findings)),
    notChecked: [...facts.notChecked, ...unseen, ...BLIND],
    asked: answers.count,
  };
}

/** Of more agents only what RBAC's rules name is asked: it would take too long. */
const FEW = 20;

const OF_MANY: NotChecked = {
  what: "what authorizers other than RBAC allow to so many agents",
  why: "only what RBAC's rules name was asked for each: examine one with --agent USER",
  could: false,
};

const OF_EXTRAS: NotChecked = {
  what: "agents known by extra data of their credentials",
  why: "no object names who carries it: examine them with --agent USER",
  could: false,
};

const OF_COVERAGE: NotChecked = {
  what: "whose writes Hoop's webhook judges",
  why: "its matchCondition agents is not there, or cannot be told from who asks alone; what admission closes counts as open",
  could: true,
};

function accessFinding(
  { agent, check, grants, questions }: Examined,
  answers: Answers,
  judged: boolean,
): Finding[] {
  const openings = openingsOf(grants, questions, answers);
  if (openings.length === 0) return [];
  const { id, title, detail, ways, control } = check;
  const netted = judged && check.judged !== undefined;
  return [
    {
      id,
      severity: netted ? (check.judged ?? check.severity) : check.severity,
      title,
      detail: netted
        ? `${detail} Hoop's admission webhook denies or holds it; only that stands in between.`
        : detail,
      ways,
      control,
      agents: [agent.name],
      openings,
      objects: [],
      fix: remedies(openings),
    },
  ];
}

/** What is open to several in the same way is one finding. */
function shared(findings: readonly Finding[]): Finding[] {
  const found = new Map<string, Finding>();
  for (const one of findings) {
    const { agents, openings, ...rest } = one;
    const key = JSON.stringify([rest.id, rest.severity, rest.title, rest.objects, openings]);
    const before = found.get(key);
    found.set(key, before === undefined ? one : { ...before, agents: [...before.agents, ...agents] });
  }
  return [...found.values()];
}

/** What of a policy is legal and probably not what was meant. */
import type { AgentMatcher } from "../agents.ts";
import { resourceNamed } from "./resources.ts";
import type { AgentPolicySpec, ApprovalTerms, MatchConstraints, PolicyRule, ResourceRule } from "./spec.ts";

/** In words for its author, each with the path it is about. */
export function oddities(spec: AgentPolicySpec, agents: AgentMatcher): string[] {
  const { rules = [], catalogue = [] } = spec;
  return [
    ...oddConstraints(spec.matchConstraints, "spec.matchConstraints"),
    ...rules.flatMap((rule, i) => [
      ...oddConstraints(rule.matchConstraints, `spec.rules[${i}].matchConstraints`),
      ...oddRule(spec, rule, `spec.rules[${i}]`),
      ...oddTerms(rule.approval, agents, `spec.rules[${i}].approval`),
    ]),
    ...catalogue.flatMap((entry, i) => [
      ...oddTerms(entry.approval, agents, `spec.catalogue[${i}].approval`),
      ...(entry.mode === "Off" && entry.approval !== undefined
        ? [`spec.catalogue[${i}].approval: what is Off holds nothing`]
        : []),
    ]),
  ];
}

function oddRule(spec: AgentPolicySpec, rule: PolicyRule, path: string): string[] {
  const { matchConditions = [] } = spec;
  const narrowed =
    rule.when !== undefined ||
    matchConditions.length > 0 ||
    [spec.matchConstraints, rule.matchConstraints].some(
      (constraints) => constraints?.resourceRules !== undefined,
    );
  const does = rule.action === "Deny" ? "denies" : "holds";
  return [
    ...(narrowed
      ? []
      : [`${path}: ${does} everything that agents do: it has neither when nor resourceRules`]),
    ...absentObjects(spec, rule, path),
  ];
}

/** Null there as in Kubernetes: an expression that takes a field of it fails, and what fails denies. */
const ABSENT = [
  { variable: "object", operation: "DELETE" },
  { variable: "oldObject", operation: "CREATE" },
  { variable: "oldObject", operation: "CONNECT" },
] as const;

function absentObjects(spec: AgentPolicySpec, rule: PolicyRule, path: string): string[] {
  const { when } = rule;
  if (when === undefined) return [];
  const text = [when, ...(spec.matchConditions ?? []).map(({ expression }) => expression)].join("\n");
  if (/request\.operation/.test(text)) return [];
  const operations = operationsOf(rule.matchConstraints) ?? operationsOf(spec.matchConstraints) ?? ["*"];
  const rows = ABSENT.filter(
    ({ variable, operation }) =>
      operations.includes(operation) &&
      new RegExp(`(?<![\\w.])${variable}\\.`).test(when) &&
      !new RegExp(`(?<![\\w.])${variable} *[!=]= *null`).test(text),
  );
  return rows.map(
    ({ variable, operation }) =>
      `${path}.when: ${variable} is null with ${operation}: what fails there is denied as could-not-tell`,
  );
}

function operationsOf(constraints: MatchConstraints | undefined): string[] | undefined {
  return constraints?.resourceRules?.flatMap(({ operations }) => operations);
}

function oddConstraints(constraints: MatchConstraints | undefined, path: string): string[] {
  const { resourceRules = [], excludeResourceRules = [], objectSelector } = constraints ?? {};
  return [
    ...resourceRules.flatMap((rule, i) => oddResources(rule, `${path}.resourceRules[${i}]`)),
    ...excludeResourceRules.flatMap((rule, i) => oddResources(rule, `${path}.excludeResourceRules[${i}]`)),
    ...(objectSelector === undefined
      ? []
      : [
          `${path}.objectSelector: agents choose the labels of what they write, and so whether it is selected`,
        ]),
  ];
}

function oddResources({ resources, apiGroups }: ResourceRule, path: string): string[] {
  return resources.flatMap((pattern, i) => {
    const [resource = "", subresource] = pattern.split("/");
    const at = `${path}.resources[${i}]`;
    if (/[A-Z]/.test(resource)) return [`${at}: resources are written in lower case, such as pods`];
    if (resource === "*" || subresource === "*") return [];
    const plural = [`${resource}s`, `${resource}es`, resource.replace(/y$/, "ies")].find(
      (name) => resourceNamed(name) !== undefined,
    );
    const known = resourceNamed(resource);
    if (known === undefined && plural !== undefined)
      return [`${at}: there is no ${resource}; it is ${plural}`];
    return known !== undefined && elsewhere(resource, apiGroups)
      ? [`${at}: ${resource} are in the group ${JSON.stringify(known.group)}`]
      : [];
  });
}

/** Another group may have a resource of that name; Kubernetes' own that end in k8s.io, and the core, are known. */
function elsewhere(resource: string, apiGroups: readonly string[]): boolean {
  const isKnown = (group: string) => group === "" || !group.includes(".") || group.endsWith(".k8s.io");
  return apiGroups.every(
    (group) => group !== "*" && isKnown(group) && resourceNamed(resource, group) === undefined,
  );
}

const EVERYBODY = /^system:(authenticated|unauthenticated|serviceaccounts.*)$/;

function oddTerms(terms: ApprovalTerms | undefined, agents: AgentMatcher, path: string): string[] {
  const { groups = [], expiresIn, validFor } = terms ?? {};
  return [
    ...oddApprovers(groups, agents).map((words) => `${path}.groups: ${words}`),
    ...Object.entries({ expiresIn, validFor })
      .filter(([, text]) => text !== undefined && !/[1-9]/.test(text))
      .map(([name]) => `${path}.${name}: no time at all: nobody can decide`),
  ];
}

/** Groups that can hardly be approvers. */
export function oddApprovers(groups: readonly string[], agents: AgentMatcher): string[] {
  return groups.flatMap((group) => {
    if (EVERYBODY.test(group)) return [`whoever is logged in may be in ${group}`];
    const member = { username: "", uid: "", groups: [group], extra: new Map() };
    return agents.identify(member).kind === "agent" ? [`${group} are agents, and agents do not decide`] : [];
  });
}

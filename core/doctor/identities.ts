/** Who the agents of a cluster are, as far as its objects tell. */

import { coverage } from "./condition.ts";
import type { Identity, Policy, Subject } from "./rbac.ts";

export interface Agent extends Identity {
  /** As findings name it. */
  name: string;
}

/** What everybody is who leaves a credential out. Admission knows no agent in it. */
export const ANONYMOUS: Agent = {
  name: "system:anonymous",
  user: "system:anonymous",
  groups: ["system:unauthenticated"],
};

/** Whoever Hoop is told of where nothing says otherwise. */
const DEFAULT_GROUP = "hoop:agents";

/** With the groups that authentication adds. */
export function namedAgent(user: string, groups: readonly string[] = []): Agent {
  return {
    name: user,
    user,
    groups: [...new Set([...groups, ...groupsByName(user), "system:authenticated"])],
  };
}

/** Any member of a group, of whom no more is known. */
export function memberOf(group: string): Agent {
  const [, namespace] = /^system:serviceaccounts:(.+)$/.exec(group) ?? [];
  const above = namespace === undefined ? [] : ["system:serviceaccounts"];
  return {
    name: `group ${group}`,
    user: "",
    groups: [...new Set([group, ...above, "system:authenticated"])],
  };
}

function groupsByName(user: string): string[] {
  const [, namespace] = /^system:serviceaccount:([^:]+):[^:]+$/.exec(user) ?? [];
  return namespace === undefined ? [] : ["system:serviceaccounts", `system:serviceaccounts:${namespace}`];
}

/**
 * Of all that bindings and the expression itself name, those whom the expression covers: a user of whom only the
 * name is known, or any member of a group.
 */
export function agentsIn(policy: Policy, expression: string | undefined): Agent[] {
  if (expression === undefined) return [memberOf(DEFAULT_GROUP)];
  const covers = coverage(expression);
  const named = literalsIn(expression).flatMap((name) => [memberOf(name), namedAgent(name)]);
  const bound = [...policy.clusterRoleBindings, ...policy.roleBindings].flatMap(({ metadata, subjects }) =>
    (subjects ?? []).flatMap((subject) => identityOf(subject, metadata.namespace ?? "")),
  );
  const agents = new Map([...named, ...bound].filter((one) => covers(one)).map((one) => [one.name, one]));
  return [...agents.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}

function identityOf({ kind, name, namespace }: Subject, bindingNamespace: string): Agent[] {
  switch (kind) {
    case "User":
      return [namedAgent(name)];
    case "Group":
      return [memberOf(name)];
    default:
      return [namedAgent(`system:serviceaccount:${namespace || bindingNamespace}:${name}`)];
  }
}

const LITERAL = /"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'/g;

/** Strings of a CEL expression. One that is written in no way JSON knows names nobody we could ask about. */
function literalsIn(expression: string): string[] {
  return [...expression.matchAll(LITERAL)].flatMap(([text]) => {
    try {
      const parsed: unknown = JSON.parse(`"${text.slice(1, -1).replace(/(?<!\\)"/g, '\\"')}"`);
      return typeof parsed === "string" && parsed !== "" ? [parsed] : [];
    } catch {
      return [];
    }
  });
}

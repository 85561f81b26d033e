/** Who is an agent under certain settings, and who is not: for the code, and for the expression that the API server evaluates. */
import type { UserInfo } from "#core/admission.ts";
import type { AgentSettings } from "#core/agents.ts";
import { user } from "./reviews.ts";

export const OWN = "system:serviceaccount:hoop-system:hoop";
export const SETTINGS: AgentSettings = {
  groups: ["hoop:agents", "bots"],
  users: ["ci-bot", "system:serviceaccount:kube-system:deployment-controller", OWN],
  serviceAccounts: ["demo/robot"],
  extras: { "example.com/agent": ["yes", "true"] },
};

const withExtra = (key: string, ...values: string[]) => ({ ...user("ann"), extra: new Map([[key, values]]) });

export const IDENTITIES: Record<string, [who: UserInfo, kind: "agent" | "other"]> = {
  "is known by a group": [user("ann", ["bots"]), "agent"],
  "is known by a name": [user("ci-bot"), "agent"],
  "is known by its ServiceAccount": [user("system:serviceaccount:demo:robot"), "agent"],
  "is known by an extra": [withExtra("example.com/agent", "no", "true"), "agent"],
  "is nobody of another group": [user("ann", ["bots2", "BOTS"]), "other"],
  "is nobody of another name": [user("ci-bot2"), "other"],
  "is nobody of a ServiceAccount with that name elsewhere": [
    user("system:serviceaccount:prod:robot"),
    "other",
  ],
  "is nobody with another value of the extra": [withExtra("example.com/agent", "no"), "other"],
  "is nobody with another extra": [withExtra("example.com/agent2", "yes"), "other"],
  "is nobody with an extra that is a name of JavaScript's own": [withExtra("constructor", "yes"), "other"],
  "is nobody in system:masters": [user("ann", ["bots", "system:masters"]), "other"],
  "is no node": [user("system:node:n", ["bots", "system:nodes"]), "other"],
  "is no controller of kube-system": [
    user("system:serviceaccount:kube-system:deployment-controller", ["bots"]),
    "other",
  ],
  "is not the scheduler": [user("system:kube-scheduler", ["bots"]), "other"],
  "is not Hoop": [user(OWN, ["bots"]), "other"],
  "is a ServiceAccount of kube-system that is no controller": [
    user("system:serviceaccount:kube-system:robot", ["bots"]),
    "agent",
  ],
  "is nobody without groups": [{ ...user("ann"), groups: [] }, "other"],
};

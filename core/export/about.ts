/** What entries of any kind and version say, in the words that exports and reviews share. Members that one has not are "". */
import { isObject, type Json, type JsonObject, list, member, text } from "../admission.ts";

export interface About {
  time: string;
  kind: string;
  agent: { username: string; groups: string[]; credentialID: string };
  session: string;
  /** CREATE, UPDATE, DELETE, CONNECT; of a request the verb in lower case. */
  operation: string;
  target: Readonly<Record<TargetMember, string>>;
  verdict: string;
  answer: string;
  /** Names of those that fired. */
  rules: string[];
  approval: { namespace: string; name: string; use: string };
  /** created, decided, … */
  event: string;
  decision: { user: string; verdict: string; comment: string };
  message: string;
}

const TARGET = ["group", "version", "resource", "subresource", "kind", "namespace", "name", "uid"] as const;
type TargetMember = (typeof TARGET)[number];

export function aboutOf(entry: JsonObject): About {
  const target = member(entry, "target");
  const approval = member(entry, "approval");
  const decision = member(entry, "decision");
  return {
    time: text(entry, "time"),
    kind: text(entry, "kind"),
    agent: agentOf(entry["agent"]),
    session: text(entry, "session"),
    operation: text(entry, "operation") || text(entry, "verb"),
    target: Object.fromEntries(TARGET.map((name) => [name, text(target, name)])) as About["target"],
    verdict: text(entry, "verdict"),
    answer: text(entry, "answer"),
    rules: list(entry, "rules").flatMap((rule) => nameOf(rule)),
    approval: {
      namespace: text(approval, "namespace"),
      name: text(approval, "name"),
      use: text(approval, "use"),
    },
    event: text(entry, "event"),
    decision: {
      user: text(decision, "user"),
      verdict: text(decision, "verdict"),
      comment: text(decision, "comment"),
    },
    message: text(entry, "message"),
  };
}

function agentOf(agent: Json | undefined): About["agent"] {
  return {
    username: typeof agent === "string" ? agent : text(agent, "username"),
    groups: list(agent, "groups").filter((group) => typeof group === "string"),
    credentialID: text(agent, "credentialID"),
  };
}

/** Rules that are only named, as a configuration has them, did not fire. */
function nameOf(rule: Json): string[] {
  return isObject(rule) ? [text(rule, "name")] : [];
}

/** A user name, or of a ServiceAccount NAME, NAMESPACE:NAME or NAMESPACE/NAME. */
export function isAgent(username: string, wanted: string): boolean {
  const account =
    username.startsWith("system:serviceaccount:") && username.endsWith(`:${wanted.replace("/", ":")}`);
  return username === wanted || account;
}

/**
 * By what entries are found. Read from what an entry has, whatever its schema: those of versions to come are found by
 * what they have in common with those of today.
 */
import { isObject, type Json, type JsonObject, list, text } from "../admission.ts";
import { wordsOf, wordsOfJson } from "./words.ts";

export const FACETS = [
  "agent",
  "session",
  "approval",
  "verdict",
  "answer",
  "kind",
  "rule",
  "namespace",
  "resource",
  "name",
  "operation",
  "of",
] as const;
export type Facet = (typeof FACETS)[number];

const SERVICE_ACCOUNT = /^system:serviceaccount:([^:]+):([^:]+)$/;

/** Every value by which each facet of an entry can be asked for. */
export const facetValues: Readonly<Record<Facet, (entry: JsonObject) => string[]>> = {
  agent: (entry) => namesOf(usernameOf(entry)),
  session: ({ session }) => sessionNames(session),
  approval: ({ approval }) => given(text(approval, "name")),
  verdict: ({ verdict }) => given(verdict),
  answer: ({ answer }) => given(answer),
  kind: ({ kind }) => given(kind),
  rule: (entry) =>
    [...list(entry, "rules"), ...list(entry, "observed")].flatMap((rule) =>
      given(isObject(rule) ? text(rule, "name") : rule),
    ),
  namespace: ({ target }) => given(text(target, "namespace")),
  resource: ({ target }) => resourceNames(target),
  name: ({ target }) => given(text(target, "name")),
  operation: ({ operation, verb }) => given(operation ?? verb).map((one) => one.toLowerCase()),
  of: ({ of }) => (typeof of === "number" ? [String(of)] : []),
};

/** Whose request an entry is about, "" where it is about none. */
export function usernameOf({ agent }: JsonObject): string {
  return text(agent, "username");
}

/** As it is asked for. */
export function facetValue(facet: Facet, asked: string): string {
  return facet === "operation" ? asked.toLowerCase() : asked;
}

/** The namespace that its record lies in; undefined: that of the installation. */
export function namespaceOf({ kind, approval, session, target }: JsonObject): string | undefined {
  const place = isObject(session) ? session : kind === "approval" ? approval : target;
  return given(text(place, "namespace"))[0];
}

/** Microseconds since the epoch; undefined where it is no RFC 3339 time. What is finer is cut off. */
export function microseconds(time: Json | undefined): number | undefined {
  const [, whole, fraction = "", zone] =
    typeof time === "string"
      ? (/^(\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d)(?:\.(\d+))?([Zz]|[+-]\d\d:\d\d)$/.exec(time) ?? [])
      : [];
  const milliseconds = Date.parse(`${whole}${zone}`.toUpperCase());
  return Number.isNaN(milliseconds)
    ? undefined
    : milliseconds * 1000 + Number(fraction.slice(0, 6).padEnd(6, "0"));
}

/** Without what every entry says: of what kind it is, and when. */
const UNSAID: ReadonlySet<string> = new Set(["schema", "kind", "time"]);

/** The words of an entry itself: its values, and where its payload lies in it, all of that. */
export function entryWords(entry: JsonObject): string[] {
  const words: string[] = [];
  const walk = (value: Json): void => {
    if (typeof value === "string" || typeof value === "number") words.push(...wordsOf(String(value)));
    else if (Array.isArray(value)) value.forEach(walk);
    else if (isObject(value)) Object.values(value).forEach(walk);
  };
  for (const [name, value] of Object.entries(entry)) {
    if (UNSAID.has(name)) continue;
    if (name === "payload" && !isDigest(value)) words.push(...wordsOfJson(JSON.stringify(value)));
    else walk(value);
  }
  return words;
}

function isDigest(payload: Json): boolean {
  return isObject(payload) && typeof payload["digest"] === "string" && typeof payload["size"] === "number";
}

/** A user name, or of a ServiceAccount NAME, NAMESPACE:NAME or NAMESPACE/NAME. */
function namesOf(username: string): string[] {
  const [, namespace, name] = SERVICE_ACCOUNT.exec(username) ?? [];
  if (username === "") return [];
  return name === undefined ? [username] : [username, name, `${namespace}:${name}`, `${namespace}/${name}`];
}

/** NAME or NAMESPACE/NAME. */
function sessionNames(session: Json | undefined): string[] {
  if (isObject(session)) return sessionNames(`${text(session, "namespace")}/${text(session, "name")}`);
  return given(session).flatMap((path) => [...new Set([path, path.slice(path.indexOf("/") + 1)])]);
}

/** `deployments`, `deployments.apps`; of a subresource also `deployments/scale`, `deployments.apps/scale`. */
function resourceNames(target: Json | undefined): string[] {
  const [group, subresource] = [text(target, "group"), text(target, "subresource")];
  return given(text(target, "resource"))
    .flatMap((resource) => (group === "" ? [resource] : [resource, `${resource}.${group}`]))
    .flatMap((name) => (subresource === "" ? [name] : [name, `${name}/${subresource}`]));
}

function given(value: Json | undefined): string[] {
  return typeof value === "string" && value !== "" ? [value] : [];
}

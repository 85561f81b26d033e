/** The header lines of a request as it is passed on, and of what is answered. */
import type { Connection } from "#kit/resource.ts";

type Lines = readonly (readonly [name: string, value: string])[];
export type HeaderLines = Record<string, string | string[]>;

/** As whom the API server is to take the request, and what it is to know beside. */
export interface Identity {
  serviceAccount: { namespace: string; name: string };
  /** Keys and values of `userInfo.extra`. */
  extras: Readonly<Record<string, string>>;
}

/** Says that a request has come through a session already. */
export const LOOP = "hoop-session";

/** Of the way it came, or said anew. `Connection.headers` are without credentials and what is of one hop. */
const DROPPED = new Set(["host", "content-length", "accept-encoding", "expect", "origin", "referer", LOOP]);
const DROPPED_PREFIXES = ["impersonate-", "x-remote-", "x-forwarded-", "sec-websocket-ext"];
/** `application/json`, whatever of it. */
const JSON_CLAUSE = /^\s*application\/json\s*(?:;|$)/i;

/** @param masked the answer is masked: it must be JSON, and not compressed. */
export function innerHeaders(
  headers: Connection["headers"],
  identity: Identity,
  { masked }: { masked: boolean },
): HeaderLines {
  const kept = headers.filter(
    ([name]) => !DROPPED.has(name) && !DROPPED_PREFIXES.some((prefix) => name.startsWith(prefix)),
  );
  const lines = collected(kept);
  if (masked) lines["accept"] = jsonOnly(kept);
  return { ...lines, "accept-encoding": "identity", [LOOP]: "1", ...impersonation(identity) };
}

/** A ServiceAccount's groups follow from its name. */
function impersonation({ serviceAccount: { namespace, name }, extras }: Identity): HeaderLines {
  const lines: HeaderLines = { "impersonate-user": `system:serviceaccount:${namespace}:${name}` };
  for (const [key, value] of Object.entries(extras))
    lines[`impersonate-extra-${encodeURIComponent(key).toLowerCase()}`] = value;
  return lines;
}

/** Of the kinds of answer that the client takes, those in JSON. */
function jsonOnly(lines: Lines): string {
  const clauses = lines.filter(([name]) => name === "accept").flatMap(([, value]) => value.split(","));
  const json = clauses.filter((clause) => JSON_CLAUSE.test(clause)).map((clause) => clause.trim());
  return json.length === 0 ? "application/json" : json.join(",");
}

/** Lines of one name stay lines, in their order. */
function collected(lines: Lines): HeaderLines {
  const all: HeaderLines = Object.create(null);
  for (const [name, value] of lines) {
    const before = all[name];
    all[name] = before === undefined ? value : [before, value].flat();
  }
  return all;
}

/** What of an answer is the client's business. Nobody knows what others hold: aggregated servers send what they like. */
const TOLD: ReadonlySet<string> = new Set([
  ...["content-type", "x-content-type-options", "retry-after", "warning"],
  ...["etag", "last-modified", "vary", "allow", "accept-patch"],
]);

/** @param masked of a text that may repeat what was written or stored. */
export function answerHeaders(raw: readonly string[], masked: (text: string) => string): HeaderLines {
  const lines: [string, string][] = [];
  for (let at = 0; at + 1 < raw.length; at += 2) {
    const [name, value] = [(raw[at] ?? "").toLowerCase(), raw[at + 1] ?? ""];
    if (TOLD.has(name)) lines.push([name, name === "warning" ? masked(value) : value]);
  }
  return collected(lines);
}

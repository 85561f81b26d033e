/**
 * What admission can never see or comes too late for is denied to agents by authorization: reads of Secrets in any
 * form, impersonation, unsafe deletes, admission registrations, tokens, kubelets, and all that is Hoop's. Only ever a
 * denial or no opinion, never an allow.
 */

import type { UserInfo } from "./admission.ts";
import type { AgentMatcher } from "./agents.ts";
import { inSession } from "./session/extras.ts";

/** SubjectAccessReview v1, the part of its spec that matters here. */
export interface AccessRequest {
  user: UserInfo;
  /** Left out for requests that are about no resource. */
  resource?: {
    verb: string;
    group: string;
    resource: string;
    subresource: string;
    namespace: string;
    name: string;
  };
  /** Of those. */
  path?: string;
}

export type AccessVerdict = { kind: "denied"; rule: string; reason: string } | { kind: "no-opinion" };

type Attributes = NonNullable<AccessRequest["resource"]>;

interface Prohibition {
  rule: string;
  reason: string;
  forbids: (asked: Attributes, installationNamespace: string) => boolean;
}

const READS: ReadonlySet<string> = new Set(["get", "list", "watch"]);
const OWN_READABLE: ReadonlySet<string> = new Set(["approvals", "records", "sessions"]);
/** Of a node, what is its API object's, or numbers; everything else is the kubelet's. */
const HARMLESS_OF_NODES: ReadonlySet<string> = new Set(["", "status", "metrics", "stats", "healthz"]);
/** What CustomResourceDefinitions and APIServices of Hoop's groups are named. */
const OWN_API = /(^|\.)hoop\.dev$/;

/** `*` in a review asks for everything, so for this too. */
const is = (value: string, ...wanted: string[]) => wanted.includes(value) || value === "*";

const PROHIBITIONS: readonly Prohibition[] = [
  {
    rule: "secrets",
    reason:
      "agents do not read or edit Secrets; secure-secrets.hoop.dev shows and edits them without their values",
    forbids: ({ group, resource, verb }) =>
      is(group, "") && is(resource, "secrets") && !(verb === "create" || verb === "delete"),
  },
  {
    rule: "unsafe-delete",
    reason: "agents do not delete what cannot be read: no admission is asked about it",
    forbids: ({ verb }) => verb === "unsafe-delete-ignore-read-errors",
  },
  {
    rule: "impersonation",
    reason: "agents do not act as somebody else",
    // `impersonate`, and since 1.35 `impersonate:MODE` and `impersonate-on:MODE:VERB`.
    forbids: ({ verb }) => verb === "*" || verb.startsWith("impersonate"),
  },
  {
    rule: "hoop-namespace",
    reason: "agents do not look into Hoop's namespace, nor change it",
    forbids: ({ namespace, group, resource }, own) =>
      namespace === own && !(group === "hoop.dev" && OWN_READABLE.has(resource)),
  },
  {
    rule: "admission-registrations",
    reason: "agents do not change admission webhooks and policies",
    forbids: ({ group, verb }) => is(group, "admissionregistration.k8s.io") && !READS.has(verb),
  },
  {
    rule: "hoop-policies",
    reason: "agents do not change the policies that hold for them",
    forbids: ({ group, verb }) => is(group, "policy.hoop.dev") && !READS.has(verb),
  },
  {
    rule: "hoop-apis",
    reason: "agents do not change Hoop's APIs",
    // A create names nothing yet: admission sees what it makes.
    forbids: ({ group, resource, verb, name }) =>
      ((is(group, "apiextensions.k8s.io") && is(resource, "customresourcedefinitions")) ||
        (is(group, "apiregistration.k8s.io") && is(resource, "apiservices"))) &&
      !READS.has(verb) &&
      (OWN_API.test(name) || is(verb, "deletecollection")),
  },
  {
    rule: "token-request",
    reason: "agents do not make ServiceAccount tokens",
    forbids: ({ group, resource, subresource }) =>
      is(group, "") && is(resource, "serviceaccounts") && is(subresource, "token"),
  },
  {
    rule: "csr-approval",
    reason: "agents do not approve or sign certificates, nor ask for those of pods",
    forbids: ({ group, resource, subresource, verb }) =>
      is(group, "certificates.k8s.io") &&
      !READS.has(verb) &&
      ((is(resource, "certificatesigningrequests") && subresource !== "") ||
        is(resource, "signers", "podcertificaterequests") ||
        is(verb, "approve", "sign", "attest")),
  },
  {
    rule: "node-proxy",
    reason: "agents do not talk to kubelets",
    forbids: ({ group, resource, subresource }) =>
      is(group, "") && is(resource, "nodes") && !HARMLESS_OF_NODES.has(subresource),
  },
  {
    rule: "approval-decision",
    reason: "agents do not decide approvals",
    forbids: ({ group, resource, subresource }) =>
      is(group, "hoop.dev") && is(resource, "approvals") && is(subresource, "approval"),
  },
];

/** The API server's own: with --enable-logs-handler `/logs` is /var/log of its machine, audit logs included. */
const INTERNALS = ["/logs", "/debug"];
const INTERNAL = {
  rule: "api-server-internals",
  reason: "agents do not read the API server's files, nor change its flags",
};

export function authorize(
  agents: AgentMatcher,
  request: AccessRequest,
  installationNamespace: string,
): AccessVerdict {
  if (agents.identify(request.user).kind !== "agent") return { kind: "no-opinion" };
  const { resource, path = "" } = request;
  const found =
    resource === undefined
      ? path === "*" || INTERNALS.some((internal) => path.startsWith(internal))
        ? INTERNAL
        : undefined
      : PROHIBITIONS.find(({ forbids }) => forbids(resource, installationNamespace));
  if (found === undefined) return confinement(agents, request);
  return { kind: "denied", rule: found.rule, reason: reasonOf(found) };
}

function reasonOf({ rule, reason }: Pick<Prohibition, "rule" | "reason">): string {
  return `hoop: ${reason} (rule ${rule})`;
}

const REASON = /(?:^|: )hoop: [^"\n]{1,600} \(rule ([a-z-]{1,60})\)$/;

/** By which rule something was denied here, as the API server repeats it at the end of its message. */
export function ruleIn(message: string): string | undefined {
  return REASON.exec(message)?.[1];
}

/** What of such a message is in our own words, whatever stands before it; undefined: nothing is. */
export function reasonIn(message: string): string | undefined {
  const rule = ruleIn(message);
  const known = [...PROHIBITIONS, INTERNAL, CONFINEMENT].find((one) => one.rule === rule);
  return known && reasonOf(known);
}

/** What is open to agents who are to work in sessions. */
const OPEN: readonly ((asked: Attributes) => boolean)[] = [
  ({ group, resource, subresource }) =>
    group === "hoop.dev" && resource === "sessions" && ["", "proxy"].includes(subresource),
  ({ group, resource, subresource, verb }) =>
    group === "hoop.dev" && OWN_READABLE.has(resource) && subresource === "" && READS.has(verb),
  ({ group, resource, verb }) => verb === "create" && isSelfReview(group, resource),
];
/** What APIs there are, and whether the API server is well. */
const DISCOVERY = /^\/($|(api|apis|openapi|version|healthz|livez|readyz|\.well-known)(\/|$))/;

/** Whoever asks this learns of nobody but himself. */
export function isSelfReview(group: string, resource: string): boolean {
  return (
    (group === "authorization.k8s.io" &&
      ["selfsubjectaccessreviews", "selfsubjectrulesreviews"].includes(resource)) ||
    (group === "authentication.k8s.io" && resource === "selfsubjectreviews")
  );
}

export const CONFINED = "session-required";
const CONFINEMENT = { rule: CONFINED, reason: "agents of this profile work in sessions alone" };

/** Why somebody may do nothing directly, and how to begin a session. */
export function confinedWords(profiles: readonly string[]): string {
  const [profile = ""] = profiles;
  return (
    `agents of AgentProfile ${profiles.join(", ")} work in sessions alone: begin one (kubectl hoop login --profile ` +
    `${profile} -n NAMESPACE, or create a Session with spec.profile ${profile}), and use the kubeconfig that gives`
  );
}

function confinement(agents: AgentMatcher, { user, resource, path = "" }: AccessRequest): AccessVerdict {
  const profiles = inSession(user) ? [] : agents.confinedBy(user);
  const isOpen = resource === undefined ? DISCOVERY.test(path) : OPEN.some((open) => open(resource));
  if (profiles.length === 0 || isOpen) return { kind: "no-opinion" };
  return { kind: "denied", rule: CONFINED, reason: `hoop: ${confinedWords(profiles)} (rule ${CONFINED})` };
}

/**
 * The CEL matchCondition for an AuthorizationConfiguration that sends only what a prohibition may name, so that
 * ordinary requests of agents cost no call. Wider than the prohibitions, never narrower. `confined`: of whom everything
 * is sent, "" for nobody.
 */
export function authorizationFilter(installationNamespace: string, confined = ""): string {
  const at = "request.resourceAttributes";
  const path = "request.nonResourceAttributes.path";
  const groups = ["admissionregistration.k8s.io", "certificates.k8s.io", "policy.hoop.dev", "*"];
  return [
    `has(${at}) && (`,
    `${at}.resource in ["secrets", "*"]`,
    ` || (${at}.resource in ["serviceaccounts", "nodes", "approvals"] && ${at}.subresource != "")`,
    ` || (${at}.resource in ["customresourcedefinitions", "apiservices"] && !(${at}.verb in ["get", "list", "watch"]))`,
    ` || ${at}.group in ${JSON.stringify(groups).replaceAll(",", ", ")}`,
    ` || ${at}.verb.startsWith("impersonate") || ${at}.verb in ["unsafe-delete-ignore-read-errors", "*"]`,
    ` || ${at}.namespace == ${JSON.stringify(installationNamespace)})`,
    ` || has(request.nonResourceAttributes) && (${path} == "*"`,
    ...INTERNALS.map((internal) => ` || ${path}.startsWith(${JSON.stringify(internal)})`),
    `)`,
    ...(confined === "" ? [] : [` || (${confined})`]),
  ].join("");
}

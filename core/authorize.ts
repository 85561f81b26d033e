/**
 * What admission can never see or comes too late for is denied to agents by authorization: reads of Secrets,
 * impersonation, admission registrations, tokens. Only ever a denial or no opinion, never an allow.
 */

import type { UserInfo } from "./admission.ts";
import type { AgentMatcher } from "./agents.ts";

/** SubjectAccessReview v1, the part of its spec that matters here. */
export interface AccessRequest {
  user: UserInfo;
  /** Left out for non-resource requests, of which there is no opinion. */
  resource?: {
    verb: string;
    group: string;
    resource: string;
    subresource: string;
    namespace: string;
    name: string;
  };
}

export type AccessVerdict = { kind: "denied"; rule: string; reason: string } | { kind: "no-opinion" };

type Attributes = NonNullable<AccessRequest["resource"]>;

interface Prohibition {
  rule: string;
  reason: string;
  forbids: (asked: Attributes, installationNamespace: string) => boolean;
}

const READS = new Set(["get", "list", "watch", "*"]);
const OWN_READABLE = new Set(["approvals", "records", "sessions"]);

/** `*` in a review asks for everything, so for this too. */
const is = (value: string, wanted: string) => value === wanted || value === "*";

const PROHIBITIONS: readonly Prohibition[] = [
  {
    rule: "secrets",
    reason: "agents do not read or edit Secrets (they may create and delete them, with approval)",
    forbids: ({ group, resource, verb }) =>
      is(group, "") && is(resource, "secrets") && !(verb === "create" || verb === "delete"),
  },
  {
    rule: "hoop-namespace",
    reason: "agents do not read Hoop's namespace",
    forbids: ({ verb, namespace, group, resource }, own) =>
      READS.has(verb) && namespace === own && !(group === "hoop.dev" && OWN_READABLE.has(resource)),
  },
  {
    rule: "impersonation",
    reason: "agents do not act as somebody else",
    forbids: ({ verb }) =>
      is(verb, "impersonate") || verb.startsWith("impersonate:") || verb.startsWith("impersonate-on:"),
  },
  {
    rule: "admission-registrations",
    reason: "agents do not change admission webhooks and policies",
    forbids: ({ group, verb }) =>
      is(group, "admissionregistration.k8s.io") && !["get", "list", "watch"].includes(verb),
  },
  {
    rule: "token-request",
    reason: "agents do not make ServiceAccount tokens",
    forbids: ({ group, resource, subresource }) =>
      is(group, "") && is(resource, "serviceaccounts") && is(subresource, "token"),
  },
  {
    rule: "csr-approval",
    reason: "agents do not approve or sign certificates",
    forbids: ({ group, resource, subresource, verb }) =>
      is(group, "certificates.k8s.io") &&
      ((is(resource, "certificatesigningrequests") && subresource !== "" && !READS.has(verb)) ||
        (resource === "signers" && !READS.has(verb)) ||
        ["approve", "sign", "attest"].includes(verb)),
  },
  {
    rule: "node-proxy",
    reason: "agents do not talk to kubelets",
    forbids: ({ group, resource, subresource }) =>
      is(group, "") && is(resource, "nodes") && is(subresource, "proxy"),
  },
  {
    rule: "approval-decision",
    reason: "agents do not decide approvals",
    forbids: ({ group, resource, subresource }) =>
      is(group, "hoop.dev") && is(resource, "approvals") && is(subresource, "approval"),
  },
];

export function authorize(
  agents: AgentMatcher,
  request: AccessRequest,
  installationNamespace: string,
): AccessVerdict {
  if (agents.identify(request.user).kind !== "agent" || request.resource === undefined)
    return { kind: "no-opinion" };
  for (const { rule, reason, forbids } of PROHIBITIONS)
    if (forbids(request.resource, installationNamespace))
      return { kind: "denied", rule, reason: `hoop: ${reason} (rule ${rule})` };
  return { kind: "no-opinion" };
}

/**
 * The CEL matchCondition for an AuthorizationConfiguration that sends only what a prohibition may name, so that
 * ordinary requests of agents cost no call. Wider than the prohibitions, never narrower.
 */
export function authorizationFilter(installationNamespace: string): string {
  const at = "request.resourceAttributes";
  return [
    `has(${at}) && (`,
    `${at}.resource in ["secrets", "*"]`,
    ` || (${at}.resource in ["serviceaccounts", "nodes", "approvals"]`,
    ` && ${at}.subresource in ["token", "proxy", "approval", "*"])`,
    ` || ${at}.group in ["admissionregistration.k8s.io", "certificates.k8s.io", "*"]`,
    ` || ${at}.verb.startsWith("impersonate") || ${at}.verb == "*"`,
    ` || ${at}.namespace == ${JSON.stringify(installationNamespace)})`,
  ].join("");
}

/** Delegated authorization: the API server is asked (SubjectAccessReview), and its answers are kept for 10 s. */
import type { Authenticated } from "./authn.ts";
import { ExpiringCache } from "./cache.ts";
import type { RequestInfo } from "./request-info.ts";
import { fieldRequirements, type LabelRequirement, labelRequirements } from "./selectors.ts";
import { StatusError } from "./status.ts";

export type Authorization = { allowed: true } | { allowed: false; reason: string };

/** Rejects when it cannot tell; that is never a permission. */
export type Authorize = (who: Authenticated, info: RequestInfo) => Promise<Authorization>;

interface SelectorRequirement {
  key: string;
  operator: "In" | "NotIn" | "Exists" | "DoesNotExist";
  values?: readonly string[];
}

/** SubjectAccessReviewSpec of authorization.k8s.io/v1. */
export interface AccessReviewSpec {
  user: string;
  uid: string;
  groups: readonly string[];
  extra: Readonly<Record<string, readonly string[]>>;
  resourceAttributes?: {
    namespace: string;
    verb: string;
    group: string;
    version: string;
    resource: string;
    subresource: string;
    name: string;
    fieldSelector?: { requirements: readonly SelectorRequirement[] };
    labelSelector?: { requirements: readonly SelectorRequirement[] };
  };
  nonResourceAttributes?: { path: string; verb: string };
}

/** Rejects when the API server could not be asked. */
export type SubjectAccessReview = (spec: AccessReviewSpec) => Promise<{ allowed: boolean; reason: string }>;

const TTL = 10_000;
const ANSWERS_KEPT = 4096;
/** Callers choose their selectors and paths: what is longer than this is not worth memory. */
const LARGEST_CACHED = 10_000;

const HEALTH = new Set(["/livez", "/readyz", "/healthz"]);

/** Health paths are for everybody, also without any credential. */
export function isHealthPath(path: string): boolean {
  return HEALTH.has(path);
}

export function delegatedAuthorization(review: SubjectAccessReview): Authorize {
  const cache = new ExpiringCache<Authorization>(ANSWERS_KEPT);
  return async (who, info) => {
    if (isAlwaysAllowed(who, info)) return { allowed: true };
    const spec = accessReviewSpec(who, info);
    const key = JSON.stringify(spec);
    const known = cache.get(key);
    if (known) return known;
    const { allowed, reason } = await review(spec);
    const answer: Authorization = allowed ? { allowed } : { allowed, reason };
    if (key.length < LARGEST_CACHED) cache.set(key, answer, TTL);
    return answer;
  };
}

function isAlwaysAllowed(who: Authenticated, info: RequestInfo): boolean {
  if (who.caller.groups.includes("system:masters")) return true;
  // The aggregator fetches discovery and OpenAPI as users without groups, for which no right exists.
  return !info.isResource && (isHealthPath(info.path) || (who.frontProxied && info.verb === "get"));
}

function accessReviewSpec({ caller }: Authenticated, info: RequestInfo): AccessReviewSpec {
  const subject = {
    user: caller.username,
    uid: caller.uid,
    groups: caller.groups,
    extra: Object.fromEntries(caller.extra),
  };
  if (!info.isResource) return { ...subject, nonResourceAttributes: { path: info.path, verb: info.verb } };
  const fields = selectedFields(info.fieldSelector);
  const labels = selectedLabels(info.labelSelector);
  const { namespace, verb, group, version, resource, subresource, name } = info;
  return {
    ...subject,
    resourceAttributes: {
      ...{ namespace, verb, group, version, resource, subresource, name },
      ...(fields.length > 0 ? { fieldSelector: { requirements: fields } } : {}),
      ...(labels.length > 0 ? { labelSelector: { requirements: labels } } : {}),
    },
  };
}

/** Selectors only narrow what is asked for, so one that cannot be expressed is left out. */
function selectedFields(selector: string): SelectorRequirement[] {
  return (fieldRequirements(selector) ?? []).map(({ field, operator, value }) => ({
    key: field,
    operator: operator === "=" ? "In" : "NotIn",
    values: [value],
  }));
}

function selectedLabels(selector: string): SelectorRequirement[] {
  return (labelRequirements(selector) ?? []).flatMap(({ key, operator, values }) =>
    isSetOperator(operator) ? [{ key, operator, ...(values.length > 0 ? { values } : {}) }] : [],
  );
}

function isSetOperator(operator: LabelRequirement["operator"]): operator is SelectorRequirement["operator"] {
  return operator !== "GreaterThan" && operator !== "LessThan";
}

/** The 403 as Kubernetes words it. */
export function forbidden({ caller }: Authenticated, info: RequestInfo, reason: string): StatusError {
  const user = `User ${JSON.stringify(caller.username)} cannot ${info.verb}`;
  const because = reason === "" ? "" : `: ${reason}`;
  if (!info.isResource) {
    return new StatusError("Forbidden", `forbidden: ${user} path ${JSON.stringify(info.path)}${because}`, {});
  }
  const { group, resource, subresource, namespace, name } = info;
  const where = namespace === "" ? "at the cluster scope" : `in the namespace ${JSON.stringify(namespace)}`;
  const what = JSON.stringify(subresource === "" ? resource : `${resource}/${subresource}`);
  const subject = `${group === "" ? resource : `${resource}.${group}`}${name === "" ? "" : ` ${JSON.stringify(name)}`}`;
  return new StatusError(
    "Forbidden",
    `${subject} is forbidden: ${user} resource ${what} in API group ${JSON.stringify(group)} ${where}${because}`,
    { ...(name === "" ? {} : { name }), group, kind: resource },
  );
}

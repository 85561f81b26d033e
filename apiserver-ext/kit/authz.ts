/** Delegated authorization: the API server is asked (SubjectAccessReview), and its answers are kept for 10 s. */
import type { Authenticated } from "./authn.ts";
import { AnswerCache } from "./cache.ts";
import type { FieldRequirement } from "./field-selectors.ts";
import { isHealthPath } from "./health.ts";
import type { LabelRequirement } from "./label-selectors.ts";
import type { RequestInfo } from "./request-info.ts";
import { requirementsOf } from "./requirements.ts";
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
/** What is longer than this is asked each time: nobody fills the cache with it. */
const LARGEST_CACHED = 10_000;

export function delegatedAuthorization(review: SubjectAccessReview): Authorize {
  const answers = new AnswerCache<Authorization>(ANSWERS_KEPT, TTL);
  return async (who, info) => {
    if (isAlwaysAllowed(who, info)) return { allowed: true };
    const spec = accessReviewSpec(who, info);
    const ask = async (): Promise<Authorization> => {
      const { allowed, reason } = await review(spec);
      return allowed ? { allowed } : { allowed, reason };
    };
    return isLarge(spec) ? ask() : answers.get(JSON.stringify(spec), ask);
  };
}

/** Callers choose what they ask for, but not who they are: a user in hundreds of groups is not asked about each time. */
function isLarge({ resourceAttributes, nonResourceAttributes }: AccessReviewSpec): boolean {
  return JSON.stringify(resourceAttributes ?? nonResourceAttributes).length >= LARGEST_CACHED;
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
  const required = requirementsOf({ labels: info.labelSelector, fields: info.fieldSelector });
  const fields = required.fields.map(selectedField);
  const labels = required.labels.flatMap(selectedLabel);
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

function selectedField({ field, operator, value }: FieldRequirement): SelectorRequirement {
  return { key: field, operator: operator === "=" ? "In" : "NotIn", values: [value] };
}

/** Selectors only narrow what is asked for, so a requirement that cannot be expressed is left out. */
function selectedLabel({ key, operator, values }: LabelRequirement): SelectorRequirement[] {
  return isSetOperator(operator) ? [{ key, operator, ...(values.length > 0 ? { values } : {}) }] : [];
}

function isSetOperator(operator: LabelRequirement["operator"]): operator is SelectorRequirement["operator"] {
  return operator !== "GreaterThan" && operator !== "LessThan";
}

/** The 403 as Kubernetes words it. */
export function forbidden({ caller }: Authenticated, info: RequestInfo, reason: string): StatusError {
  const user = `User ${JSON.stringify(caller.username)} cannot ${info.verb}`;
  const because = reason === "" ? "" : `: ${reason}`;
  if (!info.isResource) {
    const message = sanitized(`${user} path ${JSON.stringify(info.path)}`);
    return new StatusError("Forbidden", `forbidden: ${message}${because}`, {});
  }
  const { group, resource, subresource, namespace, name } = info;
  const where = namespace === "" ? "at the cluster scope" : `in the namespace ${JSON.stringify(namespace)}`;
  const what = JSON.stringify(subresource === "" ? resource : `${resource}/${subresource}`);
  const subject = `${group === "" ? resource : `${resource}.${group}`}${name === "" ? "" : ` ${JSON.stringify(name)}`}`;
  const message = sanitized(`${user} resource ${what} in API group ${JSON.stringify(group)} ${where}`);
  return new StatusError("Forbidden", `${subject} is forbidden: ${message}${because}`, {
    ...(name === "" ? {} : { name }),
    ...(group === "" ? {} : { group }),
    kind: resource,
  });
}

/** Names come from the caller, and the answer may be shown by a browser. */
function sanitized(text: string): string {
  return text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
}

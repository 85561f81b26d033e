/** What RBAC rights a write of a role or a binding gives that it did not give before, in words. */
import { type AdmissionRequest, type Json, type JsonObject, list, member, text } from "../../admission.ts";
import { canonical } from "../../canonical.ts";
import { objects } from "./workload.ts";

const RBAC = "rbac.authorization.k8s.io";
/** More are not listed: an agent chooses how long its lists are. */
const MOST = 200;
/** Of comparisons, for the same reason. */
const MOST_STEPS = 50_000;

/**
 * `VERB RESOURCE[.GROUP][/NAME]`, `VERB URL` and `aggregates {LABELS}` of a role; `ROLEKIND/NAME to KIND/[NAMESPACE/]NAME`
 * of a binding. Ends in `and more` where there are too many to list.
 */
export function gainedRights({ resource, subresource, object, oldObject }: AdmissionRequest): string[] {
  if (resource.group !== RBAC || subresource !== "" || object === null) return [];
  const gained = /roles$/.test(resource.resource)
    ? roleGains(object, oldObject)
    : bindingGains(object, oldObject);
  const all: string[] = [];
  for (const right of gained) {
    if (all.length >= MOST || right === undefined) return [...all, "and more"];
    all.push(right);
  }
  return [...new Set(all)];
}

/** The rules of a role that it did not contain before, as they stand. */
export function gainedRules(request: AdmissionRequest): Json[] {
  return gainedItems(request, "rules");
}

/** The subjects of a binding that it did not name before; all of them where the binding is to another role now. */
export function gainedSubjects(request: AdmissionRequest): Json[] {
  const { object, oldObject } = request;
  const isOther = object !== null && oldObject !== null && roleOf(object) !== roleOf(oldObject);
  return gainedItems(isOther ? { ...request, oldObject: null } : request, "subjects");
}

function gainedItems({ resource, object, oldObject }: AdmissionRequest, field: string): Json[] {
  if (resource.group !== RBAC || object === null) return [];
  if (oldObject === null) return list(object, field);
  const known = new Set(list(oldObject, field).map(canonical));
  return list(object, field).filter((item) => !known.has(canonical(item)));
}

interface Right {
  verb: string;
  /** `RESOURCE.GROUP`, each possibly `*`; undefined for a URL. */
  resource?: string;
  group?: string;
  /** "" for every name. */
  name?: string;
  url?: string;
}

/** `undefined`: there are too many to go through. */
function* roleGains(role: JsonObject, before: JsonObject | null): Generator<string | undefined> {
  const known = objects(list(before ?? {}, "rules")).map(setsOf);
  let steps = 0;
  for (const right of rightsOf(role)) {
    steps += 1 + known.length;
    if (steps > MOST_STEPS) return yield undefined;
    if (!known.some((rule) => covers(rule, right))) yield shown(right);
  }
  const selectors = (of: JsonObject | null) =>
    list(member(of ?? {}, "aggregationRule"), "clusterRoleSelectors");
  const aggregated = new Set(selectors(before).map(canonical));
  for (const selector of selectors(role))
    if (!aggregated.has(canonical(selector))) yield `aggregates ${canonical(selector)}`;
}

function* rightsOf(role: JsonObject): Generator<Right> {
  for (const rule of objects(list(role, "rules")))
    for (const verb of strings(rule, "verbs")) {
      for (const url of strings(rule, "nonResourceURLs")) yield { verb, url };
      yield* onResources(rule, verb);
    }
}

function* onResources(rule: JsonObject, verb: string): Generator<Right> {
  const names = strings(rule, "resourceNames");
  for (const group of strings(rule, "apiGroups"))
    for (const resource of strings(rule, "resources"))
      for (const name of names.length === 0 ? [""] : names) yield { verb, group, resource, name };
}

/** A rule whose lists can be asked without being gone through: an agent chooses how long they are. */
type RuleSets = Readonly<Record<"verbs" | "urls" | "groups" | "resources" | "names", ReadonlySet<string>>>;

function setsOf(rule: JsonObject): RuleSets {
  const set = (field: string) => new Set(strings(rule, field));
  return {
    ...{ verbs: set("verbs"), urls: set("nonResourceURLs"), groups: set("apiGroups") },
    ...{ resources: set("resources"), names: set("resourceNames") },
  };
}

function covers(rule: RuleSets, { verb, url, group = "", resource = "", name = "" }: Right): boolean {
  if (!has(rule.verbs, verb)) return false;
  if (url !== undefined) return has(rule.urls, url);
  const isNamed = rule.names.size === 0 || rule.names.has(name);
  return isNamed && has(rule.groups, group) && has(rule.resources, resource);
}

const strings = (of: Json, field: string): string[] =>
  list(of, field).filter((item) => typeof item === "string");

const has = (all: ReadonlySet<string>, value: string): boolean => all.has("*") || all.has(value);

function shown({ verb, url, group, resource, name }: Right): string {
  if (url !== undefined) return `${verb} ${url}`;
  return `${verb} ${resource}${group === "" ? "" : `.${group}`}${name === "" ? "" : `/${name}`}`;
}

function* bindingGains(binding: JsonObject, before: JsonObject | null): Generator<string> {
  const role = roleOf(binding);
  const known = new Set(before === null || roleOf(before) !== role ? [] : subjectsOf(before));
  for (const subject of subjectsOf(binding)) if (!known.has(subject)) yield `${role} to ${subject}`;
}

const roleOf = (binding: JsonObject): string => {
  const role = member(binding, "roleRef");
  return `${text(role, "kind")}/${text(role, "name")}`;
};

const subjectsOf = (binding: JsonObject): string[] =>
  objects(list(binding, "subjects")).map((subject) =>
    [text(subject, "kind"), text(subject, "namespace"), text(subject, "name")]
      .filter((part) => part !== "")
      .join("/"),
  );

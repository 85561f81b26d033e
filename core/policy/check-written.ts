/**
 * Checks what people write about agents (AgentPolicies, AgentProfiles, annotations) before it is stored. What cannot work is
 * refused, and what is legal but odd is warned of. Only what the write changes is checked.
 */
import { type AdmissionRequest, type JsonObject, member, text } from "../admission.ts";
import { type AgentMatcher, agentMatcher } from "../agents.ts";
import { canonical } from "../canonical.ts";
import { type AgentProfileSpec, namedBy, profileProblems } from "../session/read-profile.ts";
import { APPROVERS, annotationProblems, annotationRules, DENY, REQUIRE_APPROVAL } from "./annotations.ts";
import { type Catalogue, catalogueProblems } from "./catalogue.ts";
import { compilerInTurns } from "./compile.ts";
import { oddApprovers, oddities } from "./odd.ts";
import { whyNoParams } from "./param-kinds.ts";
import { type Problem, policyOf } from "./read.ts";
import type { AgentPolicySpec } from "./spec.ts";

export interface Written {
  /** The object that is written, as a Status names it. */
  what: { group: string; kind: string; name: string };
  refusals: readonly { field: string; message: string }[];
  warnings: readonly string[];
  /** The params of a policy in which nothing is wrong. Whether Hoop may read them is for the caller to find out. */
  params?: { apiVersion: string; kind: string; name: string; namespace?: string };
}

/** What the checks need. */
export interface WrittenContext {
  catalogue: Catalogue;
  agents: AgentMatcher;
  /** The user that Hoop itself is to the API server. */
  identity: string;
}

type Found = { problems: readonly Problem[]; warnings: readonly string[] } & Pick<Written, "params">;
type Check = (
  context: WrittenContext,
  request: AdmissionRequest,
  object: JsonObject,
) => Found | Promise<Found>;

const CHECKS: ReadonlyMap<string, Check> = new Map<string, Check>([
  ["agentpolicies.policy.hoop.dev", policy],
  ["agentprofiles.policy.hoop.dev", profile],
  ["namespaces.", annotations],
  ["serviceaccounts.", annotations],
]);

const NOTHING: Found = { problems: [], warnings: [] };

/** Pure. A large policy is compiled a little at a time. Writes of agents are not checked here: they are judged. */
export async function checkWritten(context: WrittenContext, request: AdmissionRequest): Promise<Written> {
  const { resource, kind, name, object, userInfo } = request;
  const check = CHECKS.get(`${resource.resource}.${resource.group}`);
  const isAgents = context.agents.identify(userInfo).kind === "agent";
  const { problems, warnings, params } =
    check === undefined || object === null || request.subresource !== "" || isAgents
      ? NOTHING
      : await check(context, request, object);
  return {
    what: { group: kind.group, kind: kind.kind, name },
    refusals: problems.map((problem) => ({ field: problem.path, message: placed(problem) })),
    warnings,
    ...(params === undefined ? {} : { params }),
  };
}

function placed({ line, column, message }: Problem): string {
  return line === undefined ? message : `line ${line}, column ${column ?? 1}: ${message}`;
}

function isUnchanged({ object, oldObject }: AdmissionRequest, part: string): boolean {
  const of = (value: JsonObject | null) => canonical(value?.[part] ?? null);
  return oldObject !== null && of(object) === of(oldObject);
}

const compileInTurns = compilerInTurns();

async function policy(
  { catalogue, agents }: WrittenContext,
  request: AdmissionRequest,
  object: JsonObject,
): Promise<Found> {
  if (isUnchanged(request, "spec")) return NOTHING;
  const read = policyOf(object);
  if ("problems" in read) return { problems: read.problems, warnings: [] };
  const { paramKind, paramRef } = read.policy.spec;
  const noParams = paramKind === undefined ? "" : whyNoParams(paramKind);
  const problems = [
    ...(await compileInTurns(read.policy)).problems,
    ...catalogueProblems(catalogue, read.policy),
    ...(noParams === "" ? [] : [{ path: "spec.paramKind", message: noParams }]),
  ];
  if (problems.length > 0) return { problems, warnings: [] };
  return {
    problems,
    warnings: oddities(read.policy.spec, agents),
    ...(paramKind === undefined || paramRef === undefined ? {} : { params: paramsOf(paramKind, paramRef) }),
  };
}

type Defined<K extends keyof AgentPolicySpec> = NonNullable<AgentPolicySpec[K]>;

function paramsOf(
  kind: Defined<"paramKind">,
  { name, namespace }: Defined<"paramRef">,
): Defined<"paramKind"> & { name: string; namespace?: string } {
  return { ...kind, name, ...(namespace === undefined ? {} : { namespace }) };
}

function profile({ identity }: WrittenContext, request: AdmissionRequest, object: JsonObject): Found {
  if (isUnchanged(request, "spec")) return NOTHING;
  // As the CustomResourceDefinition has it.
  const spec = member(object, "spec") as AgentProfileSpec;
  const problems = profileProblems(spec);
  if (problems.length > 0) return { problems, warnings: [] };
  const { users = [], serviceAccounts = [] } = spec;
  const named = agentMatcher(namedBy(spec), identity);
  const never = [
    ...users.map((user, i) => ({ path: `spec.users[${i}]`, user })),
    ...serviceAccounts.map(({ namespace, name }, i) => ({
      path: `spec.serviceAccounts[${i}]`,
      user: `system:serviceaccount:${namespace}:${name}`,
    })),
  ].filter(({ user }) => named.identify({ ...NOBODY, username: user }).kind !== "agent");
  const warnings = [
    ...never.map(({ path, user }) => `${path}: ${user} is never an agent`),
    ...(named.identify(request.userInfo).kind === "agent"
      ? ["spec: you are an agent by this yourself, and can then not take it back"]
      : []),
  ];
  return { problems, warnings };
}

const NOBODY = { username: "", uid: "", groups: [], extra: new Map() };

/** Annotations of Hoop that are no rules: who made or changed the object, and why. */
const OTHERS = new Set(["hoop.dev/agent", "hoop.dev/session", "hoop.dev/reason"]);
const MEANINGFUL = new Set([DENY, REQUIRE_APPROVAL, APPROVERS]);

function annotations({ agents }: WrittenContext, request: AdmissionRequest, object: JsonObject): Found {
  const before = member(member(request.oldObject ?? {}, "metadata"), "annotations");
  const now = member(member(object, "metadata"), "annotations");
  const changed = Object.fromEntries(
    Object.entries(now).filter(
      ([key, value]) =>
        key.startsWith("hoop.dev/") &&
        !OTHERS.has(key) &&
        !(Object.hasOwn(before, key) && before[key] === value),
    ),
  );
  const unknown = Object.keys(changed).filter((key) => !MEANINGFUL.has(key));
  const groups = annotationRules(changed).approvers?.groups ?? [];
  const warnings = [
    ...unknown.map((key) => `metadata.annotations[${key}]: there is no such annotation of Hoop's`),
    ...[DENY, REQUIRE_APPROVAL]
      .filter((key) => text(changed, key).trim() === "false")
      .map((key) => `metadata.annotations[${key}]: it is never true`),
    ...oddApprovers(groups, agents).map((words) => `metadata.annotations[${APPROVERS}]: ${words}`),
    ...idleOnAccount(agents, request, changed),
  ];
  const problems = annotationProblems(changed);
  return { problems, warnings: problems.length > 0 ? [] : warnings };
}

/** Annotations on a ServiceAccount bind what it does itself: warns where it is no agent. */
function idleOnAccount(
  agents: AgentMatcher,
  { resource, name, namespace }: AdmissionRequest,
  changed: JsonObject,
): string[] {
  if (resource.resource !== "serviceaccounts" || !Object.keys(changed).some((key) => MEANINGFUL.has(key)))
    return [];
  const groups = ["system:serviceaccounts", `system:serviceaccounts:${namespace}`, "system:authenticated"];
  const user = { ...NOBODY, username: `system:serviceaccount:${namespace}:${name}`, groups };
  return agents.identify(user).kind === "agent"
    ? []
    : ["metadata.annotations: this ServiceAccount is no agent as things are, so they do nothing"];
}

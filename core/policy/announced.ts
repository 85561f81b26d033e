/** What annotations say of a request: of the target's Namespace, of the agent's ServiceAccount, of the object as it was. */
import { type AdmissionRequest, type JsonObject, member, text } from "../admission.ts";
import { printable } from "../printable.ts";
import { type AnnotationRules, annotationRules, DENY, REQUIRE_APPROVAL } from "./annotations.ts";
import type { Expression } from "./compile.ts";
import type { Dependent } from "./dependents.ts";
import { type Evaluation, type Outcome, PolicyRun } from "./evaluation.ts";
import type { Known, PolicyPorts, Soon } from "./ports.ts";
import { scaledBy } from "./scaled.ts";
import { after, all } from "./soon.ts";
import type { Requirement } from "./verdict.ts";

/** An annotation whose condition is true, or could not be evaluated. */
export interface Announced {
  /** `require-approval@namespace/prod`. */
  name: string;
  action: "Hold" | "Deny";
  message: string;
  failed: boolean;
}

export interface Announcements {
  findings: Announced[];
  /** Who must approve besides those whom policies name. */
  approvers: Requirement[];
}

interface Source {
  /** `namespace/prod`. */
  label: string;
  /** `its namespace`. */
  what: string;
  kind: string;
  object: JsonObject;
}

const SERVICE_ACCOUNT = /^system:serviceaccount:([^:]+):([^:]+)$/;

/** With more annotated dependents than this the request is denied: nobody could be told about all of them. */
const MOST_DEPENDENTS = 20;

/** @param dependents what is deleted together with the object of the request. */
export function announcements(
  judged: Evaluation,
  ports: PolicyPorts,
  dependents: Known<readonly Dependent[]>,
): Soon<Announcements> {
  const { request, namespace } = judged;
  const [, space = "", name = ""] = SERVICE_ACCOUNT.exec(request.userInfo.username) ?? [];
  const isScaling = scaledBy(request) !== undefined;
  const looked = all([
    name === "" ? undefined : ports.serviceAccount(space, name),
    isToldApart(request) || isScaling ? ports.target(request) : undefined,
  ]);
  return after(looked, ([account, target]) => {
    const label = `serviceaccount/${space}/${name}`;
    const bound = boundOf(dependents);
    const sources: Source[] = [
      ...(namespace === null ? [] : [sourceOfNamespace(request, namespace)]),
      ...sourceOfAccount(label, account),
      ...sourcesOfTarget(request, target, isScaling),
      ...bound.slice(0, MOST_DEPENDENTS),
    ];
    const unknown = [
      ...unknownOf(`annotations@${label}`, account),
      ...unknownOf("annotations@object", target),
      ...unknownOf("annotations@dependents", dependents),
      ...(bound.length > MOST_DEPENDENTS
        ? [failure("annotations@dependents", `more than ${MOST_DEPENDENTS} would go with it`)]
        : []),
    ];
    return after(all(sources.map((source) => saidBy(source, judged, ports))), (said) => ({
      findings: [...unknown, ...said.flatMap(({ findings }) => findings)],
      approvers: said.flatMap(({ approvers }) => approvers),
    }));
  });
}

function unknownOf(name: string, looked: Known<unknown> | undefined): Announced[] {
  return looked?.known === false ? [failure(name, looked.why)] : [];
}

const failure = (name: string, message: string): Announced => ({
  name,
  action: "Deny",
  message,
  failed: true,
});

/** Whether the target is neither `object` nor `oldObject`, and so has to be looked up: CONNECT, pods/eviction, a Scale, a Binding. */
function isToldApart({ operation, resource, subresource, oldObject }: AdmissionRequest): boolean {
  if (subresource === "scale" || (resource.group === "" && resource.resource === "bindings")) return true;
  return subresource !== "" && oldObject === null && (operation === "CONNECT" || operation === "CREATE");
}

function sourceOfNamespace({ namespace }: AdmissionRequest, object: JsonObject): Source {
  return { label: `namespace/${namespace}`, what: "its namespace", kind: "Namespace", object };
}

type Looked = Known<JsonObject | null> | undefined;

function sourceOfAccount(label: string, account: Looked): Source[] {
  if (account?.known !== true || account.object === null) return [];
  return [{ label, what: "its agent's ServiceAccount", kind: "ServiceAccount", object: account.object }];
}

/** A target that was looked up counts instead of the request's object; what an autoscaler scales counts besides the autoscaler. */
function sourcesOfTarget(request: AdmissionRequest, target: Looked, isScaling: boolean): Source[] {
  const own = sourceOfObject(request);
  if (target?.known !== true || target.object === null) return own;
  const { object } = target;
  const kind = text(object, "kind");
  if (!isScaling) return [{ label: "object", what: "its target", kind, object }];
  const what = `the ${kind} ${text(member(object, "metadata"), "name")} that it scales`;
  return [{ label: "scaled", what, kind, object }, ...own];
}

/** The annotations of dependents bind just like those of the object that is deleted: the delete reaches them, too. */
function boundOf(dependents: Known<readonly Dependent[]>): Source[] {
  const all = dependents.known ? dependents.object : [];
  return all.flatMap(({ apiVersion, kind, namespace, name, annotations }) => {
    if (annotations === null) return [];
    const label = `dependent/${kind}/${name}`;
    const object = { apiVersion, kind, metadata: { namespace, name, annotations } };
    return [{ label, what: `the ${kind} ${name} that is deleted with it`, kind, object }];
  });
}

/** The object as it was before the request: annotations that the agent is about to write do not count yet. */
function sourceOfObject({ operation, oldObject, kind }: AdmissionRequest): Source[] {
  const isTarget = operation !== "CREATE" && oldObject !== null;
  return isTarget ? [{ label: "object", what: "its target", kind: kind.kind, object: oldObject }] : [];
}

function saidBy(source: Source, judged: Evaluation, ports: PolicyPorts): Soon<Announcements> {
  const rules = annotationRules(member(source.object, "metadata")["annotations"]);
  for (const problem of rules.problems) tell(source, problem, ports);
  const unreadable = rules.problems
    .filter(({ annotation }) => annotation !== DENY && annotation !== REQUIRE_APPROVAL)
    .map(({ annotation, message }) => failure(nameOf(annotation, source), message));
  const approvers = rules.approvers === undefined ? [] : [rules.approvers];
  if (rules.deny === undefined && rules.requireApproval === undefined)
    return { findings: unreadable, approvers };
  const run = new PolicyRun(judged);
  const tested = [
    saidIn(run, judged, source, DENY, rules.deny),
    saidIn(run, judged, source, REQUIRE_APPROVAL, rules.requireApproval),
  ];
  return after(all(tested), (found) => ({ findings: [...unreadable, ...found.flat()], approvers }));
}

const nameOf = (annotation: string, { label }: Source): string =>
  printable(`${annotation.slice(annotation.indexOf("/") + 1)}@${label}`);

function saidIn(
  run: PolicyRun,
  judged: Evaluation,
  source: Source,
  annotation: string,
  expression: Expression | undefined,
): Soon<Announced[]> {
  if (expression === undefined) return [];
  return after(run.test(expression, judged.enforced), (outcome: Outcome<boolean>) => {
    const name = nameOf(annotation, source);
    if ("failed" in outcome) return [failure(name, outcome.failed)];
    if (!outcome.value) return [];
    const action = annotation === DENY ? "Deny" : "Hold";
    return [
      { name, action, message: printable(`annotation ${annotation} of ${source.what}`), failed: false },
    ];
  });
}

function tell(
  { object, kind }: Source,
  { annotation, message, line, column }: AnnotationRules["problems"][number],
  ports: PolicyPorts,
): void {
  const metadata = member(object, "metadata");
  const place = line === undefined ? "" : ` (line ${line}, column ${column})`;
  ports.brokenAnnotation({
    on: {
      apiVersion: text(object, "apiVersion") || "v1",
      kind: text(object, "kind") || kind,
      namespace: text(metadata, "namespace"),
      name: text(metadata, "name"),
      uid: text(metadata, "uid"),
    },
    annotation,
    message: `${message}${place}`,
  });
}

/** What annotations say of a request: of the target's Namespace, of the agent's ServiceAccount, of the object as it was. */
import { type AdmissionRequest, type JsonObject, member, text } from "../admission.ts";
import { printable } from "../printable.ts";
import { type AnnotationRules, annotationRules, DENY, REQUIRE_APPROVAL } from "./annotations.ts";
import type { Expression } from "./compile.ts";
import { type Evaluation, type Outcome, PolicyRun } from "./evaluation.ts";
import type { PolicyPorts, Soon } from "./ports.ts";
import { after, all } from "./soon.ts";
import type { Requirement } from "./verdict.ts";

/** An annotation that fired or failed. */
export interface Announced {
  /** `require-approval@namespace/prod`. */
  name: string;
  action: "Hold" | "Deny";
  message: string;
  failed: boolean;
}

export interface Announcements {
  findings: Announced[];
  /** Whom annotations name beside whoever decides anyway. */
  approvers: Requirement[];
}

interface Source {
  /** `namespace/prod`. */
  label: string;
  kind: string;
  object: JsonObject;
}

const SERVICE_ACCOUNT = /^system:serviceaccount:([^:]+):([^:]+)$/;

export function announcements(judged: Evaluation, ports: PolicyPorts): Soon<Announcements> {
  const { request, namespace } = judged;
  const [, space = "", name = ""] = SERVICE_ACCOUNT.exec(request.userInfo.username) ?? [];
  const looked = all([
    name === "" ? undefined : ports.serviceAccount(space, name),
    isToldApart(request) ? ports.target(request) : undefined,
  ]);
  return after(looked, ([found, target]) => {
    const label = `serviceaccount/${space}/${name}`;
    const sources: Source[] = [
      ...(namespace === null
        ? []
        : [{ label: `namespace/${request.namespace}`, kind: "Namespace", object: namespace }]),
      ...(found?.known === true && found.object !== null
        ? [{ label, kind: "ServiceAccount", object: found.object }]
        : []),
      ...(target?.known === true && target.object !== null
        ? [{ label: "object", kind: text(target.object, "kind"), object: target.object }]
        : sourceOfObject(request)),
    ];
    const unknown = [
      ...(found?.known === false ? [failure(`annotations@${label}`, found.why)] : []),
      ...(target?.known === false ? [failure("annotations@object", target.why)] : []),
    ];
    return after(all(sources.map((source) => saidBy(source, judged, ports))), (said) => ({
      findings: [...unknown, ...said.flatMap(({ findings }) => findings)],
      approvers: said.flatMap(({ approvers }) => approvers),
    }));
  });
}

const failure = (name: string, message: string): Announced => ({
  name,
  action: "Deny",
  message,
  failed: true,
});

/** Whether it goes to an object that is neither `object` nor `oldObject`: CONNECT, pods/eviction, a Scale, a Binding. */
function isToldApart({ operation, resource, subresource, oldObject }: AdmissionRequest): boolean {
  if (subresource === "scale" || (resource.group === "" && resource.resource === "bindings")) return true;
  return subresource !== "" && oldObject === null && (operation === "CONNECT" || operation === "CREATE");
}

/** As it was before the request: what an agent writes of it does not count yet. */
function sourceOfObject({ operation, oldObject, kind }: AdmissionRequest): Source[] {
  const isTarget = operation !== "CREATE" && oldObject !== null;
  return isTarget ? [{ label: "object", kind: kind.kind, object: oldObject }] : [];
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
    return [{ name, action, message: `annotation ${annotation} of its ${wordOf(source)}`, failed: false }];
  });
}

const wordOf = ({ label, kind }: Source): string =>
  label === "object" ? "target" : kind === "Namespace" ? "namespace" : "agent's ServiceAccount";

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

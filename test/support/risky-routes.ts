/** The same risk in each way to write it: pods that share the node's processes, workloads that are left without pods. */
import { type JsonObject, member } from "#core/admission.ts";
import { POD_SPEC_PATHS } from "#core/policy/facts/workload.ts";
import { resourceNamed } from "#core/policy/resources.ts";
import { BODIES } from "./bodies-of.ts";
import { type Call, type Caller, verdictOf } from "./raw.ts";

export interface Tried {
  rule: string;
  resource: string;
  what: string;
  verdict: string;
  mayBeInvalid: boolean;
}

const JSON_PATCH = "application/json-patch+json";
const MERGE = "application/merge-patch+json";
const STRATEGIC = "application/strategic-merge-patch+json";
const APPLY = "application/apply-patch+yaml";
export const SCALED = [
  "/replicationcontrollers",
  "apps/deployments",
  "apps/replicasets",
  "apps/statefulsets",
];

/** Pods that share the node's processes, and workloads with no pods, in each way to write them. */
export async function tried(human: Caller, agent: Caller): Promise<Tried[]> {
  const done: Tried[] = [];
  const pods = [...POD_SPEC_PATHS].map(([resource, path]) => async () => {
    const made = BODIES[resource] as JsonObject;
    const body = setAt(made, path, { ...SAFE, ...podSpecIn(made, path) });
    const risky = setAt(body, path, { ...podSpecIn(body, path), hostPID: true });
    const at = await given(human, resource, body);
    // Pods, Jobs and revisions do not change: that is said before anybody is asked.
    const fixed = ["/pods", "batch/jobs", "apps/controllerrevisions"].includes(resource);
    const change = setAt({}, path, { hostPID: true });
    const adding = [{ op: "add", path: `/${[...path, "hostPID"].join("/")}`, value: true }];
    const calls: [string, Call, boolean][] = [
      ["create", { method: "POST", path: at.all, body: { ...at.typed("made"), ...risky } }, false],
      ["create by apply", applying(`${at.all}/applied`, { ...at.typed("applied"), ...risky }), false],
      ["update", { method: "PUT", path: at.one, body: { ...at.typed("risky"), ...risky } }, fixed],
      ["apply", applying(at.one, { ...at.typed("risky"), ...risky }), fixed],
      ...[MERGE, STRATEGIC].map((type): [string, Call, boolean] => [
        type,
        { method: "PATCH", path: at.one, type, body: change },
        fixed,
      ]),
      [JSON_PATCH, { method: "PATCH", path: at.one, type: JSON_PATCH, body: adding }, fixed],
    ];
    for (const [what, call, mayBeInvalid] of calls)
      done.push({
        rule: "host-namespaces",
        resource,
        what,
        mayBeInvalid,
        verdict: verdictOf(await agent(call)),
      });
  });
  await Promise.all(pods.map((one) => one()));
  for (const resource of SCALED) {
    const at = await given(human, resource, BODIES[resource] as JsonObject);
    const zero = { spec: { replicas: 0 } };
    const none = [{ op: "replace", path: "/spec/replicas", value: 0 }];
    const scale = {
      apiVersion: "autoscaling/v1",
      kind: "Scale",
      metadata: { name: "risky", namespace: "demo" },
      ...zero,
    };
    const body = BODIES[resource] as { spec: JsonObject };
    const whole = { ...at.typed("risky"), spec: { ...body.spec, replicas: 0 } };
    const ways = (path: string, object: object, applied: object): Call[] => [
      { method: "PUT", path, body: object },
      { method: "PATCH", path, type: MERGE, body: zero },
      { method: "PATCH", path, type: STRATEGIC, body: zero },
      { method: "PATCH", path, type: JSON_PATCH, body: none },
      applying(path, applied),
    ];
    for (const call of [...ways(at.one, whole, whole), ...ways(`${at.one}/scale`, scale, scale)])
      done.push({
        rule: "scale-to-zero",
        resource,
        what: `${call.type}`,
        mayBeInvalid: false,
        verdict: verdictOf(await agent(call)),
      });
  }
  return done;
}

const SAFE: JsonObject = {
  automountServiceAccountToken: false,
  containers: [{ name: "main", image: "app:1" }],
};

const applying = (path: string, body: object): Call => ({
  ...{ method: "PATCH", path: `${path}?fieldManager=route&force=true`, type: APPLY, body },
});

/** An object called `risky`, made by people and harmless; and where it is. */
async function given(human: Caller, title: string, body: JsonObject) {
  const [group = "", resource = ""] = title.split("/");
  const all = `${group === "" ? "/api/v1" : `/apis/${group}/v1`}/namespaces/demo/${resource}`;
  const kind = resourceNamed(resource, group)?.kind ?? "";
  const typed = (name: string) => ({
    apiVersion: group === "" ? "v1" : `${group}/v1`,
    kind,
    metadata: { name },
  });
  const { code, text } = await human({ method: "POST", path: all, body: { ...typed("risky"), ...body } });
  if (code >= 400 && code !== 409) throw new Error(`${title}: ${text}`);
  return { all, one: `${all}/risky`, typed };
}

const podSpecIn = (object: JsonObject, path: readonly string[]): JsonObject =>
  path.reduce<JsonObject>((value, key) => member(value, key), object);

function setAt(object: JsonObject, [first, ...rest]: readonly string[], value: JsonObject): JsonObject {
  if (first === undefined) return value;
  return { ...object, [first]: setAt(member(object, first), rest, value) };
}

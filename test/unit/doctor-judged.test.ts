/** What doctor says admission judges, the shipped catalogue denies or holds. */
import { expect } from "chai";
import type { AdmissionRequest, JsonObject, Operation } from "#core/admission.ts";
import type { Ask } from "#core/doctor/check.ts";
import { CHECKS } from "#core/doctor/examine.ts";
import { type JudgePorts, judge } from "#core/policy/judge.ts";
import { policyPorts } from "../support/policies.ts";
import { request } from "./core/requests.ts";

const OWN = "hoop-system";
const PORTS: JudgePorts = {
  policies: policyPorts(),
  installationNamespace: OWN,
  terms: {
    approvers: [{ groups: [], count: 1 }],
    maxWaitSeconds: 1,
    pendingSeconds: 1,
    approvedSeconds: 1,
  },
};
const AT = { ownNamespace: OWN, served: [], foreignGroups: new Set<string>() };
const CONNECTS = ["exec", "attach", "portforward", "proxy"];
const OPERATIONS: Readonly<Record<string, Operation>> = {
  create: "CREATE",
  update: "UPDATE",
  patch: "UPDATE",
  delete: "DELETE",
  deletecollection: "DELETE",
};

/** Nothing of these reaches admission under the verb: what can be done with it does, and Hoop's own API decides. */
const BY_OTHER_WRITES: readonly string[] = ["rbac-escalate", "approval-decision"];

function operationOf(verb: string, subresource: string): Operation | undefined {
  return CONNECTS.includes(subresource) ? "CONNECT" : OPERATIONS[verb];
}

const pod = (volumes: JsonObject[]): JsonObject => ({ containers: [{ name: "c", image: "i" }], volumes });
/** Risky wherever a pod's or a volume's spec may stand. */
function object(volumes: JsonObject[]): JsonObject {
  const spec = pod(volumes);
  const template = { spec };
  const inner = { ...spec, template, jobTemplate: { spec: { template } }, hostPath: { path: "/" } };
  return { metadata: { name: "thing" }, spec: inner };
}
const RISKY = object([{ name: "s", secret: { secretName: "db" } }]);
const PLAIN = object([]);

function requestsOf({
  group,
  resource,
  subresource = "",
  verbs,
  namespaces = ["demo"],
  names = ["thing"],
  cluster,
}: Ask) {
  return verbs.flatMap((verb) =>
    names.flatMap((name): AdmissionRequest[] => {
      const operation = operationOf(verb, subresource);
      if (operation === undefined) return [];
      return [
        request({
          resource: { group, version: "v1", resource },
          ...{ subresource, operation, name, namespace: cluster ? "" : (namespaces[0] ?? "") },
          object: operation === "CREATE" || operation === "UPDATE" ? RISKY : null,
          oldObject: operation === "CREATE" || operation === "CONNECT" ? null : PLAIN,
        }),
      ];
    }),
  );
}

describe("what doctor takes for judged", () => {
  for (const { id, judged, asks } of CHECKS)
    if (judged !== undefined && !BY_OTHER_WRITES.includes(id))
      it(`is, for ${id}`, async () => {
        const requests = asks(AT).flatMap((ask) => ("path" in ask ? [] : requestsOf(ask)));
        expect(requests).to.not.have.length(0);
        const passed: string[] = [];
        for (const one of requests) {
          const { operation, resource, subresource, name } = one;
          if (!["hold", "deny"].includes((await judge(PORTS, one)).kind))
            passed.push(`${operation} ${resource.resource}/${subresource} ${name}`);
        }
        expect(passed).to.deep.equal([]);
      });
});

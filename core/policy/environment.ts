/** What an expression of an AgentPolicy may name: what ValidatingAdmissionPolicy has, and what Hoop adds. */
import { ADMISSION, ADMISSION_WITH_PARAMS, type PolicyEnvironment } from "../cel/environment.ts";
import { AUTHORIZER_VARIABLES } from "../cel/library/authorizer.ts";
import { type Type, type } from "../cel/types/type.ts";

/** Beside VAP's own variables and `agent`. Each is told in facts.ts. */
const STRUCTS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  "hoop.Workload": {
    changed: "bool",
    spec: "dyn",
    oldSpec: "dyn",
    metadata: "dyn",
    containers: "list<dyn>",
  },
  "hoop.Gains": {
    serviceAccount: "string",
    secrets: "list<string>",
    annotations: "list<string>",
    owners: "list<string>",
    rights: "list<string>",
    rules: "list<dyn>",
    subjects: "list<dyn>",
    policies: "list<string>",
    deletes: "list<dyn>",
  },
  "hoop.Hoop": { namespace: "string", through: "string" },
};
const VARIABLES = { workload: "hoop.Workload", gains: "hoop.Gains", hoop: "hoop.Hoop" };

function extended(base: PolicyEnvironment): PolicyEnvironment {
  const variables = new Map<string, Type>(base.variables);
  for (const [name, struct] of Object.entries(VARIABLES)) variables.set(name, type(struct));
  const structs = new Map(base.structs);
  for (const [name, fields] of Object.entries(STRUCTS))
    structs.set(name, new Map(Object.entries(fields).map(([field, text]) => [field, type(text)])));
  return { ...base, variables, structs };
}

/** Where expressions of policies and annotations are compiled: without and with `params`. */
export const POLICY = extended(ADMISSION);
export const POLICY_WITH_PARAMS = extended(ADMISSION_WITH_PARAMS);

/** The same for a messageExpression, which as in Kubernetes asks no access checks. */
export function withoutAuthorizer(environment: PolicyEnvironment): PolicyEnvironment {
  const variables = new Map(environment.variables);
  for (const name of AUTHORIZER_VARIABLES.keys()) variables.delete(name);
  return { ...environment, variables };
}

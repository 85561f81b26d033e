/** What an expression may name. */
import { Environment } from "@marcbachmann/cel-js";
import { REGEX } from "./regex.ts";
import { SETS, Sets } from "./sets.ts";
import { STRINGS } from "./strings.ts";

interface Schema {
  readonly [field: string]: string | Schema;
}

const GVK: Schema = { group: "string", version: "string", kind: "string" };
const GVR: Schema = { group: "string", version: "string", resource: "string" };
const USER: Schema = {
  username: "string",
  uid: "string",
  groups: "list<string>",
  extra: "map<string, list<string>>",
};

/** As BuildRequestType of k8s.io/apiserver/pkg/admission/plugin/cel declares it. */
const REQUEST: Schema = {
  kind: GVK,
  resource: GVR,
  subResource: "string",
  requestKind: GVK,
  requestResource: GVR,
  requestSubResource: "string",
  name: "string",
  namespace: "string",
  operation: "string",
  userInfo: USER,
  dryRun: "bool",
  options: "dyn",
};

/** As BuildNamespaceType declares it. */
const NAMESPACE: Schema = {
  metadata: {
    name: "string",
    generateName: "string",
    namespace: "string",
    labels: "map<string, string>",
    annotations: "map<string, string>",
    UID: "string",
    creationTimestamp: "google.protobuf.Timestamp",
    deletionGracePeriodSeconds: "int",
    deletionTimestamp: "google.protobuf.Timestamp",
    generation: "int",
    resourceVersion: "string",
    finalizers: "list<string>",
  },
  spec: { finalizers: "list<string>" },
  status: { phase: "string" },
};

const LIBRARIES: Readonly<Record<string, (...values: never[]) => unknown>> = {
  ...REGEX,
  ...STRINGS,
  ...SETS,
};

function admission(hasParams: boolean): Environment {
  const environment = new Environment({ enableOptionalTypes: true, limits: { maxDepth: 200 } });
  environment.registerType("Sets", Sets);
  environment.registerConstant("sets", "Sets", new Sets());
  for (const [signature, handler] of Object.entries(LIBRARIES))
    environment.registerFunction(signature, handler, { async: false });
  for (const name of ["object", "oldObject"]) environment.registerVariable(name, "dyn");
  environment.registerVariable("request", { schema: REQUEST });
  environment.registerVariable("namespaceObject", { schema: NAMESPACE });
  environment.registerVariable("agent", { schema: { ...USER, session: "string" } });
  if (hasParams) environment.registerVariable("params", "dyn");
  return environment;
}

/** The variables of Kubernetes' admission policies, and `agent`; without and with `params`. */
export const ADMISSION = admission(false);
export const ADMISSION_WITH_PARAMS = admission(true);

/** What an expression of a policy may name. */
import { AUTHORIZATION, AUTHORIZER_VARIABLES } from "./library/authorizer.ts";
import { FORMATTING } from "./library/formats.ts";
import { IPS } from "./library/ip.ts";
import { LISTS } from "./library/lists.ts";
import { OPERATORS } from "./library/operators.ts";
import { OPTIONALS } from "./library/optionals.ts";
import { QUANTITIES } from "./library/quantity.ts";
import { REGEX } from "./library/regex.ts";
import { SEMVERS } from "./library/semver.ts";
import { SETS } from "./library/sets.ts";
import { STANDARD } from "./library/standard.ts";
import { STRINGS } from "./library/strings.ts";
import { TIMES } from "./library/times.ts";
import { URLS } from "./library/urls.ts";
import type { Composed } from "./scope.ts";
import { type Environment, functionsOf } from "./types/environment.ts";
import { DYN, struct, type Type, type } from "./types/type.ts";

/** Where expressions are compiled; what their `variables` are is part of it. */
export interface PolicyEnvironment extends Environment {
  readonly composed: Composed;
}

type Fields = Readonly<Record<string, string>>;

const GVK: Fields = { group: "string", version: "string", kind: "string" };
const GVR: Fields = { group: "string", version: "string", resource: "string" };
const USER: Fields = {
  username: "string",
  uid: "string",
  groups: "list<string>",
  extra: "map<string, list<string>>",
};

/** As BuildRequestType and BuildNamespaceType of k8s.io/apiserver/pkg/admission/plugin/cel declare them. */
const STRUCTS: Readonly<Record<string, Fields>> = {
  "kubernetes.GroupVersionKind": GVK,
  "kubernetes.GroupVersionResource": GVR,
  "kubernetes.UserInfo": USER,
  "kubernetes.AdmissionRequest": {
    kind: "kubernetes.GroupVersionKind",
    resource: "kubernetes.GroupVersionResource",
    subResource: "string",
    requestKind: "kubernetes.GroupVersionKind",
    requestResource: "kubernetes.GroupVersionResource",
    requestSubResource: "string",
    name: "string",
    namespace: "string",
    operation: "string",
    userInfo: "kubernetes.UserInfo",
    dryRun: "bool",
    options: "dyn",
  },
  "kubernetes.NamespaceMetadata": {
    name: "string",
    generateName: "string",
    namespace: "string",
    labels: "map<string, string>",
    annotations: "map<string, string>",
    UID: "string",
    creationTimestamp: "timestamp",
    deletionGracePeriodSeconds: "int",
    deletionTimestamp: "timestamp",
    generation: "int",
    resourceVersion: "string",
    finalizers: "list<string>",
  },
  "kubernetes.NamespaceSpec": { finalizers: "list<string>" },
  "kubernetes.NamespaceCondition": {
    status: "string",
    type: "string",
    lastTransitionTime: "timestamp",
    message: "string",
    reason: "string",
  },
  "kubernetes.NamespaceStatus": { conditions: "list<kubernetes.NamespaceCondition>", phase: "string" },
  "kubernetes.Namespace": {
    metadata: "kubernetes.NamespaceMetadata",
    spec: "kubernetes.NamespaceSpec",
    status: "kubernetes.NamespaceStatus",
  },
  "hoop.Agent": { ...USER, session: "string", profile: "string" },
  "kubernetes.variables": {},
};

const FUNCTIONS = functionsOf([
  OPERATORS,
  STANDARD,
  STRINGS,
  REGEX,
  LISTS,
  SETS,
  OPTIONALS,
  TIMES,
  URLS,
  QUANTITIES,
  IPS,
  FORMATTING,
  SEMVERS,
  AUTHORIZATION,
]);

const fieldTypes = (fields: Fields): Map<string, Type> =>
  new Map(Object.entries(fields).map(([name, text]) => [name, type(text)]));

function admission(hasParams: boolean): PolicyEnvironment {
  const variables = new Map<string, Type>([
    ["object", DYN],
    ["oldObject", DYN],
    ["request", struct("kubernetes.AdmissionRequest")],
    ["namespaceObject", struct("kubernetes.Namespace")],
    ["agent", struct("hoop.Agent")],
    ["variables", struct("kubernetes.variables")],
    ...[...AUTHORIZER_VARIABLES].map(([name, text]): [string, Type] => [name, struct(text)]),
  ]);
  if (hasParams) variables.set("params", DYN);
  const structs = new Map(Object.entries(STRUCTS).map(([name, fields]) => [name, fieldTypes(fields)]));
  return { variables, structs, functions: FUNCTIONS, composed: new Map() };
}

/** The variables of Kubernetes' admission policies, and `agent`; without and with `params`. */
export const ADMISSION = admission(false);
export const ADMISSION_WITH_PARAMS = admission(true);

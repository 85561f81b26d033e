/** What decides whom policies are about, changed by who is bound by them. */
import { expect } from "chai";
import type { AdmissionRequest, JsonObject } from "#core/admission.ts";
import { policySet } from "#core/policy/set.ts";
import type { AgentPolicySpec } from "#core/policy/spec.ts";
import { NO_CATALOGUE, policy } from "../../support/policies.ts";

const PARAMS = { paramKind: { apiVersion: "v1", kind: "ConfigMap" } };
const rules: AgentPolicySpec["rules"] = [{ name: "r", action: "Deny", when: "false" }];
const SELECTS = { namespaceSelector: { matchLabels: { env: "prod" } } };

const POLICIES: Readonly<Record<string, AgentPolicySpec>> = {
  params: { ...PARAMS, paramRef: { name: "limits", namespace: "data" }, rules },
  "own-params": { ...PARAMS, paramRef: { name: "own" }, rules },
  selects: { matchConstraints: SELECTS, rules },
  "rule-selects": {
    rules: [
      { name: "r", action: "Deny", matchConstraints: { namespaceSelector: { matchLabels: { tier: "a" } } } },
    ],
  },
  looks: { rules: [{ name: "r", action: "Deny", when: "namespaceObject.metadata.name == 'x'" }] },
  objects: {
    matchConstraints: {
      resourceRules: [{ apiGroups: [""], operations: ["DELETE"], resources: ["pods"] }],
      objectSelector: { matchLabels: { keep: "yes" } },
    },
    rules,
  },
  "switches-off": {
    matchConstraints: { namespaceSelector: { matchLabels: { env: "dev" } } },
    catalogue: [{ rule: "pod-delete", mode: "Off" }],
  },
};
const SET = policySet(
  NO_CATALOGUE,
  Object.entries(POLICIES).map(([name, spec]) => policy(spec, name)),
);

type Change = readonly [
  kind: string,
  before: JsonObject | null,
  now: JsonObject | null,
  metadata?: JsonObject,
];

function asked([kind, before, now, metadata = { name: "x" }]: Change): AdmissionRequest {
  const object = (of: JsonObject | null) =>
    of === null
      ? null
      : { ...(of as JsonObject), metadata: { ...metadata, ...(of["metadata"] as JsonObject) } };
  return {
    uid: "1",
    kind: { group: "", version: "v1", kind },
    resource: { group: "", version: "v1", resource: `${kind.toLowerCase()}s` },
    subresource: "",
    name: String(metadata["name"]),
    namespace: String(metadata["namespace"] ?? ""),
    operation: before === null ? "CREATE" : now === null ? "DELETE" : "UPDATE",
    userInfo: { username: "agent", uid: "", groups: [], extra: new Map() },
    object: object(now),
    oldObject: object(before),
    options: null,
    dryRun: false,
  };
}

const labelled = (labels: JsonObject): JsonObject => ({ metadata: { labels } });
const limits = { name: "limits", namespace: "data" };

const CASES: Readonly<Record<string, readonly [Change, readonly string[]]>> = {
  "params that are changed": [["ConfigMap", {}, { data: {} }, limits], ["params"]],
  "params that are deleted": [["ConfigMap", {}, null, limits], ["params"]],
  "params that are made": [["ConfigMap", null, {}, limits], ["params"]],
  "what is called so elsewhere": [["ConfigMap", {}, {}, { ...limits, namespace: "other" }], []],
  "what is called so and of another kind": [["Secret", {}, {}, limits], []],
  "params looked for in the target's namespace, wherever": [
    ["ConfigMap", null, {}, { name: "own", namespace: "any" }],
    ["own-params"],
  ],
  "a namespace that leaves a selector": [
    ["Namespace", labelled({ env: "prod" }), labelled({ env: "test" })],
    ["looks", "selects"],
  ],
  "a namespace that leaves a rule's selector": [
    ["Namespace", labelled({ tier: "a" }), labelled({})],
    ["looks", "rule-selects"],
  ],
  "a namespace that comes into a selector": [
    ["Namespace", labelled({}), labelled({ env: "prod" })],
    ["looks"],
  ],
  "a namespace that comes to where rules are switched off": [
    ["Namespace", labelled({}), labelled({ env: "dev" })],
    ["looks", "switches-off"],
  ],
  "a namespace that is made where rules are switched off": [
    ["Namespace", null, labelled({ env: "dev" })],
    ["switches-off"],
  ],
  "a namespace that is made": [["Namespace", null, labelled({ env: "prod" })], []],
  "a namespace that stays as it is": [
    ["Namespace", labelled({ env: "prod" }), { ...labelled({ env: "prod" }), spec: {} }],
    [],
  ],
  "an object that leaves a selector": [
    ["Pod", labelled({ keep: "yes" }), labelled({}), { name: "x", namespace: "demo" }],
    ["objects"],
  ],
  "an object that a policy with such a selector is not about": [
    ["ConfigMap", labelled({ keep: "yes" }), labelled({}), { name: "x", namespace: "demo" }],
    [],
  ],
  "an object that is deleted": [
    ["Pod", labelled({ keep: "yes" }), null, { name: "x", namespace: "demo" }],
    [],
  ],
};

describe("policies whose reach a write changes", () => {
  for (const [what, [change, wanted]] of Object.entries(CASES))
    it(`${wanted.length === 0 ? "are none" : `are ${wanted.join(", ")}`}: ${what}`, () => {
      expect(SET.loosened(asked(change)).sort()).to.deep.equal(wanted);
    });
});

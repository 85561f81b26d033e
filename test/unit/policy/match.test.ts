import { expect } from "chai";
import type { AdmissionRequest, JsonObject, Operation } from "#core/admission.ts";
import { matcher } from "#core/policy/match.ts";
import type { MatchConstraints, ResourceRule, Selector } from "#core/policy/spec.ts";
import { namespaceObject } from "../../support/policies.ts";
import { request } from "../../support/reviews.ts";

/** `GROUP/VERSION/RESOURCE[/SUBRESOURCE]` named `x`, in namespace `demo` but where the kind is cluster-scoped. */
function on(operation: Operation, what: string, given: Partial<AdmissionRequest> = {}): AdmissionRequest {
  const [group = "", version = "", resource = "", subresource = ""] = what.split("/");
  const namespace = resource === "nodes" ? "" : resource === "namespaces" ? "x" : "demo";
  return request({
    operation,
    resource: { group, version, resource },
    subresource,
    namespace,
    name: "x",
    ...given,
  });
}

function matches(constraints: MatchConstraints, asked: AdmissionRequest, labels: JsonObject = {}): boolean {
  const built = matcher(constraints);
  const home = asked.namespace === "" || asked.resource.resource === "namespaces" ? null : asked.namespace;
  const namespace = home === null ? null : namespaceObject(home, { labels });
  return built.mayMatch(asked) && built.matches(asked, namespace);
}

const rule = (given: Partial<ResourceRule>): ResourceRule => ({
  apiGroups: ["*"],
  apiVersions: ["*"],
  operations: ["*"],
  resources: ["*/*"],
  ...given,
});
const labelled = (labels: JsonObject, name = "x"): JsonObject => ({ metadata: { name, labels } });

const POD = on("CREATE", "/v1/pods");
const EXEC = on("CONNECT", "/v1/pods/exec");
const SCALE = on("UPDATE", "apps/v1/deployments/scale");
const DEPLOYMENT = on("UPDATE", "apps/v1/deployments");
const NAMESPACE = on("UPDATE", "/v1/namespaces");
const NODE = on("UPDATE", "/v1/nodes");
const ITEM = on("DELETE", "/v1/pods", { name: "", oldObject: labelled({}) });

const RULES: Record<string, [Partial<ResourceRule>, AdmissionRequest, boolean]> = {
  "a resource by its name": [{ resources: ["pods"] }, POD, true],
  "no other resource": [{ resources: ["pod"] }, POD, false],
  "no subresource by the resource's name": [{ resources: ["pods"] }, EXEC, false],
  "the resource itself by any of its subresources": [{ resources: ["pods/*"] }, POD, true],
  "a subresource by any": [{ resources: ["pods/*"] }, EXEC, true],
  "a subresource by its name": [{ resources: ["pods/exec"] }, EXEC, true],
  "not the resource by its subresource": [{ resources: ["pods/exec"] }, POD, false],
  "every resource": [{ resources: ["*"] }, DEPLOYMENT, true],
  "no subresource by every resource": [{ resources: ["*"] }, SCALE, false],
  everything: [{ resources: ["*/*"] }, SCALE, true],
  "everything, resources too": [{ resources: ["*/*"] }, DEPLOYMENT, true],
  "a subresource of every resource": [{ resources: ["*/scale"] }, SCALE, true],
  "nothing else of them": [{ resources: ["*/scale"] }, DEPLOYMENT, false],
  "one of several": [{ resources: ["secrets", "pods"] }, POD, true],
  "its group": [{ apiGroups: ["apps"] }, DEPLOYMENT, true],
  "no other group": [{ apiGroups: ["apps"] }, POD, false],
  "the core group": [{ apiGroups: [""] }, POD, true],
  "every version of it, as what is asked may be converted": [{ apiVersions: ["v9"] }, POD, true],
  "its operation": [{ operations: ["UPDATE", "CREATE"] }, POD, true],
  "no other operation": [{ operations: ["UPDATE"] }, POD, false],
  "its name": [{ resourceNames: ["y", "x"] }, POD, true],
  "no other name": [{ resourceNames: ["y"] }, POD, false],
  "an item of a deletecollection by the object's name": [{ resourceNames: ["x"] }, ITEM, true],
  "what is in a namespace": [{ scope: "Namespaced" }, POD, true],
  "no Namespace, which is in none": [{ scope: "Namespaced" }, NAMESPACE, false],
  "what is in none": [{ scope: "Cluster" }, NODE, true],
  "a Namespace, which is in none": [{ scope: "Cluster" }, NAMESPACE, true],
  "nothing of a namespace": [{ scope: "Cluster" }, POD, false],
  either: [{ scope: "*" }, NODE, true],
};

const EXCLUDED: Record<string, [Partial<ResourceRule>, AdmissionRequest, boolean]> = {
  "leaves out what it names": [{ resources: ["pods"] }, POD, false],
  "leaves other things": [{ resources: ["secrets"] }, POD, true],
  "leaves out a version only where it is that one": [{ apiVersions: ["v9"] }, POD, true],
  "leaves out a name": [{ resourceNames: ["x"] }, POD, false],
  "leaves an item of a deletecollection, which names nothing": [{ resourceNames: ["x"] }, ITEM, true],
};

type Labels = JsonObject;
const SELECTORS: Record<string, [Selector, Labels, boolean]> = {
  "nothing in particular": [{}, {}, true],
  "a label": [{ matchLabels: { a: "b" } }, { a: "b", c: "d" }, true],
  "a label of another value": [{ matchLabels: { a: "b" } }, { a: "c" }, false],
  "a label that is not there": [{ matchLabels: { a: "b" } }, {}, false],
  In: [{ matchExpressions: [{ key: "a", operator: "In", values: ["b", "c"] }] }, { a: "c" }, true],
  "In, and it is not there": [{ matchExpressions: [{ key: "a", operator: "In", values: ["b"] }] }, {}, false],
  NotIn: [{ matchExpressions: [{ key: "a", operator: "NotIn", values: ["b"] }] }, { a: "b" }, false],
  "NotIn, and it is not there": [
    { matchExpressions: [{ key: "a", operator: "NotIn", values: ["b"] }] },
    {},
    true,
  ],
  Exists: [{ matchExpressions: [{ key: "a", operator: "Exists" }] }, { a: "" }, true],
  DoesNotExist: [{ matchExpressions: [{ key: "a", operator: "DoesNotExist" }] }, { a: "" }, false],
  both: [
    { matchLabels: { a: "b" }, matchExpressions: [{ key: "c", operator: "Exists" }] },
    { a: "b" },
    false,
  ],
  "no label of JavaScript's own": [
    { matchExpressions: [{ key: "constructor", operator: "Exists" }] },
    {},
    false,
  ],
  "a label with such a name": [
    { matchLabels: { constructor: "x" } },
    JSON.parse('{"constructor":"x","__proto__":"y"}'),
    true,
  ],
};

const BROKEN: Record<string, [MatchConstraints, string]> = {
  "In without values": [
    { objectSelector: { matchExpressions: [{ key: "a", operator: "In" }] } },
    "matchConstraints.objectSelector",
  ],
  "Exists with values": [
    { namespaceSelector: { matchExpressions: [{ key: "a", operator: "Exists", values: ["b"] }] } },
    "matchConstraints.namespaceSelector",
  ],
  "a key that is none": [
    { namespaceSelector: { matchLabels: { "a b": "c" } } },
    "matchConstraints.namespaceSelector",
  ],
  "a value that is none": [
    { objectSelector: { matchLabels: { a: "-" } } },
    "matchConstraints.objectSelector",
  ],
  "no operations": [
    { resourceRules: [rule({}), rule({ operations: [] })] },
    "matchConstraints.resourceRules[1].operations",
  ],
  "an operation that is none": [
    { excludeResourceRules: [rule({ operations: ["PATCH"] })] },
    "matchConstraints.excludeResourceRules[0].operations",
  ],
  "no groups": [{ resourceRules: [rule({ apiGroups: [] })] }, "matchConstraints.resourceRules[0].apiGroups"],
  "no resources": [
    { resourceRules: [rule({ resources: [] })] },
    "matchConstraints.resourceRules[0].resources",
  ],
};

describe("matchConstraints", () => {
  describe("match", () => {
    for (const [what, [given, asked, wanted]] of Object.entries(RULES))
      it(what, () => expect(matches({ resourceRules: [rule(given)] }, asked)).to.equal(wanted));
  });

  it("match everything where they say nothing", () => {
    for (const asked of [POD, EXEC, NODE, NAMESPACE, ITEM]) expect(matches({}, asked)).to.equal(true);
  });

  it("match by any of their rules, and each by all it says", () => {
    const rules = [
      rule({ apiGroups: ["apps"], operations: ["CREATE"] }),
      rule({ apiGroups: [""], operations: ["UPDATE"] }),
    ];
    expect(matches({ resourceRules: rules }, POD)).to.equal(false);
    expect(matches({ resourceRules: rules }, DEPLOYMENT)).to.equal(false);
    expect(matches({ resourceRules: rules }, NODE)).to.equal(true);
  });

  describe("with a rule that excludes", () => {
    for (const [what, [given, asked, wanted]] of Object.entries(EXCLUDED))
      it(what, () => {
        const constraints = { resourceRules: [rule({})], excludeResourceRules: [rule(given)] };
        expect(matches(constraints, asked)).to.equal(wanted);
      });
  });

  describe("with a selector, match", () => {
    for (const [what, [selector, labels, wanted]] of Object.entries(SELECTORS)) {
      it(`an object by ${what}`, () => {
        const asked = { ...POD, object: labelled(labels) };
        expect(matches({ objectSelector: selector }, asked)).to.equal(wanted);
      });
      it(`a namespace by ${what}`, () =>
        expect(matches({ namespaceSelector: selector }, POD, labels)).to.equal(wanted));
    }
  });

  it("match an object by the labels it has or gets, whichever", () => {
    const objectSelector = { matchLabels: { a: "b" } };
    const [yes, no] = [labelled({ a: "b" }), labelled({})];
    for (const [object, oldObject, wanted] of [
      [yes, no, true],
      [no, yes, true],
      [null, yes, true],
      [no, no, false],
      [no, null, false],
      [null, null, false],
    ] as const)
      expect(matches({ objectSelector }, { ...DEPLOYMENT, object, oldObject })).to.equal(wanted);
  });

  it("never select away what is in no namespace", () =>
    expect(matches({ namespaceSelector: { matchLabels: { a: "b" } } }, NODE)).to.equal(true));

  it("select a Namespace by its labels, from which a new label does not take it away", () => {
    const namespaceSelector = { matchLabels: { a: "b" } };
    const [yes, no] = [labelled({ a: "b" }), labelled({})];
    for (const [object, oldObject, wanted] of [
      [yes, null, true],
      [no, yes, true],
      [yes, no, true],
      [null, yes, true],
      [no, no, false],
    ] as const)
      expect(matches({ namespaceSelector }, { ...NAMESPACE, object, oldObject })).to.equal(wanted);
  });

  describe("say what is wrong with", () => {
    for (const [what, [constraints, path]] of Object.entries(BROKEN))
      it(what, () => {
        const { problems } = matcher(constraints);
        expect(problems.map((problem) => problem.path)).to.deep.equal([path]);
      });
  });

  it("with a selector that is not valid match what it would narrow", () =>
    expect(matches({ objectSelector: { matchLabels: { "a b": "c" } } }, POD)).to.equal(true));
});

/** What goes with what is deleted, and what another object scales: found in what is known of the cluster. */
import { expect } from "chai";
import type { AdmissionRequest, JsonObject } from "#core/admission.ts";
import { bindingAnnotations, dependentsOf, type Owned, Owners } from "#core/policy/dependents.ts";
import { scaledBy } from "#core/policy/scaled.ts";
import { request } from "../../support/reviews.ts";

const owned = (uid: string, owners: readonly string[], more: Partial<Owned> = {}): Owned => ({
  ...{ apiVersion: "v1", kind: "ConfigMap", namespace: "demo", name: uid, uid, owners, annotations: null },
  ...more,
});

function ownersOf(...all: Owned[]): Owners {
  const owners = new Owners();
  for (const one of all) owners.put(one);
  return owners;
}

const names = (owners: Owners, uid: string, kind = "Thing") =>
  owners
    .dependentsOf(uid, kind)
    ?.map(({ name, of }) => `${name} of ${of}`)
    .sort();

describe("what goes with an object", () => {
  it("is what belongs to it, and what belongs to that", () => {
    const owners = ownersOf(
      owned("a", ["root"]),
      owned("b", ["a"], { kind: "Secret" }),
      owned("c", ["b", "other"]),
      owned("d", ["elsewhere"]),
    );
    expect(names(owners, "root")).to.deep.equal(["a of Thing", "b of ConfigMap", "c of Secret"]);
    expect(names(owners, "other")).to.deep.equal(["c of Thing"]);
    expect(names(owners, "nobody")).to.deep.equal([]);
  });

  it("ends where objects own each other", () => {
    const owners = ownersOf(owned("a", ["b"]), owned("b", ["a"]), owned("self", ["self"]));
    expect(names(owners, "a")).to.deep.equal(["a of ConfigMap", "b of Thing"]);
    expect(names(owners, "self")).to.deep.equal(["self of Thing"]);
  });

  it("is what it is now, not what it was", () => {
    const owners = ownersOf(owned("a", ["root"]), owned("b", ["root"]));
    owners.put(owned("a", ["other"]));
    owners.remove("b");
    expect([names(owners, "root"), names(owners, "other")]).to.deep.equal([[], ["a of Thing"]]);
    owners.put(owned("a", []));
    expect([names(owners, "other"), owners.size]).to.deep.equal([[], 0]);
  });

  it("is known anew of a kind whose watch was lost, and as before of the others", () => {
    const owners = ownersOf(owned("a", ["root"]), owned("b", ["root"], { kind: "Secret" }));
    owners.forget("v1", "ConfigMap");
    expect(names(owners, "root")).to.deep.equal(["b of Thing"]);
  });

  it("is not told where it is too much", () => {
    const many = (count: number) => Array.from({ length: count }, (_, i) => owned(`o${i}`, ["root"]));
    expect(names(ownersOf(...many(1_000)), "root")).to.have.length(1_000);
    expect(names(ownersOf(...many(1_001)), "root")).to.equal(undefined);
  });

  it("is with a namespace whatever people annotated in it", () => {
    const annotations = { "hoop.dev/deny": "true" };
    const owners = ownersOf(owned("a", [], { annotations }), owned("b", []), owned("c", ["a"]));
    expect(owners.annotatedIn("demo")?.map(({ name, of }) => [name, of])).to.deep.equal([["a", ""]]);
    expect(owners.annotatedIn("other")).to.deep.equal([]);
  });
});

describe("what binds agents among annotations", () => {
  it("is what denies, asks or names approvers; not a reason, nor a stamp", () => {
    const annotations = { "hoop.dev/reason": "r", "hoop.dev/agent": "a", constructor: "x" };
    expect(bindingAnnotations({ annotations })).to.equal(null);
    expect(
      bindingAnnotations({ annotations: { ...annotations, "hoop.dev/approvers": "sre" } }),
    ).to.deep.equal({
      "hoop.dev/approvers": "sre",
    });
  });
});

describe("dependents are asked for", () => {
  const asked = (given: Partial<AdmissionRequest>) => {
    let count = 0;
    const dependents = () => {
      count++;
      return { known: true as const, object: [] };
    };
    void dependentsOf({ dependents }, request({ oldObject: { metadata: { uid: "u" } }, ...given }));
    return count;
  };
  const update = (
    before: string[],
    now: string[],
    deleted: JsonObject = { deletionTimestamp: "2026-11-21T10:00:00Z" },
  ): Partial<AdmissionRequest> => ({
    operation: "UPDATE",
    oldObject: { metadata: { uid: "u", finalizers: before, ...deleted } },
    object: { metadata: { uid: "u", finalizers: now, ...deleted } },
  });
  const cases: Record<string, [Partial<AdmissionRequest>, number]> = {
    "of a delete": [{ options: {} }, 1],
    "of a delete without options": [{ options: null }, 1],
    "of one in the foreground": [{ options: { propagationPolicy: "Foreground" } }, 1],
    "of one that says so as it was said before": [{ options: { orphanDependents: false } }, 1],
    "of none that leaves them": [{ options: { propagationPolicy: "Orphan" } }, 0],
    "of none that leaves them as it was said before": [{ options: { orphanDependents: true } }, 0],
    "of no other request": [{ operation: "UPDATE" }, 0],
    "of what would have left them, and does not any more": [update(["a/b", "orphan"], ["a/b"]), 1],
    "by a subresource as well": [{ ...update(["orphan"], []), subresource: "status" }, 1],
    "of what still leaves them": [update(["orphan", "a/b"], ["orphan"]), 0],
    "of what leaves nothing": [update(["foregroundDeletion"], []), 0],
    "of what is not deleted": [update(["orphan"], [], {}), 0],
  };
  for (const [what, [given, count]] of Object.entries(cases))
    it(what, () => expect(asked(given)).to.equal(count));
});

describe("what an object scales", () => {
  const scaler = (at: string, spec: JsonObject, more: Partial<AdmissionRequest> = {}) => {
    const [group = "", resource = ""] = at.split("/");
    const about = { group, version: "v1", resource };
    return scaledBy(request({ operation: "CREATE", resource: about, object: { spec }, ...more }));
  };
  const ref = { apiVersion: "apps/v1", kind: "Deployment", name: "web" };
  const found = { group: "apps", kind: "Deployment", name: "web" };

  it("is what an autoscaler of any kind names", () => {
    for (const at of ["autoscaling/horizontalpodautoscalers", "example.com/scalers", "keda.sh/scaledobjects"])
      expect(scaler(at, { scaleTargetRef: ref }), at).to.deep.equal(found);
    expect(scaler("autoscaling.k8s.io/verticalpodautoscalers", { targetRef: ref })).to.deep.equal(found);
    expect(scaler("flagger.app/canaries", { targetRef: ref })).to.deep.equal(found);
    expect(scaler("argoproj.io/rollouts", { workloadRef: ref })).to.deep.equal(found);
  });

  it("is of the group that its kind has, where the autoscaler goes by the kind", () => {
    const other = { ...ref, apiVersion: "example.com/v1" };
    expect(scaler("autoscaling.k8s.io/verticalpodautoscalers", { targetRef: other })).to.deep.equal(found);
    expect(scaler("flagger.app/canaries", { targetRef: other })).to.deep.equal(found);
    expect(scaler("autoscaling/horizontalpodautoscalers", { scaleTargetRef: other })?.group).to.equal(
      "example.com",
    );
  });

  it("is a Deployment where KEDA is told no more than a name", () => {
    expect(scaler("keda.sh/scaledobjects", { scaleTargetRef: { name: "web" } })).to.deep.equal(found);
  });

  it("is of the core group where no group is named", () => {
    const rc = { apiVersion: "v1", kind: "ReplicationController", name: "rc" };
    expect(scaler("autoscaling/horizontalpodautoscalers", { scaleTargetRef: rc })?.group).to.equal("");
  });

  it("is what it scaled before, where it is deleted", () => {
    const deleted = {
      operation: "DELETE" as const,
      object: null,
      oldObject: { spec: { scaleTargetRef: ref } },
    };
    expect(scaler("autoscaling/horizontalpodautoscalers", {}, deleted)).to.deep.equal(found);
  });

  it("is nothing of a status, of other kinds, and where nothing is named", () => {
    const status = { subresource: "status" };
    expect(scaler("autoscaling/horizontalpodautoscalers", { scaleTargetRef: ref }, status)).to.equal(
      undefined,
    );
    expect(scaler("gateway.networking.k8s.io/policies", { targetRef: ref })).to.equal(undefined);
    expect(scaler("autoscaling/horizontalpodautoscalers", { scaleTargetRef: {} })).to.equal(undefined);
    expect(scaler("/configmaps", {})).to.equal(undefined);
  });
});

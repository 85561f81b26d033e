/** What goes with what is deleted, and what another object scales: found in what is known of the cluster. */
import { expect } from "chai";
import type { AdmissionRequest, JsonObject } from "#core/admission.ts";
import { bindingAnnotations, type Owned, Owners } from "#core/policy/dependents.ts";
import { dependentsOf } from "#core/policy/ended.ts";
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
    const target = () => {
      throw new Error("nothing else is looked up");
    };
    void dependentsOf({ dependents, target }, request({ oldObject: { metadata: { uid: "u" } }, ...given }));
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

describe("what goes with what is ended otherwise", () => {
  type Lookups = Parameters<typeof dependentsOf>[0];
  const owner = {
    apiVersion: "v1",
    kind: "Secret",
    namespace: "demo",
    name: "s",
    of: "Pod",
    annotations: null as JsonObject | null,
  };
  /** What is asked for as deleted, and what is told. */
  const asked = async (given: Partial<AdmissionRequest>, object: JsonObject | null, around = [owner]) => {
    const deleted: AdmissionRequest[] = [];
    const lookups: Lookups = {
      target: async () => ({ known: true, object }),
      dependents: (one) => {
        deleted.push(one);
        return { known: true, object: around };
      },
    };
    return { told: await dependentsOf(lookups, request({ oldObject: null, ...given })), deleted };
  };
  const eviction = (deleteOptions: JsonObject): Partial<AdmissionRequest> => ({
    ...{ operation: "CREATE", subresource: "eviction", name: "web" },
    resource: { group: "", version: "v1", resource: "pods" },
    kind: { group: "policy", version: "v1", kind: "Eviction" },
    object: { metadata: { name: "web" }, deleteOptions },
  });
  const pod = { kind: "Pod", metadata: { name: "web", uid: "u" } };

  it("is of an evicted pod what goes with the pod", async () => {
    const { told, deleted } = await asked(eviction({}), pod);
    expect(told).to.deep.equal({ known: true, object: [owner] });
    expect(deleted).to.have.length(1);
    expect(deleted[0]).to.deep.include({ operation: "DELETE", subresource: "", oldObject: pod });
    expect(deleted[0]?.kind.kind).to.equal("Pod");
  });

  it("is nothing where the pod is gone, or its eviction leaves it", async () => {
    for (const [options, object] of [
      [{}, null],
      [{ propagationPolicy: "Orphan" }, pod],
    ] as const) {
      const { told, deleted } = await asked(eviction(options), object);
      expect([told, deleted]).to.deep.equal([{ known: true, object: [] }, []]);
    }
  });

  const scale = (before: number | undefined, now: number | undefined): Partial<AdmissionRequest> => {
    const of = (replicas: number | undefined) => ({ spec: replicas === undefined ? {} : { replicas } });
    return {
      ...{ operation: "UPDATE", subresource: "scale", name: "db", namespace: "demo" },
      resource: { group: "apps", version: "v1", resource: "statefulsets" },
      ...{ oldObject: of(before), object: of(now) },
    };
  };
  const set = (whenScaled: string, more: JsonObject = {}): JsonObject => ({
    kind: "StatefulSet",
    metadata: { name: "db" },
    spec: {
      persistentVolumeClaimRetentionPolicy: { whenScaled },
      volumeClaimTemplates: [{ metadata: { name: "data" } }, { metadata: { name: "log" } }],
      ...more,
    },
  });
  const claims = async (given: Partial<AdmissionRequest>, object: JsonObject) => {
    const { told } = await asked(given, object);
    return told.known ? told.object.map(({ name }) => name) : told.why;
  };

  it("is of a smaller StatefulSet the claims of the pods that end, where it says so", async () => {
    expect(await claims(scale(3, 2), set("Delete"))).to.deep.equal(["data-db-2", "log-db-2"]);
    expect(await claims(scale(3, 1), set("Delete", { ordinals: { start: 5 } }))).to.deep.equal([
      ...["data-db-6", "log-db-6", "data-db-7", "log-db-7"],
    ]);
    expect(await claims(scale(1, undefined), set("Delete"))).to.deep.equal(["data-db-0", "log-db-0"]);
    expect(await claims(scale(3, 2), set("Retain"))).to.deep.equal([]);
    expect(await claims(scale(3, 2), set("Delete", { volumeClaimTemplates: [] }))).to.deep.equal([]);
    for (const [before, now] of [
      [2, 2],
      [2, 3],
    ])
      expect(await claims(scale(before, now), set("Delete"))).to.deep.equal([]);
  });

  it("is too much to be told where thousands end", async () => {
    expect(await claims(scale(1_000_000, 0), set("Delete"))).to.match(/too much/);
  });

  it("has of each claim the annotations that bind agents", async () => {
    const annotations = { "hoop.dev/deny": "true" };
    const bound = { ...owner, kind: "PersistentVolumeClaim", name: "log-db-2", annotations };
    const { told, deleted } = await asked(scale(3, 2), set("Delete"), [
      bound,
      { ...owner, name: "data-db-2" },
    ]);
    expect(
      told.known && told.object.map(({ name, of, annotations }) => [name, of, annotations]),
    ).to.deep.equal([
      ["data-db-2", "Pod", null],
      ["log-db-2", "Pod", annotations],
    ]);
    expect(deleted[0]?.oldObject).to.deep.equal({ metadata: { name: "demo" } });
  });
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

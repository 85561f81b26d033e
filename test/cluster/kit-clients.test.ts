/** What controllers written with client-go make of a resource of the kit. */
import { expect } from "chai";
import { probe } from "#controlplane/build.ts";
import { type ControlPlane, startControlPlane } from "#controlplane/controlplane.ts";
import { memoryStore } from "#store/memory.ts";
import { gadgets, OUR_GROUP } from "../conformance/api/gadget.ts";
import { type KitApi, serveBehind } from "../support/kit-api.ts";
import { informer, type ProbeTarget, probed } from "../support/probe.ts";
import { type Shell, shellOf } from "../support/shell.ts";

function gadget(name: string): object {
  return { apiVersion: `${OUR_GROUP}/v1`, kind: "Gadget", metadata: { name }, spec: { color: "red" } };
}

describe("a resource of the kit, by client-go", function () {
  this.timeout(120_000);
  const store = memoryStore();
  let plane: ControlPlane;
  let api: KitApi;
  const target = (namespace: string): ProbeTarget => ({
    ...{
      kubeconfig: plane.adminKubeconfig,
      group: OUR_GROUP,
      resource: "gadgets",
      kind: "Gadget",
      namespace,
    },
  });

  before(async function () {
    this.timeout(1_200_000);
    await probe();
    plane = await startControlPlane();
    api = await serveBehind(plane, [gadgets(store)]);
  });
  after(async () => {
    await api?.close();
    await plane?.stop();
    await store.close();
  });

  async function inNamespace(name: string): Promise<Shell> {
    await plane.createNamespace(name);
    return shellOf(plane.kubectlPath, plane.adminKubeconfig, name);
  }

  for (const command of ["inform-dynamic", "inform-metadata"] as const)
    for (const watchList of [true, false])
      it(`is followed by a ${command.slice(7)} informer ${watchList ? "that streams its list" : "that lists and watches"}`, async () => {
        const shell = await inNamespace(`${command}-${watchList}`);
        for (const name of ["one", "two"]) await shell.must("create -f -", { input: gadget(name) });
        const following = await informer(command, target(`${command}-${watchList}`), { watchList });
        expect(await following.until(({ event }) => event === "synced")).to.include({ count: 2 });
        await shell.must("create -f -", { input: gadget("three") });
        const added = await following.until(({ event, name }) => event === "add" && name === "three");
        await shell.must("label gadget three tier=front");
        const updated = await following.until(({ event }) => event === "update");
        expect(Number(updated["resourceVersion"])).to.be.above(Number(added["resourceVersion"]));
        await shell.must("delete gadget one three");
        await following.until(({ event, name }) => event === "delete" && name === "one");
        await following.until(({ event, name }) => event === "delete" && name === "three");
        await following.stop();
        await shell.close();
      });

  it("is listed page by page", async () => {
    const shell = await inNamespace("pages");
    const names = ["a", "b", "c", "d", "e"];
    for (const name of names) await shell.must("create -f -", { input: gadget(name) });
    expect(await probed("page", target("pages"))).to.deep.equal({ pages: 3, names });
    await shell.close();
  });

  it("is discovered alike in both formats", async () => {
    const common = { kind: "Gadget", namespaced: true };
    const resources = [
      {
        ...{ name: "gadgets", singular: "gadget", ...common, shortNames: ["gd"], categories: ["oracle"] },
        verbs: ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"],
      },
      {
        ...{ name: "gadgets/status", singular: "", ...common, shortNames: null, categories: null },
        verbs: ["get", "patch", "update"],
      },
    ];
    const { aggregated, legacy } = await probed("discover", target(""));
    expect(legacy).to.deep.equal(resources);
    // The aggregated format knows no singular of a subresource, and client-go puts the resource's there.
    expect(aggregated).to.deep.equal(resources.map((each) => ({ ...each, singular: "gadget" })));
  });

  it("tells its errors so that client-go knows them", async () => {
    await plane.createNamespace("errors");
    await plane.kubectl(["create", "namespace", "ending"]);
    await plane.kubectl(["delete", "namespace", "ending", "--wait=false"]);
    expect(await probed("errors", target("errors"))).to.deep.equal({
      "get what is not there": ["IsNotFound"],
      "create it again": ["IsAlreadyExists"],
      "create in no namespace": ["IsNotFound"],
      "create in a namespace that goes": ["IsForbidden", "IsNamespaceTerminating"],
      "update an old version": ["IsConflict"],
      "break the schema": ["IsInvalid"],
      "patch without a patch": ["IsBadRequest"],
      "patch strategically": ["IsUnsupportedMediaType"],
      "select by a strange field": ["IsBadRequest"],
      "go on from nothing": ["IsBadRequest"],
      "list the future": ["IsTimeout", "IsTooLargeResourceVersion"],
      "delete another": ["IsConflict"],
    });
  });

  it("has versions that can be compared", async () => {
    await plane.createNamespace("versions");
    expect(await probed("versions", target("versions"))).to.deep.equal({ writes: 100 });
  });
});

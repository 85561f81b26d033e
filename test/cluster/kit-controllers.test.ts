/** What a real kube-controller-manager does with a resource of the kit. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { expect } from "chai";
import { type ControlPlane, startControlPlane } from "#controlplane/controlplane.ts";
import { memoryStore } from "#store/memory.ts";
import { gadgets, OUR_GROUP } from "../conformance/api/gadget.ts";
import { type KitApi, serveBehind } from "../support/kit-api.ts";
import { type Shell, shellOf } from "../support/shell.ts";

interface Owner {
  apiVersion: string;
  kind: string;
  name: string;
  uid: string;
}

function gadget(name: string, owner?: Owner, more: object = {}): object {
  const ownerReferences = owner && [{ ...owner, ...more }];
  return {
    apiVersion: `${OUR_GROUP}/v1`,
    kind: "Gadget",
    metadata: { name, ...(ownerReferences ? { ownerReferences } : {}) },
    spec: { color: "red" },
  };
}

describe("a resource of the kit, by the controllers", function () {
  this.timeout(180_000);
  const store = memoryStore();
  let plane: ControlPlane;
  let api: KitApi;
  let shell: Shell;

  before(async function () {
    this.timeout(1_200_000);
    plane = await startControlPlane();
    api = await serveBehind(plane, [gadgets(store)]);
    // Only now: what is there when the controllers start they know at once, what comes later they look for every 30 s.
    await plane.controllerManager.start();
    await plane.createNamespace("work");
    shell = await shellOf(plane.kubectlPath, plane.adminKubeconfig, "work");
  });
  after(async () => {
    await shell?.close();
    await plane?.stop();
    await api?.close();
    await store.close();
  });

  const create = (object: object) => shell.must("create -f -", { input: object });

  async function ownerOf(reference: string): Promise<Owner> {
    const { apiVersion, kind, metadata } = JSON.parse(await shell.must(`get ${reference} -o json`));
    return { apiVersion, kind, name: metadata.name, uid: metadata.uid };
  }

  async function until(command: string, fits: (output: string) => boolean): Promise<void> {
    while (!fits(await shell.must(command))) await delay(200);
  }

  const names = "get gadgets -o name";

  it("is collected with its owner, in the background", async () => {
    await shell.must("create configmap owner");
    await create(gadget("owned", await ownerOf("configmap/owner")));
    await create(gadget("owned-by-owned", await ownerOf("gadget/owned")));
    await shell.must("delete configmap owner");
    await until(names, (left) => left === "");
  });

  it("goes before its owner, in the foreground", async () => {
    await create(gadget("owner"));
    await create(gadget("owned", await ownerOf("gadget/owner"), { blockOwnerDeletion: true }));
    await shell.must("delete gadget owner --cascade=foreground --timeout=300s");
    expect(await shell.must(names)).to.equal("");
  });

  it("stays without its owner, orphaned", async () => {
    await create(gadget("owner"));
    await create(gadget("orphan", await ownerOf("gadget/owner")));
    await create({
      ...{ apiVersion: "v1", kind: "ConfigMap" },
      metadata: { name: "orphan", ownerReferences: [await ownerOf("gadget/owner")] },
    });
    await shell.must("delete gadget owner --cascade=orphan --timeout=300s");
    for (const orphan of ["gadget/orphan", "configmap/orphan"])
      expect(await shell.must(`get ${orphan} -o jsonpath={.metadata.ownerReferences}`), orphan).to.equal("");
    await shell.must("delete gadget orphan");
  });

  it("is collected where its owner was never there", async () => {
    const uid = "6e9b8a0e-0000-4000-8000-00000000000f";
    await create(gadget("absent", { apiVersion: `${OUR_GROUP}/v1`, kind: "Gadget", name: "nobody", uid }));
    await until(names, (left) => left === "");
  });

  it("counts against a quota", async () => {
    const used = `get resourcequota many -o jsonpath={.status.used.count/gadgets\\.${OUR_GROUP.replaceAll(".", "\\.")}}`;
    await create(gadget("first"));
    await shell.must(`create quota many --hard=count/gadgets.${OUR_GROUP}=5`);
    await until(used, (count) => count === "1");
    await create(gadget("second"));
    await shell.must("delete gadget first second");
    await until(used, (count) => count === "0");
  });

  it("does not keep a namespace from going, finalizers in time included", async () => {
    await plane.createNamespace("doomed");
    const doomed = await shellOf(plane.kubectlPath, plane.adminKubeconfig, "doomed");
    for (const name of ["one", "two", "three"]) await doomed.must("create -f -", { input: gadget(name) });
    await doomed.must(`patch gadget one --type=merge -p '{"metadata":{"finalizers":["example.com/hold"]}}'`);
    await plane.kubectl(["delete", "namespace", "doomed", "--wait=false"]);
    const held = `get namespace doomed -o jsonpath={.status.conditions[?(@.type=='NamespaceFinalizersRemaining')].status}`;
    while ((await plane.kubectl(held.split(" "))).stdout !== "True") await delay(200);
    await doomed.must(`patch gadget one --type=merge -p '{"metadata":{"finalizers":null}}'`);
    const { code, stderr } = await plane.kubectl([
      "wait",
      "namespace/doomed",
      "--for=delete",
      "--timeout=300s",
    ]);
    expect(code, stderr).to.equal(0);
    await doomed.close();
  });

  it("is no reason for an error in the controllers' log", async () => {
    const log = await readFile(join(plane.directory, "logs", "kube-controller-manager.log"), "utf8");
    const ours = log.split("\n").filter((line) => line.includes(OUR_GROUP) && /^[EWF]/.test(line));
    expect(ours).to.deep.equal([]);
  });
});

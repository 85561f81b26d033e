/** An API of the kit as a part of its cluster: in the cluster's OpenAPI, and under its RBAC whichever way one comes. */
import { setTimeout as delay } from "node:timers/promises";
import { expect } from "chai";
import { type ControlPlane, startControlPlane } from "#controlplane/controlplane.ts";
import { memoryStore } from "#store/memory.ts";
import { gadgets, OUR_GROUP } from "../conformance/api/gadget.ts";
import { type KitApi, serveBehind } from "../support/kit-api.ts";
import { credentialsIn, rawCaller } from "../support/raw.ts";
import { type Shell, shellOf } from "../support/shell.ts";

const DENIED = `gadgets.${OUR_GROUP} is forbidden: User "ann" cannot list resource "gadgets" in API group "${OUR_GROUP}"`;

describe("an API of the kit in its cluster", function () {
  this.timeout(120_000);
  const store = memoryStore();
  let plane: ControlPlane;
  let api: KitApi;
  let shell: Shell;
  let kubeconfig: string;

  before(async function () {
    this.timeout(1_200_000);
    plane = await startControlPlane();
    api = await serveBehind(plane, [gadgets(store)]);
    await plane.createNamespace("a");
    shell = await shellOf(plane.kubectlPath, plane.adminKubeconfig, "a");
    kubeconfig = await plane.kubeconfig("ann", ["devs"]);
    await shell.must(`create role gadgets --verb=get,list --resource=gadgets.${OUR_GROUP}`);
    await shell.must("create rolebinding gadgets --role=gadgets --group=devs");
  });
  after(async () => {
    await shell?.close();
    await api?.close();
    await plane?.stop();
    await store.close();
  });

  it("leaves the merged OpenAPI v2 whole, and is in it under its own names", async () => {
    let names: string[] = [];
    // The API server fetches the document some time after it has found the group.
    while (!names.includes("com.example.ours.v1.Gadget")) {
      names = Object.keys(
        JSON.parse((await plane.kubectl(["get", "--raw", "/openapi/v2"])).stdout).definitions,
      );
      await delay(200);
    }
    expect(names).to.include("io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta");
    expect(names.filter((name) => name.endsWith("_v2"))).to.deep.equal([]);
  });

  const path = (namespace: string) => `/apis/${OUR_GROUP}/v1/namespaces/${namespace}/gadgets`;

  it("asks the cluster's RBAC about a user of the API server, and about whom that user is made out to be", async () => {
    // A binding takes a moment to be known.
    while ((await shell.kubectl("get gadgets", { kubeconfig })).code !== 0) await delay(200);
    expect(await shell.fails("get gadgets -A", { kubeconfig })).to.include(`${DENIED} at the cluster scope`);
    expect(await shell.fails("get gadgets --as=ann")).to.include(`${DENIED} in the namespace "a"`);
    await shell.must("get gadgets --as=ann --as-group=devs");
  });

  it("asks the same about one who comes past the API server, by certificate or by token", async () => {
    const { identity } = await credentialsIn(kubeconfig);
    const ann = rawCaller(api.port, identity);
    expect(await ann({ path: path("a") })).to.include({ code: 200 });
    const denied = await ann({ path: path("b") });
    expect(JSON.parse(denied.text)).to.include({ code: 403, message: `${DENIED} in the namespace "b"` });
    const token = rawCaller(api.port, { token: await plane.serviceAccountToken("a", "default") });
    expect(await token({ path: path("a") })).to.include({ code: 403 });
    expect(await rawCaller(api.port, {})({ path: path("a") })).to.include({ code: 401 });
    expect(await rawCaller(api.port, { token: "nobody's" })({ path: path("a") })).to.include({ code: 401 });
  });

  it("does not believe headers of one who comes past the API server", async () => {
    const { identity } = await credentialsIn(kubeconfig);
    const headers = { "x-remote-user": "admin", "x-remote-group": "system:masters" };
    for (const one of [rawCaller(api.port, identity), rawCaller(api.port, {})])
      expect((await one({ path: path("b"), headers })).code).to.be.oneOf([401, 403]);
  });
});

/** What an API of the kit stands on breaks: its store, its connections, the word of the API server. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "chai";
import { probe } from "#controlplane/build.ts";
import { issue } from "#controlplane/certificates.ts";
import { type Cluster, gadget, startCluster } from "../support/bystander.ts";
import { rawCaller } from "../support/raw.ts";

describe("a resource of the kit, when what it stands on breaks", function () {
  this.timeout(180_000);
  let cluster: Cluster;

  before(async function () {
    this.timeout(1_200_000);
    await probe();
    cluster = await startCluster();
  });
  after(() => cluster?.close());

  it("is still discovered while its store is gone, says so, and goes on when it is back", async () => {
    const { shell } = cluster;
    await cluster.heard("before-store");
    cluster.setStoreGone(true);
    await cluster.believed(true);
    expect(await shell.must("api-resources --api-group=ours.example.com --cached=false -o name")).to.equal(
      "gadgets.ours.example.com\n",
    );
    expect(await shell.fails("get gadgets")).to.match(/InternalError|unable to handle/);
    expect(await shell.fails("create -f -", { input: gadget("x") })).to.match(
      /InternalError|unable to handle/,
    );
    await cluster.othersWork("store");
    const leaving = await cluster.leaving("bystander-store");
    await leaving.isStuck();
    cluster.setStoreGone(false);
    expect(await shell.must("get gadgets -o name")).to.include("before-store");
    await cluster.heard("after-store");
    await leaving.isGone();
  });

  it("believes the front proxy's certificate by its name alone, not for its authority", async () => {
    const { plane, api } = cluster;
    const pem = (name: string) => readFile(join(plane.directory, "pki", name), "utf8");
    const authority = { certificate: await pem("front-proxy-ca.crt"), key: await pem("front-proxy-ca.key") };
    const asMaster = async (commonName: string) => {
      const { certificate: cert, key } = await issue(authority, { commonName });
      const headers = { "x-remote-user": "mallory", "x-remote-group": "system:masters" };
      const path = "/apis/ours.example.com/v1/gadgets";
      const { code, text } = await rawCaller(api.port, { cert, key })({ path, headers });
      return { code, reason: (JSON.parse(text) as { reason?: string }).reason };
    };
    expect(await asMaster("somebody-else")).to.deep.equal({ code: 401, reason: "Unauthorized" });
    expect(await asMaster("front-proxy-client")).to.deep.equal({ code: 200, reason: undefined });
    await cluster.heard("after-names");
  });

  it("is found again when the API server has started anew, over connections that are not the old ones", async () => {
    const { plane, shell } = cluster;
    await cluster.heard("before-restart");
    await plane.apiserver.kill();
    await plane.apiserver.start();
    await cluster.served(true);
    expect(await shell.must("get gadgets -o name")).to.include("before-restart");
    await cluster.othersWork("restart");
    await cluster.heard("after-restart");
    const leaving = await cluster.leaving("bystander-restart");
    await leaving.isGone();
  });
});

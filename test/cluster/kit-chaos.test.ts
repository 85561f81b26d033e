/** The API breaks in every way that one can break, the rest of the cluster goes on, and afterwards all is as before. */
import { setTimeout as delay } from "node:timers/promises";
import { expect } from "chai";
import { probe } from "#controlplane/build.ts";
import { type Cluster, gadget, startCluster } from "../support/bystander.ts";

const MINUTES = 1 / (24 * 60);
const UNAVAILABLE =
  /the server is currently unable to handle the request|could not find the requested resource/;

describe("a resource of the kit, when its server breaks", function () {
  this.timeout(180_000);
  let cluster: Cluster;

  before(async function () {
    this.timeout(1_200_000);
    await probe();
    cluster = await startCluster();
  });
  after(() => cluster?.close());

  interface Outage {
    name: string;
    begin(): Promise<void>;
    end(): Promise<void>;
  }

  const outages: readonly Outage[] = [
    {
      name: "is down",
      begin: () => cluster.api.stop(0),
      end: () => cluster.api.start(),
    },
    {
      name: "takes longer than the API server waits",
      async begin() {
        cluster.api.waits = () => delay(6000);
      },
      async end() {
        cluster.api.waits = async () => {};
      },
    },
    {
      name: "shows a certificate that has expired",
      async begin() {
        cluster.api.certify(5 * MINUTES);
        await cluster.api.stop(0);
        await cluster.api.start();
      },
      // Replaced while it runs.
      async end() {
        cluster.api.certify();
      },
    },
  ];

  for (const { name, begin, end } of outages)
    it(`is missed by its own users and by namespaces that go, while it ${name}, and comes back`, async () => {
      const { shell } = cluster;
      const unique = name.replaceAll(/[^a-z]+/g, "-");
      await cluster.heard(`before-${unique}`);
      await begin();
      await cluster.served(false);
      expect(await shell.fails("get gadgets")).to.match(UNAVAILABLE);
      expect(await shell.fails("create --validate=false -f -", { input: gadget("x") })).to.match(UNAVAILABLE);
      await cluster.othersWork(unique);
      const leaving = await cluster.leaving(`bystander-${unique}`);
      await leaving.isStuck();
      await end();
      await cluster.served(true);
      expect(await shell.must("get gadgets -o name")).to.include(`before-${unique}`);
      await cluster.heard(`after-${unique}`);
      await leaving.isGone();
    });
});

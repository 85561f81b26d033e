/** What controllers written with client-go make of `secure-secrets`. */
import { expect } from "chai";
import { probe } from "#controlplane/build.ts";
import { informer, type ProbeTarget, probed } from "../support/probe.ts";
import { secretsOf } from "../support/secure-secrets.ts";
import { startTestbed, type Testbed } from "../support/testbed.ts";

const VALUE = "correct-horse-battery-staple";

describe("secure-secrets by client-go", function () {
  this.timeout(120_000);
  let bed: Testbed;

  before(async function () {
    this.timeout(1_200_000);
    await probe();
    bed = await startTestbed();
  });
  after(() => bed?.stop());

  const target = (namespace: string): ProbeTarget => ({
    ...{ kubeconfig: bed.kubeconfig("agent"), group: "hoop.dev", version: "v1alpha1" },
    ...{ resource: "secure-secrets", kind: "SecureSecret", namespace },
  });

  for (const command of ["inform-dynamic", "inform-metadata"] as const)
    for (const watchList of [true, false])
      it(`is followed by a ${command.slice(7)} informer ${watchList ? "that streams its list" : "that lists and watches"}`, async () => {
        const namespace = `${command}-${watchList}`;
        await bed.must("human", ["create", "namespace", namespace]);
        const all = secretsOf(bed, namespace);
        for (const name of ["a", "b"]) await all.seed(name, { password: VALUE });
        const following = await informer(command, target(namespace), { watchList });
        expect(await following.until(({ event }) => event === "synced")).to.include({ count: 2 });
        await all.seed("c", { password: VALUE });
        const added = await following.until(({ event, name }) => event === "add" && name === "c");
        await all.seed("c", { password: `${VALUE}2` });
        const updated = await following.until(({ event }) => event === "update");
        expect(Number(updated["resourceVersion"])).to.be.above(Number(added["resourceVersion"]));
        await bed.must("human", ["delete", "secret", "a", "c", "-n", namespace]);
        await following.until(({ event, name }) => event === "delete" && name === "a");
        await following.until(({ event, name }) => event === "delete" && name === "c");
        await following.stop();
      });

  it("is listed page by page", async () => {
    await bed.must("human", ["create", "namespace", "pages"]);
    const names = ["a", "b", "c", "d", "e"];
    for (const name of names) await secretsOf(bed, "pages").seed(name, { password: VALUE });
    expect(await probed("page", target("pages"))).to.deep.equal({ pages: 3, names });
  });

  it("is discovered alike in both formats", async () => {
    const said = await probed("discover", target(""));
    for (const format of ["aggregated", "legacy"]) {
      const found = (said[format] as { name: string }[]).find(({ name }) => name === "secure-secrets");
      expect(found, format).to.deep.equal({
        ...{ name: "secure-secrets", singular: "secure-secret", kind: "SecureSecret", namespaced: true },
        ...{ verbs: ["create", "get", "list", "patch", "update", "watch"], shortNames: ["ssec"] },
        categories: null,
      });
    }
  });
});

/** The API servers, what they call Hoop with, and Hoop's CA are replaced under load: nothing is refused. */
import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "chai";
import { parse, stringify } from "yaml";
import { type Authority, createAuthority } from "#certs/ca.ts";
import { servingCertificate } from "#certs/directory.ts";
import { serviceNames } from "#certs/leaf.ts";
import { writeKubeconfigs } from "../../local/apiserver-files.ts";
import { type HoopProcess, spawnHoop } from "../support/replaced.ts";
import { type SteadyLoad, steadyLoad } from "../support/steady-load.ts";
import { startTestbed, type Testbed } from "../support/testbed.ts";
import { type TwoApiServers, twoApiServers } from "../support/two-apiservers.ts";

const REPLACED = "certificates replaced";

describe("under steady load, with two API servers", () => {
  let bed: Testbed;
  let two: TwoApiServers;
  let hoop: HoopProcess;
  let load: SteadyLoad;
  let old: { ca: string; clientCa: string };
  let ca: Authority;
  let clientCa: Authority;

  before(async () => {
    bed = await startTestbed();
    await bed.stopHoop();
    two = await twoApiServers(bed);
    const settings = parse(bed.settingsYaml) as { kubeconfig: string };
    const kubeconfig = await two.kubeconfig(settings.kubeconfig);
    hoop = await spawnHoop(bed, stringify({ ...settings, kubeconfig }));
    await hoop.until("hoop serves");
    load = await steadyLoad(bed);
    old = { ca: await content("ca.crt"), clientCa: await content("client-ca.crt") };
    ca = createAuthority("the next CA");
    clientCa = createAuthority("the next client CA");
  });
  after(async () => {
    await load?.stop();
    hoop?.child.kill("SIGKILL");
    await hoop?.ended;
    await two?.stop();
    await bed?.stop();
  });
  afterEach(async () => {
    await load.answered(20);
    expect(load.refusals()).to.deep.equal([]);
  });

  const file = (name: string) => join(bed.certificates, name);
  const content = (name: string) => readFile(file(name), "utf8");
  const replaced = (change: () => Promise<void>) =>
    hoop.until(REPLACED, async () => {
      await change();
      hoop.child.kill("SIGHUP");
    });

  it("Hoop comes to believe two authorities of the API servers' client certificate", () =>
    replaced(async () => {
      await writeFile(file("client-ca.crt"), `${clientCa.certificate}${old.clientCa}`);
      await writeFile(file("client-ca.key"), clientCa.key);
      await rm(file("client.crt"));
      await rm(file("client.key"));
    }));

  it("the API servers are replaced one after the other, and call with the new certificate", async () => {
    const issued = await servingCertificate(bed.certificates, serviceNames("hoop", "hoop-system", true));
    expect(issued.written).to.deep.equal([]);
    const caBundle = `${old.ca}${ca.certificate}`;
    const at = {
      address: `127.0.0.1:${bed.webhookPort}`,
      serverName: "hoop.hoop-system.svc",
      servicePort: bed.webhookPort,
    };
    await writeKubeconfigs(join(bed.certificates, "..", "apiserver"), { ...issued, caBundle }, at);
    const [one, another] = two.servers;
    for (const [{ server, port }, other] of [
      [one, another],
      [another, one],
    ] as const) {
      await two.untilInUse(other.port);
      two.leadTo(other.port);
      await load.moveTo(other.port);
      await server.stop();
      await load.answered(10);
      await server.start();
      await two.untilInUse(port);
    }
  });

  it("Hoop no longer believes the old authority", () =>
    replaced(() => writeFile(file("client-ca.crt"), clientCa.certificate)));

  it("the CA is replaced, and the registrations follow", async () => {
    await replaced(async () => {
      await writeFile(file("ca.key"), ca.key);
      await writeFile(file("ca.crt"), ca.certificate);
      await rm(file("tls.crt"));
      await rm(file("tls.key"));
    });
    const bundles = await Promise.all([
      bed.must("human", ["get", "apiservice", "v1alpha1.hoop.dev", "-o", "jsonpath={.spec.caBundle}"]),
      bed.must("human", [
        ...["get", "validatingwebhookconfiguration", "hoop"],
        ...["-o", "jsonpath={.webhooks[0].clientConfig.caBundle}"],
      ]),
    ]);
    const encoded = Buffer.from(ca.certificate).toString("base64");
    expect(bundles).to.deep.equal([encoded, encoded]);
  });
});

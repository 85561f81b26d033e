/** Certificates, keys and Hoop itself are replaced while agents write and people look on: nothing is refused. */
import { mkdir, readFile, rename, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "chai";
import { parse, stringify } from "yaml";
import { issueServing, serviceNames } from "#certs/leaf.ts";
import { type HoopProcess, spawnHoop } from "../support/replaced.ts";
import { type SteadyLoad, steadyLoad } from "../support/steady-load.ts";
import { startTestbed, type Testbed } from "../support/testbed.ts";

const REPLACED = "certificates replaced";
const SERVES = "hoop serves";

describe("under steady load", () => {
  let bed: Testbed;
  let hoop: HoopProcess;
  let load: SteadyLoad;
  let mount: string;

  before(async () => {
    bed = await startTestbed();
    await bed.stopHoop();
    mount = join(bed.certificates, "..", "mount");
    hoop = await spawnHoop(bed, bed.settingsYaml);
    await hoop.until(SERVES);
    load = await steadyLoad(bed);
  });
  after(async () => {
    await load?.stop();
    hoop?.child.kill("SIGKILL");
    await hoop?.ended;
    await bed?.stop();
  });
  afterEach(async () => {
    await load.answered(20);
    expect(load.refusals()).to.deep.equal([]);
  });

  const file = (name: string) => join(bed.certificates, name);
  const look = () => hoop.child.kill("SIGHUP");
  const takeOver = async (settingsYaml: string) => {
    const before = hoop;
    hoop = await spawnHoop(bed, settingsYaml, "--take-over", String(before.pid));
    await hoop.until(SERVES);
    expect(await before.ended, before.log()).to.equal(0);
  };

  it("nothing is refused while nothing is replaced", () => load.answered(50));

  it("the serving certificate is renewed", () =>
    hoop.until(REPLACED, async () => {
      await rm(file("tls.crt"));
      look();
    }));

  it("the serving certificate gets another key", () =>
    hoop.until(REPLACED, async () => {
      await rm(file("tls.crt"));
      await rm(file("tls.key"));
      look();
    }));

  it("Hoop is replaced by a new process, that takes over its ports and its store", async () => {
    await takeOver(bed.settingsYaml);
    await load.answered(20);
    await takeOver(bed.settingsYaml);
  });

  it("mounted certificates are replaced as kubelet does it", async () => {
    await mounted("first", {});
    await symlink("first", join(mount, "..data"));
    for (const name of MOUNTED) await symlink(join("..data", name), join(mount, name));
    await takeOver(stringify({ ...parse(bed.settingsYaml), certificates: mount }));
    await load.answered(20);

    const ca = { certificate: await content("ca.crt"), key: await content("ca.key") };
    const pair = issueServing(ca, serviceNames("hoop", "hoop-system", true), 90);
    await mounted("second", { "tls.crt": pair.certificate, "tls.key": pair.key });
    await symlink("second", join(mount, "..data_tmp"));
    await hoop.until(REPLACED, async () => {
      await rename(join(mount, "..data_tmp"), join(mount, "..data"));
      look();
    });
  });

  it("and each write that was answered has its record", async () => {
    await load.stop();
    const records = (await bed.records()) as { target?: { name?: string } }[];
    const recorded = new Set(records.map(({ target }) => target?.name));
    expect(load.created).to.not.have.length(0);
    expect(load.created.filter((name) => !recorded.has(name))).to.deep.equal([]);
    load = { ...load, answered: async () => {} };
  });

  /** What cert-manager issues: the authority's key stays with it. */
  const MOUNTED = ["ca.crt", "tls.crt", "tls.key", "client-ca.crt", "client.crt"];
  const content = (name: string) => readFile(file(name), "utf8");
  async function mounted(version: string, given: Record<string, string>): Promise<void> {
    await mkdir(join(mount, version), { recursive: true });
    for (const name of MOUNTED)
      await writeFile(join(mount, version, name), given[name] ?? (await content(name)));
  }
});

/**
 * The documented kind cluster, as far as it goes without kind: the API server with the flags of kind-config.yaml and
 * the files of `npm run kind-files`, and Hoop with the certificates that its pod would begin with.
 */
import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect } from "chai";
import { parseAllDocuments } from "yaml";
import { type ControlPlane, startControlPlane } from "#controlplane/controlplane.ts";
import { kindFlags } from "#controlplane/kind-config.ts";
import { claimPort, releasePort } from "#controlplane/ports.ts";
import { type Hoop, startHoop } from "../../hoop.ts";
import { writeKindFiles } from "../../local/kind-files.ts";
import { localManifests, tourManifests } from "../../local/manifests.ts";
import { parseSettings } from "../../settings.ts";
import { must, until } from "../support/control-plane.ts";

const ROOT = join(import.meta.dirname, "..", "..");
const MOUNT = "/etc/kubernetes/hoop";

interface StatefulSet {
  kind: string;
  spec: { template: { spec: { initContainers: { args: string[] }[] } } };
}

describe("a kind cluster of kind-config.yaml", function () {
  this.timeout(120_000);
  let scratch: string;
  let plane: ControlPlane;
  let hoop: Hoop;
  let ports: { api: number; webhook: number };
  let agent: string;

  before(async function () {
    this.timeout(1_200_000);
    scratch = await mkdtemp(join(tmpdir(), "hoop-kind-"));
    ports = { api: await claimPort(), webhook: await claimPort() };
    const mounted = await writeKindFiles(scratch);
    await brought(mounted);
    const flags = await kindFlags(join(ROOT, "kind-config.yaml"), {
      [MOUNT]: mounted,
      "/var/log/kubernetes/hoop": scratch,
    });
    plane = await startControlPlane({ flags });
    agent = await plane.kubeconfig("agent", ["hoop:agents"]);
    for (const input of [await localManifests(ports, { stampBy: "policy" }), tourManifests()])
      await must(plane, ["apply", "--server-side", "-f", "-"], { input });
    const token = await plane.serviceAccountToken("hoop-system", "hoop");
    const settings = {
      kubeconfig: await plane.kubeconfigWithToken("hoop", token),
      listen: { host: "127.0.0.1", ...ports, web: 0 },
      store: { driver: "memory" },
      certificates: await certificatesOfThePod(),
    };
    const silent = { info: () => {}, warn: () => {}, error: () => {} };
    hoop = await startHoop(parseSettings(JSON.stringify(settings), "this test"), { log: silent });
  });

  after(async () => {
    await hoop?.stop();
    await plane?.stop();
    await releasePort(ports.api);
    await releasePort(ports.webhook);
    await rm(scratch, { recursive: true, force: true });
  });

  /** As in the node, but for what is elsewhere here: the files, and Hoop, which no Service leads to. */
  async function brought(mounted: string): Promise<void> {
    for (const entry of await readdir(mounted, { recursive: true, withFileTypes: true })) {
      if (!entry.isFile()) continue;
      const file = join(entry.parentPath, entry.name);
      const text = await readFile(file, "utf8");
      const here = text
        .replaceAll(`${MOUNT}/`, `${mounted}/`)
        .replaceAll("10.96.0.250:9443", `127.0.0.1:${ports.webhook}`)
        .replaceAll("hoop.hoop-system.svc:9443", `hoop.hoop-system.svc:${ports.webhook}`);
      await writeFile(file, here);
    }
  }

  /** What the overlay's init container makes of the Secret, in the place of the volume. */
  async function certificatesOfThePod(): Promise<string> {
    const rendered = await must(plane, ["kustomize", join(ROOT, "deploy", "overlays", "kind")]);
    const statefulSet = parseAllDocuments(rendered)
      .map((document) => document.toJS() as StatefulSet)
      .find(({ kind }) => kind === "StatefulSet");
    const script = statefulSet?.spec.template.spec.initContainers[0]?.args[0] ?? "";
    const volume = join(scratch, "volume");
    await mkdir(volume);
    const here = script
      .replaceAll("/var/lib/hoop", volume)
      .replaceAll("/etc/hoop-certificates", join(scratch, "kind-certificates"));
    const run = () => promisify(execFile)("sh", ["-euc", here]);
    await run();
    // Not again: from then on the volume's are the ones.
    await writeFile(join(volume, "certificates", "note"), "");
    await run();
    expect(await readdir(join(volume, "certificates"))).to.include.members([
      "note",
      "ca.key",
      "client-ca.crt",
    ]);
    return join(volume, "certificates");
  }

  it("asks Hoop before it lets an agent read a Secret, and nobody else", async () => {
    await must(plane, ["create", "secret", "generic", "pw", "-n", "demo", "--from-literal=key=hunter2"]);
    const get = ["get", "secret", "pw", "-n", "demo", "-o", "jsonpath={.data.key}"];
    const refused = await plane.kubectl(get, { kubeconfig: agent });
    expect(refused.stderr).to.contain("(Forbidden)").and.to.contain("rule secret");
    expect(refused.stdout).to.equal("");
    expect(await must(plane, get)).to.equal(Buffer.from("hunter2").toString("base64"));
  });

  it("shows Hoop its certificate: an agent's write is stamped, judged and recorded", async () => {
    const create = ["create", "configmap", "c", "-n", "demo"];
    await until("the registrations are in place", async () => {
      const { code } = await plane.kubectl([...create, "--dry-run=server"], { kubeconfig: agent });
      return code === 0;
    });
    await must(plane, create, { kubeconfig: agent });
    const stamp = "jsonpath={.metadata.annotations.hoop\\.dev/agent}";
    expect(await must(plane, ["get", "configmap", "c", "-n", "demo", "-o", stamp])).to.equal("agent");
    const records = await must(plane, ["get", "--raw", "/apis/hoop.dev/v1alpha1/records"]);
    expect(records).to.contain('"caller":"verified"');
  });

  it("writes what agents do to the audit log, with the record's index", async () => {
    await until("it is audited", async () => {
      const log = await readFile(join(scratch, "audit.log"), "utf8");
      return log
        .split("\n")
        .some((line) => line.includes('"configmaps"') && line.includes("hoop.dev/record"));
    });
  });
});

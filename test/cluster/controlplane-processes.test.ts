import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { expect } from "chai";
import { startControlPlane } from "#controlplane/controlplane.ts";
import { componentProcesses, stopControlPlane } from "#controlplane/leftovers.ts";
import { processIdentity } from "#controlplane/process-identity.ts";
import { must, until } from "../support/control-plane.ts";

const root = join(import.meta.dirname, "..", "..");

interface Child {
  readonly process: ChildProcess;
  readonly directory: string;
  readonly pids: readonly number[];
}

/** Another Node process that starts a control plane by `options` and then just stays. */
const startInChild = async (options: object): Promise<Child> => {
  const script = `
    const { startControlPlane } = await import("#controlplane/controlplane.ts");
    const { componentProcesses } = await import("#controlplane/leftovers.ts");
    const plane = await startControlPlane(${JSON.stringify(options)});
    const pids = (await componentProcesses(plane.directory)).map(({ pid }) => pid);
    console.log(JSON.stringify({ directory: plane.directory, pids }));
    setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", script], {
    cwd: root,
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [line] = await once(createInterface(child.stdout), "line");
  return { process: child, ...JSON.parse(String(line)) };
};

describe("the processes of a control plane", function () {
  this.timeout(900_000);

  for (const signal of ["SIGKILL", "SIGTERM", "SIGINT"] as const)
    it(`all end when the one that started them ends by ${signal}`, async () => {
      const child = await startInChild({});
      expect(child.pids).to.have.length(2);
      child.process.kill(signal);
      await until("no process is left", () => child.pids.every((pid) => processIdentity(pid) === undefined));
      await until("the temporary directory is gone", () => !existsSync(child.directory));
    });

  it("stay when they are detached, are adopted with all data, and what died comes back", async () => {
    const directory = await mkdtemp(join(tmpdir(), "hoop-kubernetes-test-"));
    try {
      const child = await startInChild({ directory, lifetime: "detached" });
      child.process.kill("SIGKILL");
      await once(child.process, "exit");
      const pidsOf = async (): Promise<Record<string, number>> =>
        Object.fromEntries((await componentProcesses(directory)).map(({ name, pid }) => [name, pid]));
      const first = await pidsOf();
      expect(first).to.have.keys("etcd", "kube-apiserver");

      const adopted = await startControlPlane({ directory, lifetime: "detached" });
      expect(await pidsOf()).to.deep.equal(first);
      await adopted.createNamespace("kept");
      await adopted.addNode("node-a");

      process.kill(first["kube-apiserver"] ?? 0, "SIGKILL");
      await until("it is dead", async () => (await pidsOf())["kube-apiserver"] === undefined);
      const again = await startControlPlane({ directory, lifetime: "detached" });
      const second = await pidsOf();
      expect(second["etcd"]).to.equal(first["etcd"]);
      expect(second["kube-apiserver"]).not.to.equal(first["kube-apiserver"]);
      expect(again.ports).to.deep.equal(adopted.ports);
      expect(await must(again, ["get", "ns", "kept", "-o", "name"])).to.equal("namespace/kept\n");

      const policy = { apiVersion: "audit.k8s.io/v1", kind: "Policy", rules: [{ level: "Metadata" }] };
      await startControlPlane({ directory, lifetime: "detached", auditPolicy: policy });
      expect((await pidsOf())["kube-apiserver"]).not.to.equal(second["kube-apiserver"]);

      await stopControlPlane(directory);
      expect(await pidsOf()).to.deep.equal({});
      const back = await startControlPlane({ directory, lifetime: "detached" });
      expect(await must(back, ["get", "ns", "kept", "-o", "name"])).to.equal("namespace/kept\n");
      await until("the node agent is back", () => back.kwok.running());
      await back.stop();
      expect(await pidsOf()).to.deep.equal({});
    } finally {
      await stopControlPlane(directory);
      await rm(directory, { recursive: true });
    }
  });

  it("are nobody else's while somebody has the directory", async () => {
    const directory = await mkdtemp(join(tmpdir(), "hoop-kubernetes-test-"));
    const plane = await startControlPlane({ directory });
    try {
      const second = await startControlPlane({ directory }).catch((error: unknown) => error);
      expect(String(second)).to.contain(`is in use by process ${process.pid}`);
      expect(plane.apiserver.running()).to.equal(true);
    } finally {
      await plane.stop();
      await rm(directory, { recursive: true });
    }
  });

  it("tell why they did not start", async () => {
    const failure = await startControlPlane({ flags: { "no-such-flag": "x" } }).catch(
      (error: unknown) => error,
    );
    expect(String(failure)).to.contain("kube-apiserver ended before it was ready");
    expect(String(failure)).to.contain("unknown flag: --no-such-flag");
  });
});

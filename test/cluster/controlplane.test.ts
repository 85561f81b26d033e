import { once } from "node:events";
import { existsSync } from "node:fs";
import { appendFile, readFile, writeFile } from "node:fs/promises";
import { createServer } from "node:https";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { expect } from "chai";
import { issue, newAuthority } from "#controlplane/certificates.ts";
import { type ControlPlane, startControlPlane } from "#controlplane/controlplane.ts";
import { componentProcesses } from "#controlplane/leftovers.ts";
import { claimPort, releasePort } from "#controlplane/ports.ts";
import { processIdentity } from "#controlplane/process-identity.ts";
import { must, podOn, until } from "../support/control-plane.ts";

const root = join(import.meta.dirname, "..", "..");

describe("two control planes at once", function () {
  this.timeout(900_000);
  let one: ControlPlane;
  let two: ControlPlane;

  before(async () => {
    [one, two] = await Promise.all([startControlPlane({ controllerManager: true }), startControlPlane()]);
  });
  after(() => Promise.all([one?.stop(), two?.stop()]));

  it("have their own ports and their own data", async () => {
    const ports = [...Object.values(one.ports), ...Object.values(two.ports)];
    expect(new Set(ports).size).to.equal(ports.length);
    await one.createNamespace("only-in-one");
    expect(await must(one, ["get", "namespaces", "-o", "name"])).to.contain("namespace/only-in-one");
    expect(await must(two, ["get", "namespaces", "-o", "name"])).not.to.contain("only-in-one");
  });

  it("say the version that their sources have", async () => {
    const goMod = await readFile(join(root, "test", "controlplane", "go.mod"), "utf8");
    const { serverVersion, clientVersion } = JSON.parse(await must(one, ["version", "-o", "json"]));
    expect(goMod).to.contain(`k8s.io/kubernetes ${serverVersion.gitVersion}`);
    expect(clientVersion.gitVersion).to.equal(serverVersion.gitVersion);
  });

  it("know the user and groups of a kubeconfig, and keep its credential", async () => {
    const file = await two.kubeconfig("Zoë", ["hoop:agents", "team:a"]);
    const who = JSON.parse(await must(two, ["auth", "whoami", "-o", "json"], { kubeconfig: file })).status
      .userInfo;
    expect(who.username).to.equal("Zoë");
    expect(who.groups).to.have.members(["hoop:agents", "team:a", "system:authenticated"]);
    const before = await readFile(file, "utf8");
    expect(await two.kubeconfig("Zoë", ["hoop:agents", "team:a"])).to.equal(file);
    expect(await readFile(file, "utf8")).to.equal(before);
    expect(await two.kubeconfig("Zoë", ["hoop:agents"])).not.to.equal(file);
  });

  it("refuse each other's credentials, and etcd refuses all of theirs", async () => {
    const file = await one.kubeconfig("admin", ["system:masters"], join(one.directory, "elsewhere"));
    const stolen = (await readFile(file, "utf8")).replace(one.url, two.url);
    await writeFile(
      file,
      stolen.replace(/certificate-authority-data: \S+/, "insecure-skip-tls-verify: true"),
    );
    const { stderr } = await two.kubectl(["auth", "whoami"], { kubeconfig: file });
    expect(stderr).to.contain("Unauthorized");
    const direct = stolen.replace(two.url, `https://127.0.0.1:${one.ports.etcd}`);
    await writeFile(
      file,
      direct.replace(/certificate-authority-data: \S+/, "insecure-skip-tls-verify: true"),
    );
    expect((await one.kubectl(["get", "--raw", "/version"], { kubeconfig: file })).code).not.to.equal(0);
  });

  it("give out tokens of ServiceAccounts", async () => {
    await two.createNamespace("tokens");
    const token = await two.serviceAccountToken("tokens", "default");
    const kubeconfig = await two.kubeconfigWithToken("tokens-default", token);
    const who = JSON.parse(await must(two, ["auth", "whoami", "-o", "json"], { kubeconfig })).status.userInfo;
    expect(who.username).to.equal("system:serviceaccount:tokens:default");
  });

  it("run controllers where asked to: a Deployment gets pods, a namespace goes", async () => {
    await one.createNamespace("controlled");
    await must(one, ["create", "deployment", "web", "--image=none", "-n", "controlled"]);
    await must(one, ["wait", "--for=create", "pod", "-l", "app=web", "-n", "controlled", "--timeout=300s"]);
    await must(one, ["delete", "namespace", "controlled", "--timeout=300s"]);
  });

  describe("with a node", () => {
    before(async () => {
      await Promise.all([one.addNode("node-a"), one.createNamespace("pods")]);
      await one.addNode("node-b");
      for (const node of ["node-a", "node-b"])
        await must(one, ["create", "-f", "-"], { input: podOn(`on-${node}`, "pods", node) });
      await must(one, ["wait", "--for=condition=Ready", "pod", "--all", "-n", "pods", "--timeout=300s"]);
    });

    for (const name of ["on-node-a", "on-node-b"])
      it(`exec really runs in ${name}`, async () => {
        const args = ["exec", "-n", "pods", name, "--", "sh", "-c", "pwd; echo to stderr >&2"];
        const { code, stdout, stderr } = await one.kubectl(args);
        expect({ code, stdout }).to.deep.equal({
          code: 0,
          stdout: `${join(one.directory, "kwok", "root")}\n`,
        });
        expect(stderr).to.contain("to stderr");
      });

    it("exec passes on what is typed, and a failure", async () => {
      const read = ["exec", "-i", "-n", "pods", "on-node-a", "--", "sh", "-c", "read line; echo read $line"];
      expect(await must(one, read, { input: "a line\n" })).to.equal("read a line\n");
      expect((await one.kubectl(["exec", "-n", "pods", "on-node-a", "--", "false"])).code).to.equal(1);
    });

    it("logs follow what is logged", async () => {
      const logs = one.spawnKubectl(["logs", "-f", "-n", "pods", "on-node-a"]);
      const lines = createInterface(logs.stdout)[Symbol.asyncIterator]();
      expect((await lines.next()).value).to.equal("hello from a pod");
      await appendFile(one.podLog, `${new Date().toISOString()} stdout F one more line\n`);
      expect((await lines.next()).value).to.equal("one more line");
      logs.kill();
    });

    it("a forwarded port answers", async () => {
      const forward = one.spawnKubectl(["port-forward", "-n", "pods", "pod/on-node-a", ":80"]);
      const [line] = await once(createInterface(forward.stdout), "line");
      const port = String(line).match(/127\.0\.0\.1:(\d+)/)?.[1];
      const answer = await fetch(`http://127.0.0.1:${port}/`);
      expect(await answer.text()).to.equal("hello from a pod\n");
      forward.kill();
    });
  });

  it("an extension server on this host serves an API through a Service of type ExternalName", async () => {
    const ca = await newAuthority("extension");
    const names = { dns: ["extension.default.svc"], ip: [] };
    const serving = await issue(ca, { commonName: "extension", names });
    const list = {
      kind: "APIResourceList",
      apiVersion: "v1",
      groupVersion: "test.hoop.dev/v1",
      resources: [],
    };
    const server = createServer({ cert: serving.certificate, key: serving.key }, (_, response) => {
      response.setHeader("content-type", "application/json");
      response.end(JSON.stringify(list));
    });
    const port = await claimPort();
    await new Promise<void>((listening) => server.listen(port, "127.0.0.1", listening));
    const objects = [
      {
        apiVersion: "v1",
        kind: "Service",
        metadata: { name: "extension", namespace: "default" },
        spec: { type: "ExternalName", externalName: "localhost", ports: [{ port }] },
      },
      {
        apiVersion: "apiregistration.k8s.io/v1",
        kind: "APIService",
        metadata: { name: "v1.test.hoop.dev" },
        spec: {
          group: "test.hoop.dev",
          version: "v1",
          groupPriorityMinimum: 1500,
          versionPriority: 1000,
          service: { namespace: "default", name: "extension", port },
          caBundle: Buffer.from(ca.certificate).toString("base64"),
        },
      },
    ];
    try {
      for (const object of objects) await must(two, ["apply", "-f", "-"], { input: JSON.stringify(object) });
      await must(two, ["wait", "--for=condition=Available", "apiservice/v1.test.hoop.dev", "--timeout=300s"]);
      expect(JSON.parse(await must(two, ["get", "--raw", "/apis/test.hoop.dev/v1"]))).to.deep.equal(list);
    } finally {
      server.closeAllConnections();
      server.close();
      await releasePort(port);
    }
  });

  const interruptions = {
    "kube-apiserver killed": async () => {
      await two.apiserver.kill();
      expect(two.apiserver.running()).to.equal(false);
      expect(two.etcd.running()).to.equal(true);
      await two.apiserver.start();
    },
    "kube-apiserver stopped": async () => {
      await two.apiserver.stop();
      await two.apiserver.start();
    },
    "etcd killed": async () => {
      await two.etcd.kill();
      expect(two.apiserver.running()).to.equal(true);
      await two.etcd.start();
    },
  };
  for (const [what, interrupt] of Object.entries(interruptions))
    it(`come back with their data after ${what}`, async () => {
      const name = what.replaceAll(" ", "-");
      await two.createNamespace(name);
      await interrupt();
      await until(
        "the API server answers again",
        async () => (await two.kubectl(["get", "ns", name])).code === 0,
      );
    });

  it("leave nothing behind when stopped, and can be stopped twice", async () => {
    const third = await startControlPlane();
    const running = await componentProcesses(third.directory);
    expect(running.map(({ name }) => name)).to.have.members(["etcd", "kube-apiserver"]);
    await Promise.all([third.stop(), third.stop()]);
    expect(running.filter(({ pid, identity }) => processIdentity(pid) === identity)).to.deep.equal([]);
    expect(existsSync(third.directory)).to.equal(false);
  });
});

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { appendFile, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as delay } from "node:timers/promises";
import { expect } from "chai";
import { issue, newAuthority } from "#controlplane/certificates.ts";
import { type ControlPlane, startControlPlane } from "#controlplane/controlplane.ts";
import { answersOk } from "#controlplane/https-probe.ts";
import { kindFlags } from "#controlplane/kind-config.ts";
import type { KubectlOptions } from "#controlplane/kubectl.ts";
import { componentProcesses, stopControlPlane } from "#controlplane/leftovers.ts";
import { claimPort, releasePort } from "#controlplane/ports.ts";
import { processIdentity } from "#controlplane/process-identity.ts";

const root = join(import.meta.dirname, "..", "..");

const pod = (name: string, namespace: string, node: string): string =>
  JSON.stringify({
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, namespace },
    spec: { nodeName: node, containers: [{ name: "main", image: "none" }] },
  });

const must = async (
  plane: ControlPlane,
  args: readonly string[],
  options?: KubectlOptions,
): Promise<string> => {
  const { code, stdout, stderr } = await plane.kubectl(args, options);
  expect(code, `kubectl ${args.join(" ")}\n${stderr}`).to.equal(0);
  return stdout;
};

const until = async (what: string, holds: () => boolean | Promise<boolean>): Promise<void> => {
  const deadline = Date.now() + 60_000;
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error(`waited in vain until ${what}`);
    await delay(50);
  }
};

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
    await must(one, ["wait", "--for=create", "pod", "-l", "app=web", "-n", "controlled", "--timeout=60s"]);
    await must(one, ["delete", "namespace", "controlled", "--timeout=60s"]);
  });

  describe("with a node", () => {
    before(async () => {
      await Promise.all([one.addNode("node-a"), one.createNamespace("pods")]);
      await one.addNode("node-b");
      for (const node of ["node-a", "node-b"])
        await must(one, ["create", "-f", "-"], { input: pod(`on-${node}`, "pods", node) });
      await must(one, ["wait", "--for=condition=Ready", "pod", "--all", "-n", "pods", "--timeout=60s"]);
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
      await must(two, ["wait", "--for=condition=Available", "apiservice/v1.test.hoop.dev", "--timeout=60s"]);
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

describe("an API server's configuration", function () {
  this.timeout(900_000);

  it("is taken from objects", async () => {
    const plane = await startControlPlane({
      authorizationConfig: {
        apiVersion: "apiserver.config.k8s.io/v1",
        kind: "AuthorizationConfiguration",
        authorizers: [{ type: "RBAC", name: "rbac" }],
      },
      admissionConfig: {
        apiVersion: "apiserver.config.k8s.io/v1",
        kind: "AdmissionConfiguration",
        plugins: [
          {
            name: "PodSecurity",
            configuration: {
              apiVersion: "pod-security.admission.config.k8s.io/v1",
              kind: "PodSecurityConfiguration",
              defaults: { enforce: "restricted" },
            },
          },
        ],
      },
      authenticationConfig: {
        apiVersion: "apiserver.config.k8s.io/v1",
        kind: "AuthenticationConfiguration",
        anonymous: { enabled: false },
      },
      auditPolicy: { apiVersion: "audit.k8s.io/v1", kind: "Policy", rules: [{ level: "Metadata" }] },
    });
    try {
      await plane.createNamespace("strict");
      const input = pod("careless", "strict", "nowhere");
      const { stderr } = await plane.kubectl(["create", "-f", "-"], { input });
      expect(stderr).to.contain('violates PodSecurity "restricted:latest"');
      const nobody = await plane.kubeconfig("nobody");
      const refused = await plane.kubectl(["get", "secrets"], { kubeconfig: nobody });
      expect(refused.stderr).to.contain('User "nobody" cannot list resource "secrets"');
      const ca = await readFile(plane.caCertificatePath, "utf8");
      expect(await answersOk(`${plane.url}/version`, { ca }), "an anonymous caller is answered").to.equal(
        false,
      );
      expect(await readFile(join(plane.directory, "logs", "audit.log"), "utf8")).to.contain(
        '"username":"nobody"',
      );
    } finally {
      await plane.stop();
    }
  });

  it("can be just what kind-config.yaml gives to kind", async () => {
    const files = await mkdtemp(join(tmpdir(), "hoop-kubernetes-test-"));
    const config = {
      "authorization-config.yaml": `
apiVersion: apiserver.config.k8s.io/v1
kind: AuthorizationConfiguration
authorizers: [{type: Node, name: node}, {type: RBAC, name: rbac}]`,
      "admission-config.yaml": `
apiVersion: apiserver.config.k8s.io/v1
kind: AdmissionConfiguration
plugins: []`,
      "audit-policy.yaml": `
apiVersion: audit.k8s.io/v1
kind: Policy
rules: [{level: Metadata}]`,
    };
    for (const [name, content] of Object.entries(config)) await writeFile(join(files, name), content);
    const flags = await kindFlags(join(root, "kind-config.yaml"), {
      "/etc/kubernetes/hoop": files,
      "/var/log/kubernetes/hoop": files,
    });
    expect(flags).to.include.keys(
      "authorization-config",
      "admission-control-config-file",
      "audit-policy-file",
    );
    const plane = await startControlPlane({ flags });
    try {
      const nobody = await plane.kubeconfig("nobody");
      expect((await plane.kubectl(["get", "pods"], { kubeconfig: nobody })).code).to.equal(1);
      await until("it is audited", async () =>
        (await readFile(join(files, "audit.log"), "utf8")).includes('"username":"nobody"'),
      );
    } finally {
      await plane.stop();
      await rm(files, { recursive: true });
    }
  });

  const broken = {
    "a path that no volume of the API server has": [
      "mountPath: /etc/kubernetes/hoop",
      "mountPath: /elsewhere",
    ],
    "a volume that is not mounted into the node": [
      "containerPath: /etc/kubernetes/hoop",
      "containerPath: /elsewhere",
    ],
  } as const;
  for (const [what, [from, to]] of Object.entries(broken))
    it(`of a kind file is refused with ${what}`, async () => {
      const folder = await mkdtemp(join(tmpdir(), "hoop-kubernetes-test-"));
      const file = join(folder, "kind-config.yaml");
      const text = await readFile(join(root, "kind-config.yaml"), "utf8");
      await writeFile(file, text.replace(from, to));
      const mapping = { "/etc/kubernetes/hoop": "/tmp", "/var/log/kubernetes/hoop": "/tmp" };
      const failure = await kindFlags(file, mapping).catch((error: unknown) => error);
      await rm(folder, { recursive: true });
      expect(failure).to.be.an("error");
      expect(String(failure)).to.contain("/etc/kubernetes/hoop");
    });
});

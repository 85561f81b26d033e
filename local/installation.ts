/** Brings up everything of a local installation that does not run, and says what it does. */
import { randomBytes } from "node:crypto";
import { chmod, copyFile, mkdir, symlink, unlink } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { servingCertificate } from "#certs/directory.ts";
import { serviceNames } from "#certs/leaf.ts";
import { binaries } from "#controlplane/build.ts";
import type { Component, Lifetime } from "#controlplane/component.ts";
import { type ControlPlane, startControlPlane } from "#controlplane/controlplane.ts";
import { type KubectlOptions, type KubectlResult, runKubectl } from "#controlplane/kubectl.ts";
import { claimPort } from "#controlplane/ports.ts";
import { apiServerFiles } from "./apiserver-files.ts";
import { hoopProcess } from "./hoop-process.ts";
import { localManifests, tourManifests } from "./manifests.ts";
import { type Layout, type Remembered, remember, remembered } from "./state-directory.ts";

export interface Installation {
  humanKubeconfig: string;
  /** `$PATH` with the installation's bin first. */
  path: string;
  /** The API server is not ours: these ways around Hoop are open in it. */
  foreign: boolean;
  /** Resolves, saying what, when something ends by itself. */
  ended: Promise<string>;
  stop(): Promise<void>;
}

type Say = (line: string) => void;

/** A cluster to install into: our own control plane, or one that was there. */
interface Cluster {
  hoopKubeconfig: string;
  kubectlPath: string;
  kubectl: (args: readonly string[], options?: KubectlOptions) => Promise<KubectlResult>;
  components: Map<string, Component>;
  stop: () => Promise<void>;
}

const NAMESPACE = "hoop-system";
const HOOP_GROUPS = ["system:serviceaccounts", `system:serviceaccounts:${NAMESPACE}`];

export async function install(
  state: Layout,
  lifetime: Lifetime,
  kubeconfig: string | undefined,
  say: Say,
): Promise<Installation> {
  const memory = await memoryOf(state, kubeconfig);
  await mkdir(state.bin, { recursive: true });
  const cluster =
    memory.foreign === undefined
      ? await ownCluster(state, memory, lifetime, say)
      : await foreignCluster(state, memory.foreign.kubeconfig, say);
  try {
    await prepareBin(state, cluster.kubectlPath);
    say("applying the manifests of deploy/");
    await apply(cluster, await localManifests(memory.ports, memory.foreign?.secret));
    if (memory.foreign === undefined) await apply(cluster, tourManifests());
    say("starting hoop");
    const hoop = await hoopProcess(state, memory, cluster.hoopKubeconfig, lifetime);
    await hoop.start();
    say("waiting until agents' requests go through Hoop");
    await untilReady(cluster);
    return {
      humanKubeconfig: memory.foreign?.kubeconfig ?? state.kubeconfig.human,
      path: `${state.bin}${delimiter}${process.env["PATH"] ?? ""}`,
      foreign: memory.foreign !== undefined,
      ended: firstToEnd(new Map([...cluster.components, ["hoop", hoop]])),
      stop: async () => {
        await hoop.stop();
        await cluster.stop();
      },
    };
  } catch (error) {
    await cluster.stop();
    throw error;
  }
}

async function memoryOf(state: Layout, kubeconfig: string | undefined): Promise<Remembered> {
  const before = await remembered(state);
  if (before !== undefined && kubeconfig !== before.foreign?.kubeconfig && kubeconfig !== undefined)
    throw new Error(`${state.directory} belongs to another API server; give another --state directory`);
  const ports = {
    api: await keepPort(before?.ports.api),
    webhook: await keepPort(before?.ports.webhook),
  };
  const foreign =
    before?.foreign ??
    (kubeconfig === undefined ? undefined : { kubeconfig, secret: randomBytes(24).toString("hex") });
  const memory = { ports, ...(foreign === undefined ? {} : { foreign }) };
  await remember(state, memory);
  return memory;
}

/** The ports stand in manifests and certificates' kubeconfigs, so they stay, also while Hoop itself is gone. */
async function keepPort(before: number | undefined): Promise<number> {
  return before ?? claimPort();
}

async function ownCluster(state: Layout, memory: Remembered, lifetime: Lifetime, say: Say): Promise<Cluster> {
  const names = serviceNames("hoop", NAMESPACE, true);
  const certificates = await servingCertificate(state.certificates, names);
  const files = await apiServerFiles(join(state.controlplane, "hoop"), certificates, {
    address: `127.0.0.1:${memory.ports.webhook}`,
    serverName: `hoop.${NAMESPACE}.svc`,
    servicePort: memory.ports.webhook,
  });
  const controlPlane = await startControlPlane({
    directory: state.controlplane,
    lifetime,
    controllerManager: true,
    fsync: true,
    progress: say,
    ...files,
  });
  try {
    await writeKubeconfigs(state, controlPlane);
    say("adding a node");
    await controlPlane.addNode("node-1");
    return {
      hoopKubeconfig: state.kubeconfig.hoop,
      kubectlPath: controlPlane.kubectlPath,
      kubectl: controlPlane.kubectl,
      components: new Map([
        ["etcd", controlPlane.etcd],
        ["kube-apiserver", controlPlane.apiserver],
        ["kube-controller-manager", controlPlane.controllerManager],
        ["kwok", controlPlane.kwok],
      ]),
      stop: () => controlPlane.stop(),
    };
  } catch (error) {
    await controlPlane.stop();
    throw error;
  }
}

async function writeKubeconfigs(state: Layout, controlPlane: ControlPlane): Promise<void> {
  await mkdir(state.data, { recursive: true, mode: 0o700 });
  const { human, agent, approver, hoop } = state.kubeconfig;
  await copyFile(controlPlane.adminKubeconfig, human);
  await chmod(human, 0o600);
  await controlPlane.kubeconfig("agent", ["hoop:agents"], agent);
  await controlPlane.kubeconfig("approver", [], approver);
  await controlPlane.kubeconfig(`system:serviceaccount:${NAMESPACE}:hoop`, HOOP_GROUPS, hoop);
}

async function foreignCluster(state: Layout, kubeconfig: string, say: Say): Promise<Cluster> {
  const programs = await binaries(say);
  const kubectl = {
    program: programs.kubectl,
    kubeconfig,
    cacheDirectory: join(state.directory, "kubectl-cache"),
  };
  const run = (args: readonly string[], options?: KubectlOptions) => runKubectl(kubectl, args, options);
  const asked = await run(["get", "--raw", "/readyz"], { timeout: 15_000 });
  if (asked.code !== 0)
    throw new Error(`the API server of ${kubeconfig} does not answer: ${asked.stderr.trim()}`);
  return {
    hoopKubeconfig: kubeconfig,
    kubectlPath: programs.kubectl,
    kubectl: run,
    components: new Map(),
    stop: async () => {},
  };
}

/** kubectl finds its plugin beside it. */
async function prepareBin(state: Layout, kubectl: string): Promise<void> {
  const link = async (target: string, name: string) => {
    const path = join(state.bin, name);
    await unlink(path).catch(() => undefined);
    await symlink(target, path);
  };
  await link(kubectl, "kubectl");
  await link(join(import.meta.dirname, "..", "cli", "kubectl-hoop"), "kubectl-hoop");
}

async function apply(cluster: Cluster, manifests: string): Promise<void> {
  const args = ["apply", "--server-side", "--force-conflicts", "--field-manager=npm-start", "-f", "-"];
  const applied = await cluster.kubectl(args, { input: manifests });
  if (applied.code !== 0) throw new Error(`kubectl apply: ${applied.stderr.trim()}`);
}

/**
 * Ready is: kubectl finds the aggregated API by discovery, and it answers. The APIService's condition alone would not
 * do: it is looked at every 30 s, so it may still speak of a Hoop that has ended since.
 */
async function untilReady(cluster: Cluster): Promise<void> {
  const deadline = Date.now() + 90_000;
  for (;;) {
    const asked = await cluster.kubectl(["get", "approvals.hoop.dev", "-A"], { timeout: 15_000 });
    if (asked.code === 0) return;
    if (Date.now() > deadline) throw new Error(`hoop.dev did not become available: ${asked.stderr.trim()}`);
    await delay(500);
  }
}

function firstToEnd(components: ReadonlyMap<string, Component>): Promise<string> {
  return new Promise((resolve) => {
    const timer = setInterval(() => {
      for (const [name, component] of components) {
        if (component.running()) continue;
        clearInterval(timer);
        resolve(`${name} has ended`);
      }
    }, 1000);
  });
}

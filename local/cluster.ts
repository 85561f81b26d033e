/** What a local installation installs into: a control plane of its own, or an API server that was there. */
import { access, chmod, copyFile, mkdir } from "node:fs/promises";
import { join } from "node:path";
import { servingCertificate } from "#certs/directory.ts";
import { serviceNames } from "#certs/leaf.ts";
import { binaries } from "#controlplane/build.ts";
import type { Component, Lifetime } from "#controlplane/component.ts";
import { type ControlPlane, startControlPlane } from "#controlplane/controlplane.ts";
import { type KubectlOptions, type KubectlResult, runKubectl } from "#controlplane/kubectl.ts";
import { apiServerFiles } from "./apiserver-files.ts";
import { replaceLink } from "./links.ts";
import type { Layout, Remembered } from "./state-directory.ts";

export type Say = (line: string) => void;

export interface Cluster {
  hoopKubeconfig: string;
  kubectlPath: string;
  /** As the administrator. */
  kubectl: (args: readonly string[], options?: KubectlOptions) => Promise<KubectlResult>;
  components: Map<string, Component>;
  stop: () => Promise<void>;
}

const NAMESPACE = "hoop-system";
const HOOP_GROUPS = ["system:serviceaccounts", `system:serviceaccounts:${NAMESPACE}`];
const LOGS = ["etcd", "kube-apiserver", "kube-controller-manager", "kwok", "audit"];

/** Starts what of the control plane does not run, with Hoop in the API server's own configuration. */
export async function ownCluster(
  state: Layout,
  { ports }: Remembered,
  lifetime: Lifetime,
  say: Say,
): Promise<Cluster> {
  const certificates = await servingCertificate(state.certificates, serviceNames("hoop", NAMESPACE, true));
  const files = await apiServerFiles(join(state.controlplane, "hoop"), certificates, {
    address: `127.0.0.1:${ports.webhook}`,
    serverName: `hoop.${NAMESPACE}.svc`,
    servicePort: ports.webhook,
  });
  for (const name of LOGS)
    await replaceLink(join("..", "controlplane", "logs", `${name}.log`), join(state.logs, `${name}.log`));
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
    say("making sure of the node");
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
  const { human, agent, approver, auditor, hoop } = state.kubeconfig;
  await copyFile(controlPlane.adminKubeconfig, human);
  await chmod(human, 0o600);
  await controlPlane.kubeconfig("agent", ["hoop:agents"], agent);
  await controlPlane.kubeconfig("approver", [], approver);
  await controlPlane.kubeconfig("auditor", [], auditor);
  await controlPlane.kubeconfig(`system:serviceaccount:${NAMESPACE}:hoop`, HOOP_GROUPS, hoop);
}

/** Rejects when nothing answers there. It is left running in any case. */
export async function foreignCluster(state: Layout, kubeconfig: string, say: Say): Promise<Cluster> {
  await access(kubeconfig).catch(() => {
    throw new Error(`--kubeconfig ${kubeconfig}: there is no such file that can be read`);
  });
  const programs = await binaries(say);
  const cacheDirectory = join(state.directory, "kubectl-cache");
  const run = (args: readonly string[], options?: KubectlOptions) =>
    runKubectl({ program: programs.kubectl, kubeconfig, cacheDirectory }, args, options);
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

import type { ChildProcessWithoutNullStreams } from "node:child_process";
import { mkdir, mkdtemp, readFile, realpath, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parse } from "yaml";
import { binaries } from "./build.ts";
import { claim, claimant, release } from "./claim.ts";
import type { Component, Lifetime } from "./component.ts";
import {
  apiserverComponent,
  controllerManagerComponent,
  etcdComponent,
  kwokComponent,
  type Setting,
} from "./components.ts";
import { type ApiserverConfiguration, writeConfiguration } from "./configuration.ts";
import { credentials } from "./credentials.ts";
import type { Flags } from "./flags.ts";
import { deletedAtEnd } from "./guard.ts";
import {
  type Kubectl,
  type KubectlOptions,
  type KubectlResult,
  runKubectl,
  spawnKubectl,
} from "./kubectl.ts";
import { nodeObject, podLog } from "./kwok.ts";
import { componentProcesses, stopControlPlane } from "./leftovers.ts";
import { pki } from "./pki.ts";
import { claimPort, releasePort } from "./ports.ts";
import { type Progress, showProgress } from "./progress.ts";
import {
  type ControlPlanePorts,
  newNodeAddress,
  portNames,
  readState,
  type State,
  writeState,
} from "./state.ts";

export interface ControlPlaneOptions extends ApiserverConfiguration {
  /**
   * Everything is kept here: keys, data, ports, logs. One that was used before comes back as it was. By default a
   * temporary directory that goes with the control plane.
   */
  readonly directory?: string;
  /** `parent` by default. `detached`: what still runs in `directory` is adopted. */
  readonly lifetime?: Lifetime;
  /** Ports to take where they are free. */
  readonly ports?: Partial<ControlPlanePorts>;
  /** False by default: no controllers, so no `default` ServiceAccounts, no end to a namespace's deletion. */
  readonly controllerManager?: boolean;
  /** Flags of kube-apiserver by name, without dashes; they win over the defaults and the configurations. */
  readonly flags?: Flags;
  /** Whether etcd's commits wait for the disk; by default where `directory` is given. */
  readonly fsync?: boolean;
  /** By default only the building of the programs is told, on standard error. */
  readonly progress?: Progress;
}

/** A running Kubernetes control plane. */
export interface ControlPlane {
  readonly directory: string;
  /** https://127.0.0.1:PORT */
  readonly url: string;
  readonly ports: ControlPlanePorts;
  /** The authority of the API server's serving and client certificates (PEM file). */
  readonly caCertificatePath: string;
  /** Path; user `admin`, group system:masters. */
  readonly adminKubeconfig: string;
  /** Path of the kubectl that belongs to it. */
  readonly kubectlPath: string;
  /** Path of the file whose lines every pod of `addNode`'s nodes logs. */
  readonly podLog: string;
  /** Path of a kubeconfig with a client certificate of that user and those groups. */
  kubeconfig(user: string, groups?: readonly string[], file?: string): Promise<string>;
  /** A token of the ServiceAccount, good for an hour by default. */
  serviceAccountToken(namespace: string, name: string, seconds?: number): Promise<string>;
  /** Path of a kubeconfig with that bearer token. */
  kubeconfigWithToken(name: string, token: string): Promise<string>;
  /** Runs kubectl to its end, as the administrator by default. Does not reject for an exit code. */
  kubectl(args: readonly string[], options?: KubectlOptions): Promise<KubectlResult>;
  spawnKubectl(
    args: readonly string[],
    options?: Pick<KubectlOptions, "kubeconfig" | "env">,
  ): ChildProcessWithoutNullStreams;
  /** Makes a namespace and resolves when it has its `default` ServiceAccount, with or without controllers. */
  createNamespace(name: string): Promise<void>;
  /**
   * Adds a ready node. Pods whose `nodeName` it is become Running; exec in them runs on this host as this user,
   * in a folder of the directory.
   */
  addNode(name: string): Promise<void>;
  readonly etcd: Component;
  readonly apiserver: Component;
  readonly controllerManager: Component;
  readonly kwok: Component;
  /** Ends every process, and a temporary directory with them. */
  stop(): Promise<void>;
}

type Cleanup = () => Promise<unknown>;

/** The directory to work in, for nobody else meanwhile. */
const occupy = async (options: ControlPlaneOptions, cleanups: Cleanup[]): Promise<string> => {
  const given = options.directory;
  if (given === undefined) {
    if (options.lifetime === "detached") throw new Error("a detached control plane needs a directory");
    const temporary = await realpath(await mkdtemp(join(tmpdir(), "hoop-kubernetes-")));
    const janitor = deletedAtEnd(temporary);
    cleanups.push(() =>
      rm(temporary, { recursive: true, force: true, maxRetries: 5 }).then(() => janitor.kill()),
    );
    return temporary;
  }
  await mkdir(given, { recursive: true });
  const directory = await realpath(given);
  const owner = join(directory, "owner");
  if (!(await claim(owner))) throw new Error(`${directory} is in use by process ${await claimant(owner)}`);
  cleanups.push(() => release(owner));
  return directory;
};

const claimPorts = async (
  directory: string,
  preferred: Partial<ControlPlanePorts>,
  cleanups: Cleanup[],
): Promise<ControlPlanePorts> => {
  const running = await componentProcesses(directory);
  const ports = { apiserver: 0, etcd: 0, etcdPeer: 0, controllerManager: 0, kwok: 0 };
  for (const name of portNames) {
    const wish = preferred[name];
    if (
      wish !== undefined &&
      running.some(({ commandLine }) => commandLine.match(new RegExp(`[:=]${wish}\\b`)))
    ) {
      ports[name] = wish;
      continue;
    }
    const port = await claimPort(wish);
    cleanups.push(() => releasePort(port));
    ports[name] = port;
  }
  return ports;
};

const restoreState = async (
  directory: string,
  options: ControlPlaneOptions,
  cleanups: Cleanup[],
): Promise<State> => {
  const before = await readState(directory);
  const ports = await claimPorts(directory, { ...before?.ports, ...options.ports }, cleanups);
  const state = {
    ports,
    nodeAddress: before?.nodeAddress ?? newNodeAddress(),
    nodes: before?.nodes ?? false,
  };
  await writeState(directory, state);
  return state;
};

const prepare = async (
  directory: string,
  options: ControlPlaneOptions,
  cleanups: Cleanup[],
): Promise<{ setting: Setting; kubectl: Kubectl }> => {
  const lifetime = options.lifetime ?? "parent";
  // What an earlier run left would not end with this process.
  if (lifetime === "parent") await stopControlPlane(directory);
  const programs = await binaries(options.progress ?? showProgress(process.stderr));
  const state = await restoreState(directory, options, cleanups);
  const keys = await pki(join(directory, "pki"), state.nodeAddress);
  const url = `https://127.0.0.1:${state.ports.apiserver}`;
  const own = credentials(join(directory, "kubeconfigs"), url, keys.ca);
  const kubeconfig = await own.certificate("admin", ["system:masters"]);
  const user = (parse(await readFile(kubeconfig, "utf8")) as AdminKubeconfig).users[0].user;
  const pem = (data: string): string => Buffer.from(data, "base64").toString("utf8");
  const setting = {
    directory,
    lifetime,
    state,
    keys,
    programs,
    temporary: options.directory === undefined,
    credentials: own,
    admin: {
      ca: keys.ca.certificate,
      cert: pem(user["client-certificate-data"]),
      key: pem(user["client-key-data"]),
    },
  };
  const cacheDirectory = join(directory, "kubectl-cache");
  return { setting, kubectl: { program: programs.kubectl, kubeconfig, cacheDirectory } };
};

interface AdminKubeconfig {
  users: [{ user: { "client-certificate-data": string; "client-key-data": string } }];
}

type Components = Pick<ControlPlane, "etcd" | "apiserver" | "controllerManager" | "kwok">;

const startComponents = async (
  { etcd, apiserver, controllerManager, kwok }: Components,
  wanted: { controllerManager: boolean; kwok: boolean },
  progress: Progress,
): Promise<void> => {
  const start = async (name: string, one: Component): Promise<void> => {
    progress(`starting ${name}`);
    await one.start();
  };
  await start("etcd", etcd);
  await start("kube-apiserver", apiserver);
  await Promise.all([
    wanted.controllerManager ? start("kube-controller-manager", controllerManager) : undefined,
    wanted.kwok ? start("kwok", kwok) : undefined,
  ]);
};

/** What can be done to the cluster once its API server answers. */
const operations = (
  { setting, kubectl }: { setting: Setting; kubectl: Kubectl },
  { controllerManager, kwok }: Components,
): Pick<ControlPlane, "serviceAccountToken" | "createNamespace" | "addNode"> => {
  const must = async (args: readonly string[], input?: object): Promise<string> => {
    const result = await runKubectl(
      kubectl,
      args,
      input === undefined ? {} : { input: JSON.stringify(input) },
    );
    if (result.code !== 0) throw new Error(`kubectl ${args.join(" ")}: ${result.stderr.trim()}`);
    return result.stdout;
  };
  return {
    async serviceAccountToken(namespace, name, seconds = 3_600) {
      return (await must(["create", "token", name, "-n", namespace, `--duration=${seconds}s`])).trim();
    },
    async createNamespace(name) {
      await must(["create", "namespace", name]);
      if (controllerManager.running())
        await must(["wait", "--for=create", "serviceaccount/default", "-n", name, "--timeout=300s"]);
      else await must(["create", "serviceaccount", "default", "-n", name]);
    },
    async addNode(name) {
      await kwok.start();
      await writeState(setting.directory, { ...setting.state, nodes: true });
      await must(["apply", "-f", "-"], nodeObject(name));
      await must(["wait", "--for=condition=Ready", `node/${name}`, "--timeout=300s"]);
    },
  };
};

const assemble = async (options: ControlPlaneOptions, cleanups: Cleanup[]): Promise<ControlPlane> => {
  const directory = await occupy(options, cleanups);
  const prepared = await prepare(directory, options, cleanups);
  const { setting, kubectl } = prepared;
  const { state, keys, programs } = setting;
  const configuration = await writeConfiguration(directory, options);
  const flags = { ...configuration.flags, ...options.flags };
  const components = {
    etcd: etcdComponent(setting, options.fsync ?? options.directory !== undefined),
    apiserver: apiserverComponent(setting, flags, configuration.changed),
    controllerManager: controllerManagerComponent(setting),
    kwok: kwokComponent(setting),
  };
  const { etcd, apiserver, controllerManager, kwok } = components;
  for (const one of [etcd, apiserver, controllerManager, kwok])
    cleanups.push(() => (options.directory === undefined ? one.kill() : one.stop()));
  const wanted = { controllerManager: options.controllerManager ?? false, kwok: state.nodes };
  await startComponents(components, wanted, options.progress ?? (() => undefined));
  let stopped: Promise<void> | undefined;
  return {
    directory,
    url: `https://127.0.0.1:${state.ports.apiserver}`,
    ports: state.ports,
    caCertificatePath: keys.ca.files.certificate,
    adminKubeconfig: kubectl.kubeconfig,
    kubectlPath: programs.kubectl,
    podLog: podLog(join(directory, "kwok")),
    kubeconfig: (user, groups = [], file) => setting.credentials.certificate(user, groups, file),
    kubeconfigWithToken: (name, token) => setting.credentials.token(name, token),
    kubectl: (args, more) => runKubectl(kubectl, args, more),
    spawnKubectl: (args, more) => spawnKubectl(kubectl, args, more),
    ...operations(prepared, components),
    ...components,
    stop() {
      stopped ??= undo(cleanups);
      return stopped;
    },
  };
};

/** Does each, last first, whatever becomes of the others. */
const undo = async (cleanups: Cleanup[]): Promise<void> => {
  const failures: unknown[] = [];
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup().catch((error) => failures.push(error));
  if (failures.length > 0) throw new AggregateError(failures, "the control plane did not end cleanly");
};

/** A detached control plane is nobody's: whoever comes next may adopt it, on its ports. */
const leave = async ({ directory, ports }: ControlPlane): Promise<void> => {
  await release(join(directory, "owner"));
  for (const name of portNames) await releasePort(ports[name]);
};

/**
 * Starts etcd and kube-apiserver, and what else the options ask for; resolves when all are ready. Several can run
 * at once. Rejects, leaving nothing behind, with the end of a component's log when that does not come up.
 */
export const startControlPlane = async (options: ControlPlaneOptions = {}): Promise<ControlPlane> => {
  const cleanups: Cleanup[] = [];
  try {
    const controlPlane = await assemble(options, cleanups);
    if (options.lifetime === "detached") await leave(controlPlane);
    return controlPlane;
  } catch (error) {
    await undo(cleanups);
    throw error;
  }
};

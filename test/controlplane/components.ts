import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { apiserverCommand } from "./apiserver.ts";
import type { Binaries } from "./build.ts";
import { type Component, component, type Lifetime, type ProcessSpec } from "./component.ts";
import { controllerManagerCommand } from "./controller-manager.ts";
import type { Credentials } from "./credentials.ts";
import { etcdCommand } from "./etcd.ts";
import type { Flags } from "./flags.ts";
import { answersOk, type ProbeTls } from "./https-probe.ts";
import { kwokCommand, prepareKwok } from "./kwok.ts";
import type { Pki } from "./pki.ts";
import type { State } from "./state.ts";

/** What the components of one control plane have in common. */
export interface Setting {
  readonly directory: string;
  readonly lifetime: Lifetime;
  readonly state: State;
  readonly keys: Pki;
  readonly programs: Binaries;
  readonly credentials: Credentials;
  /** The administrator's credential. */
  readonly admin: ProbeTls;
  /** It goes with its directory, soon: then time is worth more than memory. */
  readonly temporary: boolean;
}

/** Of Go: garbage is collected when the heap is five times what is alive, and not twice. */
const HASTE = { GOGC: "400" };

const named = (setting: Setting, name: string, spec: () => Promise<ProcessSpec>): Component =>
  component({
    name,
    directory: setting.directory,
    lifetime: setting.lifetime,
    spec: async () => {
      const { env, ...rest } = await spec();
      return { ...rest, env: { ...(setting.temporary ? HASTE : {}), ...env } };
    },
  });

/** etcd; without `fsync` a crash of the machine may lose data, a crash of etcd does not. */
export const etcdComponent = (setting: Setting, fsync: boolean): Component =>
  named(setting, "etcd", async () => {
    const { keys, state, programs, directory } = setting;
    const tls = {
      ca: await readFile(keys.etcdCa.certificate, "utf8"),
      cert: await readFile(keys.etcd.certificate, "utf8"),
      key: await readFile(keys.etcd.key, "utf8"),
    };
    return {
      command: etcdCommand({
        program: programs.etcd,
        dataDirectory: join(directory, "etcd"),
        port: state.ports.etcd,
        peerPort: state.ports.etcdPeer,
        fsync,
        keys,
      }),
      ready: () => answersOk(`https://127.0.0.1:${state.ports.etcd}/readyz`, tls),
    };
  });

/** `outdated`: its configuration files have changed since the process that may still run was started. */
export const apiserverComponent = (setting: Setting, flags: Flags, outdated: boolean): Component =>
  named(setting, "kube-apiserver", async () => {
    const { keys, state, programs } = setting;
    return {
      command: apiserverCommand({
        program: programs.kubeApiserver,
        port: state.ports.apiserver,
        etcdPort: state.ports.etcd,
        keys,
        flags,
      }),
      ready: () => answersOk(`https://127.0.0.1:${state.ports.apiserver}/readyz`, setting.admin),
      outdated,
    };
  });

/** kube-controller-manager. */
export const controllerManagerComponent = (setting: Setting): Component =>
  named(setting, "kube-controller-manager", async () => {
    const { keys, state, programs } = setting;
    return {
      command: controllerManagerCommand({
        program: programs.kubeControllerManager,
        port: state.ports.controllerManager,
        kubeconfig: await setting.credentials.certificate("system:kube-controller-manager", []),
        keys,
      }),
      ready: () => answersOk(`https://127.0.0.1:${state.ports.controllerManager}/healthz`, setting.admin),
    };
  });

/** kwok, the node agent of every node. */
export const kwokComponent = (setting: Setting): Component =>
  named(setting, "kwok", async () => {
    const { state, programs } = setting;
    const options = {
      program: programs.kwok,
      directory: join(setting.directory, "kwok"),
      stages: programs.kwokStages,
      address: state.nodeAddress,
      port: state.ports.kwok,
      kubeconfig: await setting.credentials.certificate("kwok", ["system:masters"]),
      serving: setting.keys.serving,
    };
    await prepareKwok(options);
    return {
      command: kwokCommand(options),
      ready: () => answersOk(`https://${state.nodeAddress}:${state.ports.kwok}/healthz`, setting.admin),
      env: { KWOK_WORKDIR: options.directory },
    };
  });

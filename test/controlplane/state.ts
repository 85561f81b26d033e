import { randomInt } from "node:crypto";
import { readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";

/** Ports on 127.0.0.1; kwok's is on the nodes' address. */
export interface ControlPlanePorts {
  readonly apiserver: number;
  readonly etcd: number;
  readonly etcdPeer: number;
  readonly controllerManager: number;
  readonly kwok: number;
}

export const portNames = [
  "apiserver",
  "etcd",
  "etcdPeer",
  "controllerManager",
  "kwok",
] as const satisfies readonly (keyof ControlPlanePorts)[];

/** What a control plane's directory remembers between starts, beside its keys and data. */
export interface State {
  readonly ports: ControlPlanePorts;
  readonly nodeAddress: string;
  /** Nodes have been added. */
  readonly nodes: boolean;
}

const file = (directory: string): string => join(directory, "controlplane.json");

/**
 * The loopback address of a new control plane's nodes. kwok runs commands for whoever asks, without
 * authentication, a web page in this host's browser included: so, where the whole of 127.0.0.0/8 is loopback,
 * nobody can guess where.
 */
export const newNodeAddress = (): string =>
  process.platform === "linux"
    ? `127.${randomInt(1, 255)}.${randomInt(256)}.${randomInt(1, 255)}`
    : "127.0.0.1";

/** Undefined for a directory that never was a control plane's. */
export const readState = async (directory: string): Promise<State | undefined> => {
  try {
    return JSON.parse(await readFile(file(directory), "utf8")) as State;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw new Error(`${file(directory)} cannot be read`, { cause: error });
  }
};

/** Replaces what the directory remembers. */
export const writeState = async (directory: string, state: State): Promise<void> => {
  const unfinished = `${file(directory)}.${process.pid}`;
  await writeFile(unfinished, `${JSON.stringify(state, null, 2)}\n`, { mode: 0o600 });
  await rename(unfinished, file(directory));
};

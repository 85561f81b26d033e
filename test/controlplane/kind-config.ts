import { readFile } from "node:fs/promises";
import { parse } from "yaml";
import type { Flags } from "./flags.ts";

interface Volume {
  readonly hostPath: string;
  readonly mountPath: string;
  readonly pathType?: string;
}

interface ClusterConfiguration {
  readonly kind?: string;
  readonly apiServer?: {
    /** A map in kubeadm's v1beta3, a list in v1beta4. */
    readonly extraArgs?: Record<string, string> | { name: string; value: string }[];
    readonly extraVolumes?: readonly Volume[];
  };
}

interface KindCluster {
  readonly nodes?: readonly { extraMounts?: readonly { containerPath: string }[] }[];
  readonly kubeadmConfigPatches?: readonly string[];
}

const isUnder = (path: string, folder: string): boolean => path === folder || path.startsWith(`${folder}/`);

const flagsOf = ({ apiServer }: ClusterConfiguration): Record<string, string> => {
  const args = apiServer?.extraArgs ?? {};
  return Array.isArray(args) ? Object.fromEntries(args.map(({ name, value }) => [name, value])) : { ...args };
};

/** Fails unless the API server's pod sees `path`: by a volume that is made on the node or mounted into it. */
const requireVisible = (path: string, volumes: readonly Volume[], mounts: readonly string[]): void => {
  const volume = volumes.find(({ mountPath }) => isUnder(path, mountPath));
  if (volume === undefined) throw new Error(`no extraVolume of the API server has ${path}`);
  if (volume.pathType === "DirectoryOrCreate") return;
  if (!mounts.some((mount) => isUnder(volume.hostPath, mount)))
    throw new Error(`no extraMount of the node has ${volume.hostPath}`);
};

const translated = (path: string, mapping: Readonly<Record<string, string>>): string => {
  const folder = Object.keys(mapping).find((from) => isUnder(path, from));
  if (folder === undefined) throw new Error(`the mapping has no folder for ${path}`);
  return `${mapping[folder]}${path.slice(folder.length)}`;
};

/**
 * The flags that a kind configuration file gives its API server, with the paths in its node translated by
 * `mapping` (folder there to folder here). Rejects when a path is not mounted there or not mapped here.
 */
export const kindFlags = async (file: string, mapping: Readonly<Record<string, string>>): Promise<Flags> => {
  const cluster = parse(await readFile(file, "utf8")) as KindCluster;
  const mounts = (cluster.nodes ?? []).flatMap((node) =>
    (node.extraMounts ?? []).map((mount) => mount.containerPath),
  );
  const flags: Record<string, string> = {};
  for (const patch of cluster.kubeadmConfigPatches ?? []) {
    const configuration = parse(patch) as ClusterConfiguration;
    if (configuration.kind !== "ClusterConfiguration") continue;
    const volumes = configuration.apiServer?.extraVolumes ?? [];
    for (const [name, value] of Object.entries(flagsOf(configuration))) {
      if (value.startsWith("/")) requireVisible(value, volumes, mounts);
      flags[name] = value.startsWith("/") ? translated(value, mapping) : value;
    }
  }
  return flags;
};

import { readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { go } from "./go.ts";
import { built, type GoModule } from "./programs.ts";
import { type Progress, showProgress } from "./progress.ts";

const kwokModule = "sigs.k8s.io/kwok";
const stageFiles = [
  "node/fast/node-initialize.yaml",
  "node/heartbeat-with-lease/node-heartbeat-with-lease.yaml",
  "pod/fast/pod-ready.yaml",
  "pod/fast/pod-complete.yaml",
  "pod/fast/pod-delete.yaml",
];

const copyStages = async (file: string): Promise<void> => {
  const said = await go(controlPlane.directory, ["mod", "download", "-json", kwokModule]);
  const { Dir } = JSON.parse(said) as { Dir: string };
  const stages = stageFiles.map((name) => readFile(join(Dir, "kustomize", "stage", name), "utf8"));
  await writeFile(file, (await Promise.all(stages)).join("\n---\n"));
};

const controlPlane: GoModule = {
  directory: import.meta.dirname,
  programs: {
    etcd: "go.etcd.io/etcd/server/v3",
    kubectl: "k8s.io/kubernetes/cmd/kubectl",
    "kube-apiserver": "k8s.io/kubernetes/cmd/kube-apiserver",
    "kube-controller-manager": "k8s.io/kubernetes/cmd/kube-controller-manager",
    kwok: "sigs.k8s.io/kwok/cmd/kwok",
  },
  files: { "kwok-stages.yaml": copyStages },
};

const olderKubectl: GoModule = {
  directory: join(import.meta.dirname, "kubectl-older"),
  programs: { "kubectl-older": "k8s.io/kubernetes/cmd/kubectl" },
};

/** Paths of the programs of a control plane, and of kwok's own Stages in one file. */
export interface Binaries {
  readonly kubeApiserver: string;
  readonly kubeControllerManager: string;
  readonly kubectl: string;
  readonly etcd: string;
  readonly kwok: string;
  readonly kwokStages: string;
}

/**
 * The programs of a control plane: those in KUBEBUILDER_ASSETS where that is set and has them, the others built
 * from the sources that go.mod pins. The first build takes minutes, and `progress` is told how it goes; what is
 * built is kept outside the checkout. One process builds, others wait for it. Rejects when there is no fitting Go.
 */
export const binaries = async (progress: Progress = showProgress(process.stderr)): Promise<Binaries> => {
  const path = await built(controlPlane, progress);
  return {
    kubeApiserver: path("kube-apiserver"),
    kubeControllerManager: path("kube-controller-manager"),
    kubectl: path("kubectl"),
    etcd: path("etcd"),
    kwok: path("kwok"),
    kwokStages: path("kwok-stages.yaml"),
  };
};

/** Path of a kubectl two minors older than the control plane; found or built as {@link binaries}, by itself. */
export const kubectlOlder = async (progress: Progress = showProgress(process.stderr)): Promise<string> =>
  (await built(olderKubectl, progress))("kubectl-older");

const probeModule: GoModule = {
  directory: join(import.meta.dirname, "probe"),
  programs: { probe: "." },
  own: true,
};

/** Path of the program that does what controllers do, with client-go itself; built as {@link binaries}, by itself. */
export const probe = async (progress: Progress = showProgress(process.stderr)): Promise<string> =>
  (await built(probeModule, progress))("probe");

const helmModule: GoModule = {
  directory: join(import.meta.dirname, "helm"),
  programs: { helm: "helm.sh/helm/v4/cmd/helm" },
};

/** Path of Helm; found or built as {@link binaries}, by itself. */
export const helm = async (progress: Progress = showProgress(process.stderr)): Promise<string> =>
  (await built(helmModule, progress))("helm");

if (import.meta.main) {
  const { kwokStages } = await binaries();
  console.log(dirname(kwokStages));
}

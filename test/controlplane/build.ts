import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { claim, claimant, release } from "./claim.ts";
import { go, moduleDirectory, requireGo } from "./go.ts";
import { type Progress, showProgress } from "./progress.ts";

const programs = {
  etcd: "go.etcd.io/etcd/server/v3",
  kubectl: "k8s.io/kubernetes/cmd/kubectl",
  "kube-apiserver": "k8s.io/kubernetes/cmd/kube-apiserver",
  "kube-controller-manager": "k8s.io/kubernetes/cmd/kube-controller-manager",
  kwok: "sigs.k8s.io/kwok/cmd/kwok",
};

const kwokModule = "sigs.k8s.io/kwok";
const stageFiles = [
  "node/fast/node-initialize.yaml",
  "node/heartbeat-with-lease/node-heartbeat-with-lease.yaml",
  "pod/fast/pod-ready.yaml",
  "pod/fast/pod-complete.yaml",
  "pod/fast/pod-delete.yaml",
];

/** Paths of the programs of a control plane, and of kwok's own Stages in one file. */
export interface Binaries {
  readonly kubeApiserver: string;
  readonly kubeControllerManager: string;
  readonly kubectl: string;
  readonly etcd: string;
  readonly kwok: string;
  readonly kwokStages: string;
}

interface Plan {
  readonly goVersion: string;
  readonly flags: readonly string[];
  /** Where what is built is kept, by what it is built from. */
  readonly cache: string;
}

const inGoMod = (goMod: string, pattern: RegExp, what: string): RegExpMatchArray => {
  const match = goMod.match(pattern);
  if (match === null) throw new Error(`${moduleDirectory}/go.mod names no ${what}`);
  return match;
};

const plan = (): Plan => {
  const goMod = readFileSync(join(moduleDirectory, "go.mod"), "utf8");
  const goSum = readFileSync(join(moduleDirectory, "go.sum"), "utf8");
  const [, goVersion = ""] = inGoMod(goMod, /^go (\S+)$/m, "Go version");
  const [, version, major, minor] = inGoMod(
    goMod,
    /k8s\.io\/kubernetes (v(\d+)\.(\d+)\.\d+)/,
    "k8s.io/kubernetes",
  );
  const stamps = { gitVersion: version, gitMajor: major, gitMinor: minor, gitTreeState: "clean" };
  const stamp = Object.entries(stamps).map(
    ([name, value]) => `-X k8s.io/component-base/version.${name}=${value}`,
  );
  const flags = ["-mod=readonly", "-trimpath", "-buildvcs=false", "-ldflags", ["-s -w", ...stamp].join(" ")];
  const hash = createHash("sha256").update(
    [goMod, goSum, ...flags, process.platform, process.arch].join("\0"),
  );
  const caches = process.env["XDG_CACHE_HOME"] || join(homedir(), ".cache");
  return { goVersion, flags, cache: join(caches, "hoop-kubernetes", "controlplane", hash.digest("hex")) };
};

const provided = (name: string): string | undefined => {
  const assets = process.env["KUBEBUILDER_ASSETS"];
  const path = assets ? join(assets, name) : undefined;
  return path !== undefined && existsSync(path) ? path : undefined;
};

const located = (cache: string): Binaries => {
  const path = (name: string): string => provided(name) ?? join(cache, name);
  return {
    kubeApiserver: path("kube-apiserver"),
    kubeControllerManager: path("kube-controller-manager"),
    kubectl: path("kubectl"),
    etcd: path("etcd"),
    kwok: path("kwok"),
    kwokStages: join(cache, "kwok-stages.yaml"),
  };
};

const missing = (binaries: Binaries): boolean => Object.values(binaries).some((path) => !existsSync(path));

/** How many packages of a program Go has yet to compile, which downloads their sources where needed. */
const stalePackages = async (
  name: string,
  flags: readonly string[],
  say: (what: string) => void,
): Promise<number> => {
  let downloads = 0;
  const format = "{{if .Stale}}{{.ImportPath}}{{end}}";
  const packages = await go(["list", ...flags, "-deps", "-f", format, name], (line) => {
    if (line.startsWith("go: downloading")) say(`downloading sources, ${++downloads} modules so far`);
  });
  return packages.split("\n").filter((line) => line !== "").length;
};

const build = async (
  name: string,
  path: string,
  { flags, cache }: Plan,
  { title, progress }: { title: string; progress: Progress },
): Promise<void> => {
  const started = Date.now();
  let doing = "looking";
  const say = (what: string): void => {
    doing = what;
  };
  const tell = (): void => progress(`${title}: ${doing}, ${Math.round((Date.now() - started) / 1000)} s`);
  const ticker = setInterval(tell, 1_000);
  tell();
  try {
    const total = await stalePackages(path, flags, say);
    let compiled = 0;
    const output = join(cache, `unfinished-${process.pid}`, name);
    await go(["build", ...flags, "-v", "-o", output, path], (line) => {
      if (!line.startsWith("go: ") && !line.startsWith("#")) compiled++;
      // The last package of all is the program itself, and linking it takes a while.
      say(compiled < total ? `${compiled} of ${total} packages` : "linking");
    });
    await rename(output, join(cache, name));
    say("built");
    tell();
  } finally {
    clearInterval(ticker);
  }
};

const copyStages = async (file: string): Promise<void> => {
  const answer = JSON.parse(await go(["mod", "download", "-json", kwokModule])) as { Dir: string };
  const stages = stageFiles.map((name) => readFile(join(answer.Dir, "kustomize", "stage", name), "utf8"));
  const unfinished = `${file}.${process.pid}`;
  await writeFile(unfinished, (await Promise.all(stages)).join("\n---\n"));
  await rename(unfinished, file);
};

const buildMissing = async (plan: Plan, progress: Progress): Promise<void> => {
  await requireGo(plan.goVersion);
  for (const left of await readdir(plan.cache))
    if (left.startsWith("unfinished-")) await rm(join(plan.cache, left), { recursive: true });
  const wanted = Object.entries(programs).filter(
    ([name]) => provided(name) === undefined && !existsSync(join(plan.cache, name)),
  );
  for (const [index, [name, path]] of wanted.entries())
    await build(name, path, plan, { title: `building ${name} (${index + 1} of ${wanted.length})`, progress });
  await rm(join(plan.cache, `unfinished-${process.pid}`), { recursive: true, force: true });
  const { kwokStages } = located(plan.cache);
  if (!existsSync(kwokStages)) await copyStages(kwokStages);
};

/**
 * The programs of a control plane: those in KUBEBUILDER_ASSETS where that is set and has them, the others built
 * from the sources that go.mod pins. The first build takes minutes, and `progress` is told how it goes; what is
 * built is kept outside the checkout. One process builds, others wait for it. Rejects when there is no fitting Go.
 */
export const binaries = async (progress: Progress = showProgress(process.stderr)): Promise<Binaries> => {
  const wanted = plan();
  const found = located(wanted.cache);
  if (!missing(found)) return found;
  await mkdir(wanted.cache, { recursive: true });
  const lock = join(wanted.cache, "lock");
  while (!(await claim(lock))) {
    progress(`waiting for another build of the control plane: process ${await claimant(lock)}, ${lock}`);
    await delay(1_000);
  }
  try {
    if (missing(found)) await buildMissing(wanted, progress);
  } finally {
    await release(lock);
  }
  return found;
};

if (import.meta.main) {
  await binaries();
  console.log(plan().cache);
}

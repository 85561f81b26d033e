import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { mkdir, readdir, rename, rm } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { claim, claimant, release } from "./claim.ts";
import { go, requireGo } from "./go.ts";
import type { Progress } from "./progress.ts";

/** A Go module that pins k8s.io/kubernetes or its client, and what of it is wanted. */
export interface GoModule {
  /** The folder of its go.mod. */
  readonly directory: string;
  /** The main packages, by the names the programs get. */
  readonly programs: Readonly<Record<string, string>>;
  /** Whether the folder has Go files of its own, which use the client; otherwise go.mod alone says what it is. */
  readonly own?: boolean;
  /** What else is made of its sources: file names in the cache, and how. */
  readonly files?: Readonly<Record<string, (file: string) => Promise<void>>>;
}

interface Plan extends GoModule {
  readonly goVersion: string;
  readonly flags: readonly string[];
  /** Where what is built is kept, by what it is built from. */
  readonly cache: string;
}

const inGoMod = (goMod: string, pattern: RegExp, what: string): RegExpMatchArray => {
  const match = goMod.match(pattern);
  if (match === null) throw new Error(`go.mod names no ${what}`);
  return match;
};

const ownSources = ({ directory, own }: GoModule): string[] =>
  own === true
    ? readdirSync(directory)
        .filter((name) => name.endsWith(".go"))
        .sort()
        .map((name) => readFileSync(join(directory, name), "utf8"))
    : [];

const plan = (module: GoModule): Plan => {
  const goMod = readFileSync(join(module.directory, "go.mod"), "utf8");
  const goSum = readFileSync(join(module.directory, "go.sum"), "utf8");
  const [, goVersion = ""] = inGoMod(goMod, /^go (\S+)$/m, "Go version");
  const [, version, major, minor] = inGoMod(
    goMod,
    // Whoever builds Kubernetes itself names its client, too.
    goMod.includes("k8s.io/kubernetes ")
      ? /k8s\.io\/kubernetes (v(\d+)\.(\d+)\.\d+)/
      : /k8s\.io\/client-go (v(\d+)\.(\d+)\.\d+)/,
    "version of Kubernetes",
  );
  const stamps = { gitVersion: version, gitMajor: major, gitMinor: minor, gitTreeState: "clean" };
  const stamp = Object.entries(stamps).map(
    ([name, value]) => `-X k8s.io/component-base/version.${name}=${value}`,
  );
  const flags = ["-mod=readonly", "-trimpath", "-buildvcs=false", "-ldflags", ["-s -w", ...stamp].join(" ")];
  const hash = createHash("sha256").update(
    [goMod, goSum, ...flags, process.platform, process.arch, ...ownSources(module)].join("\0"),
  );
  const caches = process.env["XDG_CACHE_HOME"] || join(homedir(), ".cache");
  const cache = join(caches, "hoop-kubernetes", "controlplane", hash.digest("hex"));
  return { ...module, goVersion, flags, cache };
};

const provided = (name: string): string | undefined => {
  const assets = process.env["KUBEBUILDER_ASSETS"];
  const path = assets ? join(assets, name) : undefined;
  return path !== undefined && existsSync(path) ? path : undefined;
};

/** How many packages of a program Go has yet to compile, which downloads their sources where needed. */
const stalePackages = async (
  { directory, flags }: Plan,
  path: string,
  say: (what: string) => void,
): Promise<number> => {
  let downloads = 0;
  const format = "{{if .Stale}}{{.ImportPath}}{{end}}";
  const packages = await go(directory, ["list", ...flags, "-deps", "-f", format, path], (line) => {
    if (line.startsWith("go: downloading")) say(`downloading sources, ${++downloads} modules so far`);
  });
  return packages.split("\n").filter((line) => line !== "").length;
};

const build = async (
  name: string,
  path: string,
  plan: Plan,
  { title, progress }: { title: string; progress: Progress },
): Promise<void> => {
  const { directory, flags, cache } = plan;
  const started = Date.now();
  let doing = "looking";
  const say = (what: string): void => {
    doing = what;
  };
  const tell = (): void => progress(`${title}: ${doing}, ${Math.round((Date.now() - started) / 1000)} s`);
  const ticker = setInterval(tell, 1_000);
  tell();
  try {
    const total = await stalePackages(plan, path, say);
    let compiled = 0;
    const output = join(cache, `unfinished-${process.pid}`, name);
    await go(directory, ["build", ...flags, "-v", "-o", output, path], (line) => {
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

const buildMissing = async (plan: Plan, progress: Progress): Promise<void> => {
  await requireGo(plan.directory, plan.goVersion);
  for (const left of await readdir(plan.cache))
    if (left.startsWith("unfinished-")) await rm(join(plan.cache, left), { recursive: true });
  const wanted = Object.entries(plan.programs).filter(
    ([name]) => provided(name) === undefined && !existsSync(join(plan.cache, name)),
  );
  for (const [index, [name, path]] of wanted.entries())
    await build(name, path, plan, { title: `building ${name} (${index + 1} of ${wanted.length})`, progress });
  await rm(join(plan.cache, `unfinished-${process.pid}`), { recursive: true, force: true });
  for (const [name, make] of Object.entries(plan.files ?? {})) {
    const file = join(plan.cache, name);
    if (existsSync(file)) continue;
    await make(`${file}.${process.pid}`);
    await rename(`${file}.${process.pid}`, file);
  }
};

/**
 * Finds where each program and file of the module is: in KUBEBUILDER_ASSETS where that is set and has it, else
 * built from the pinned sources and kept outside the checkout. One process builds, others wait for it. Rejects
 * when there is no fitting Go.
 */
export const built = async (module: GoModule, progress: Progress): Promise<(name: string) => string> => {
  const wanted = plan(module);
  const path = (name: string): string => provided(name) ?? join(wanted.cache, name);
  const names = [...Object.keys(module.programs), ...Object.keys(module.files ?? {})];
  const missing = (): boolean => names.some((name) => !existsSync(path(name)));
  if (!missing()) return path;
  await mkdir(wanted.cache, { recursive: true });
  const lock = join(wanted.cache, "lock");
  while (!(await claim(lock))) {
    progress(`waiting for another build of the control plane: process ${await claimant(lock)}, ${lock}`);
    await delay(1_000);
  }
  try {
    if (missing()) await buildMissing(wanted, progress);
  } finally {
    await release(lock);
  }
  return path;
};

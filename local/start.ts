/** `npm start`: the main job on this machine, with embedded defaults. */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { guarded } from "#controlplane/guard.ts";
import { showProgress } from "#controlplane/progress.ts";
import { type Installation, install } from "./installation.ts";
import { START_HELP, startOptions } from "./options.ts";
import { type Layout, layout } from "./state-directory.ts";
import { printStatus, whatRuns } from "./status.ts";
import { printLeft, printTour } from "./tour.ts";

async function main(): Promise<number> {
  // Keys, credentials and the store: nothing of it is for other users of this machine.
  process.umask(0o077);
  const options = startOptions(process.argv.slice(2));
  const state = layout(options.state);
  if (options.mode === "help") {
    process.stdout.write(START_HELP);
    return 0;
  }
  const running = await whatRuns(state);
  if (options.mode === "status") return printStatus(state, running);
  if (running.missing.length === 0) {
    console.log(`Hoop already runs in ${state.directory} (npm start -- --status tells, npm stop ends it).`);
    return 0;
  }
  const alive = running.components.filter(({ pid }) => pid !== undefined).map(({ name }) => name);
  if (alive.length > 0) console.log(`Bringing back ${running.missing.join(", ")} in ${state.directory}.`);
  const show = showProgress(process.stdout);
  const say = (line: string) => {
    // The control plane says so of everything that it makes sure of.
    if (options.mode !== "detach" || !alive.some((name) => line === `starting ${name}`)) show(`· ${line}`);
  };
  const lifetime = options.mode === "detach" ? "detached" : "parent";
  const installation = await install(state, lifetime, options.kubeconfig, say);
  await printTour(state, installation);
  if (options.mode === "foreground") return follow(installation, state);
  const where = options.state === ".hoop" ? "" : ` -- --state ${options.state}`;
  console.log(`\nRunning in the background. End it with: npm stop${where}`);
  return 0;
}

/** Shows holds and decisions until a signal, then stops everything. */
async function follow(installation: Installation, state: Layout): Promise<number> {
  console.log("\nHolds and decisions, live (Ctrl-C stops everything):\n");
  const stopWatching = await watchLive(installation, state);
  const why = await new Promise<{ signal: string } | { ended: string }>((resolve) => {
    // Not once: npm passes on what the terminal has sent us already, and the second must not end us halfway.
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const)
      process.on(signal, () => resolve({ signal }));
    void installation.ended.then((ended) => resolve({ ended }));
  });
  stopWatching();
  const reason =
    "signal" in why ? "" : `${why.ended} has ended (see ${join(state.logs, `${why.ended}.log`)}). `;
  console.log(`\n${reason}Stopping…`);
  await installation.stop();
  console.log("Stopped. The data is kept for the next start.");
  if (installation.foreign) printLeft(installation.humanKubeconfig);
  return "signal" in why ? 0 : 1;
}

/** Runs `kubectl hoop pending -w`, which Ctrl-C does not reach and which does not outlive this process. */
async function watchLive(installation: Installation, state: Layout): Promise<() => void> {
  await mkdir(state.pids, { recursive: true });
  const child = guarded([join(state.bin, "kubectl-hoop"), "pending", "-w"], join(state.pids, "live.pid"), {
    cwd: state.directory,
    env: {
      ...(process.env as Record<string, string>),
      KUBECONFIG: installation.humanKubeconfig,
      PATH: installation.path,
    },
    log: process.stdout.fd,
  });
  let wanted = true;
  child.once("exit", () => {
    if (wanted) console.log("This view has ended; Hoop runs on. To look again: kubectl hoop pending -w");
  });
  return () => {
    wanted = false;
    // The guard leads a group: itself, the plugin, and the kubectl of the plugin.
    if (child.pid !== undefined && child.exitCode === null) process.kill(-child.pid, "SIGTERM");
  };
}

try {
  process.exitCode = await main();
} catch (error) {
  console.error(`npm start: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
}
// Timers of a stopped control plane's clients must not keep the process.
if (process.exitCode !== undefined) process.exit();

/** `npm start`: the main job on this machine, with embedded defaults. */
import { spawn } from "node:child_process";
import { join } from "node:path";
import { type Installation, install } from "./installation.ts";
import { START_HELP, startOptions } from "./options.ts";
import { layout } from "./state-directory.ts";
import { printStatus, whatRuns } from "./status.ts";
import { printTour } from "./tour.ts";

async function main(): Promise<number> {
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
  const lifetime = options.mode === "detach" ? "detached" : "parent";
  const installation = await install(state, lifetime, options.kubeconfig, (line) => console.log(`· ${line}`));
  await printTour(state, installation);
  if (options.mode === "detach") {
    console.log(
      `\nRunning in the background. End it with: npm stop${options.state === ".hoop" ? "" : ` -- --state ${options.state}`}`,
    );
    return 0;
  }
  return follow(installation, join(state.bin, "kubectl-hoop"));
}

/** Shows holds and decisions until a signal, then stops everything. */
async function follow(installation: Installation, plugin: string): Promise<number> {
  console.log("\nHolds and decisions, live (Ctrl-C stops everything):\n");
  const env = { ...process.env, KUBECONFIG: installation.humanKubeconfig, PATH: installation.path };
  const child = spawn(plugin, ["pending", "-w"], {
    env,
    stdio: ["ignore", "inherit", "inherit"],
    detached: true,
  });
  const ended = new Promise<string>((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const)
      process.once(signal, () => resolve(signal));
    void installation.ended.then(resolve);
  });
  const why = await ended;
  child.kill("SIGTERM");
  console.log(`\n${why.startsWith("SIG") ? "Stopping" : `${why}; stopping`}…`);
  await installation.stop();
  console.log("Stopped. The data is kept for the next start.");
  return why.startsWith("SIG") ? 0 : 1;
}

try {
  process.exitCode = await main();
} catch (error) {
  console.error(`npm start: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
}
// Timers of a stopped control plane's clients must not keep the process.
if (process.exitCode !== undefined) process.exit();

/** `npm stop`: ends what `npm start` left running. The data stays. */
import { stopControlPlane } from "#controlplane/leftovers.ts";
import { STOP_HELP, stopOptions } from "./options.ts";
import { layout, remembered } from "./state-directory.ts";
import { whatRuns } from "./status.ts";
import { printLeft } from "./tour.ts";

async function main(): Promise<void> {
  const options = stopOptions(process.argv.slice(2));
  if (options.mode === "help") return void process.stdout.write(STOP_HELP);
  const state = layout(options.state);
  const { components } = await whatRuns(state);
  const running = components.filter(({ pid }) => pid !== undefined).map(({ name }) => name);
  if (running.length === 0) return console.log(`Nothing runs in ${state.directory}.`);
  // Hoop first: it drains while the API server still answers.
  await stopControlPlane(state.directory);
  await stopControlPlane(state.controlplane);
  console.log(`Stopped ${running.join(", ")}. The data in ${state.directory} is kept.`);
  const foreign = (await remembered(state))?.foreign;
  if (foreign !== undefined) printLeft(foreign.kubeconfig);
}

try {
  await main();
} catch (error) {
  console.error(`npm stop: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
}
process.exit();

/** `npm stop`: ends what `npm start -- --detach` left running. The data stays. */
import { parseArgs } from "node:util";
import { stopControlPlane } from "#controlplane/leftovers.ts";
import { layout } from "./state-directory.ts";
import { whatRuns } from "./status.ts";

const { values } = parseArgs({ options: { state: { type: "string", default: ".hoop" } } });
const state = layout(values.state);
const before = await whatRuns(state);
const running = before.components.filter(({ pid }) => pid !== undefined);
if (running.length === 0) {
  console.log(`Nothing runs in ${state.directory}.`);
} else {
  // Hoop first: it drains while the API server still answers.
  await stopControlPlane(state.directory);
  await stopControlPlane(state.controlplane);
  console.log(
    `Stopped ${running.map(({ name }) => name).join(", ")}. The data in ${state.directory} is kept.`,
  );
}
process.exit();

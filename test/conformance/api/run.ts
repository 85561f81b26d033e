/**
 * The oracle for as long as one likes: `node test/conformance/api/run.ts [--seed N] [--sequences N] [--steps N]`.
 * `--itself` compares the CustomResourceDefinition with another one like it: whatever differs then is the oracle's fault.
 * `--survey` lists what differs by kind, and shortens nothing; `--sqlite FILE` is where our objects are then kept.
 */
import { memoryStore } from "#store/memory.ts";
import { sqliteStore } from "#store/sqlite.ts";
import { serveBehind } from "../../support/kit-api.ts";
import { optionsOf } from "../../support/options.ts";
import { gadgets, OUR_GROUP } from "./gadget.ts";
import { defineTwin, type Oracle, startOracle } from "./oracle.ts";
import { agreeOnSequences } from "./sequences.ts";
import { survey } from "./survey.ts";

const HELP = `npm run conformance -- [OPTION…]

  --seed N       of the sequences (another one each time)
  --sequences N  (200)
  --steps N      of each (40)
  --itself       compares a CustomResourceDefinition with another one like it
  --survey       lists what differs by kind, and shortens nothing
  --sqlite FILE  where our objects are kept (in memory)
`;

const values = optionsOf(HELP, {
  seed: { type: "string" },
  sequences: { type: "string", default: "200" },
  steps: { type: "string", default: "40" },
  itself: { type: "boolean", default: false },
  survey: { type: "boolean", default: false },
  sqlite: { type: "string" },
});

const seed = values.seed === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(values.seed);
const oracle = await (values.itself ? startItself() : startOurs());
try {
  console.log(`--seed ${seed}`);
  const started = Date.now();
  const options = { seed, sequences: Number(values.sequences), steps: Number(values.steps) };
  if (values.survey) console.log(await survey(oracle, options));
  else console.log(`${await agreeOnSequences(oracle, options)} steps agreed`);
  console.log(`${Math.round((Date.now() - started) / 1000)} s`);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
} finally {
  await oracle.close();
}

function startItself(): Promise<Oracle> {
  return startOracle("same.example.com", async (plane) => {
    await defineTwin(plane, "same.example.com");
    return async () => {};
  });
}

function startOurs(): Promise<Oracle> {
  return startOracle(OUR_GROUP, async (plane) => {
    const store = values.sqlite === undefined ? memoryStore() : await sqliteStore(values.sqlite);
    const api = await serveBehind(plane, [gadgets(store)]);
    return async () => {
      await api.close();
      await store.close();
    };
  });
}

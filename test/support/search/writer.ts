/** A process that makes a search index until it is killed: `FILE ENTRIES`. Says so when it begins. */
import { searchIndex } from "#search/index.ts";
import { clock } from "../../../system.ts";
import { ledgerOf, listener } from "../search.ts";

const [file = "", entries = "0"] = process.argv.slice(2);
const store = await ledgerOf(Number(entries));
const index = searchIndex({ store, clock, log: listener().log }, { file });
process.stdout.write("begun\n");
// Some more, and erasures, for as long as it lives.
for (let before = await index.behind(); ; before = await index.behind()) {
  if (before === 0) process.stdout.write("made\n");
  await clock.sleep(5);
}

/** A process that makes a search index until it is killed: `FILE ENTRIES`. Says so when it begins. */
import { searchIndex } from "#search/index.ts";
import { clock } from "../../../system.ts";
import { EVERYTHING, ledgerOf, listener } from "../search.ts";

const [file = "", entries = "0"] = process.argv.slice(2);
const store = await ledgerOf(Number(entries));
const index = searchIndex({ store, clock, log: listener().log }, { file });
process.stdout.write("begun\n");
for (;;) {
  const { outcome } = await index.find(EVERYTHING, { from: 0, end: 1, limit: 1, newest: false });
  if (outcome === "found") process.stdout.write("made\n");
  await clock.sleep(5);
}

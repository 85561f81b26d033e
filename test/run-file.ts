/** Test files; tells the process that started this how they went. */
import { runFiles } from "./run-files.ts";

const total = await runFiles(process.argv.slice(2));
process.send?.(total, () => process.exit(total.failures.length === 0 ? 0 : 1));

/** One test file; tells the process that started this how it went. */
import { runFiles } from "./run-files.ts";

const [file = ""] = process.argv.slice(2);
const total = await runFiles([file]);
process.send?.(total, () => process.exit(total.failures.length === 0 ? 0 : 1));

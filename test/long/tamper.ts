/**
 * Alters databases, published directories and exports at random, TAMPER_RUNS times each (10,000 unless set), and fails
 * where `kubectl hoop verify` does not find it.
 */
import { runFiles } from "../run-files.ts";

const runs = process.env["TAMPER_RUNS"] ?? "10000";
process.env["LEDGER_TAMPER_RUNS"] = runs;
process.env["EXPORT_TAMPER_RUNS"] = runs;

const { failures } = await runFiles([
  "test/property/ledger-tamper.test.ts",
  "test/property/export-tamper.test.ts",
]);
process.exit(failures.length === 0 ? 0 : 1);

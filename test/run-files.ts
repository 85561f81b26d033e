/** Test files in this process. */
import { relative } from "node:path";
import Mocha from "mocha";

export interface Total {
  passed: number;
  /** The title of each that failed, its file, and what it said. */
  failures: string[];
}

/** Milliseconds. Only what hangs takes longer, however slow and busy the machine. */
const LONG_ENOUGH = 600_000;

/** Of what a failed test said; all of it is printed where it ran. */
const SAID_LINES = 6;

/** A test file's own limits are for whoever runs it by hand. */
function giveTime(one: Mocha.Runnable): void {
  one.timeout(Math.max(one.timeout(), LONG_ENOUGH));
}

function failure(test: Mocha.Runnable, error: Error): string {
  const said = (error.stack ?? String(error)).split("\n").slice(0, SAID_LINES);
  const file = test.file === undefined ? "" : ` (${relative(process.cwd(), test.file)})`;
  return `${test.fullTitle()}${file}\n${said.join("\n").replace(/^/gm, "  ")}`;
}

export async function runFiles(files: readonly string[]): Promise<Total> {
  const mocha = new Mocha({
    timeout: LONG_ENOUGH,
    slow: 10_000,
    checkLeaks: true,
    forbidOnly: true,
    forbidPending: true,
  });
  for (const file of files) mocha.addFile(file);
  await mocha.loadFilesAsync();
  const failures: string[] = [];
  return new Promise((done) => {
    const runner = mocha.run(() => done({ passed: runner.stats?.passes ?? 0, failures }));
    runner.on("test", giveTime).on("hook", giveTime);
    runner.on("fail", (test, error) => failures.push(failure(test, error)));
  });
}

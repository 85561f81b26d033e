/** Test files in this process. */
import Mocha from "mocha";

export interface Total {
  passed: number;
  failed: number;
}

/** Milliseconds. Only what hangs takes longer, however slow and busy the machine. */
const LONG_ENOUGH = 600_000;

/** A test file's own limits are for whoever runs it by hand. */
function giveTime(one: Mocha.Runnable): void {
  one.timeout(Math.max(one.timeout(), LONG_ENOUGH));
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
  return new Promise((done) => {
    const runner = mocha.run((failed) => done({ passed: runner.stats?.passes ?? 0, failed }));
    runner.on("test", giveTime).on("hook", giveTime);
  });
}

/** Test files in this process. */
import Mocha from "mocha";

export interface Total {
  passed: number;
  failed: number;
}

export async function runFiles(files: readonly string[]): Promise<Total> {
  const mocha = new Mocha({
    timeout: 120_000,
    slow: 10_000,
    checkLeaks: true,
    forbidOnly: true,
    forbidPending: true,
  });
  for (const file of files) mocha.addFile(file);
  await mocha.loadFilesAsync();
  return new Promise((done) => {
    const runner = mocha.run((failed) => done({ passed: runner.stats?.passes ?? 0, failed }));
  });
}

/**
 * `npm test`: types, lint and dead code, then every test: first those that need no cluster, then those on real
 * control planes. `npm test -- PATH…` runs only the test files whose path contains one of these.
 * The last line is `N passed, N failed`.
 */
import { spawn } from "node:child_process";
import { readdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { text } from "node:stream/consumers";
import Mocha from "mocha";
import { binaries } from "#controlplane/build.ts";

const ROOT = resolve(import.meta.dirname, "..");

interface Total {
  passed: number;
  failed: number;
}

const CHECKS: readonly [string, readonly string[]][] = [
  ["types", ["tsc", "--noEmit"]],
  ["lint and format", ["biome", "check", "--error-on-warnings", "."]],
  ["dead code", ["knip"]],
];

const SUITES: readonly [string, readonly string[]][] = [
  ["without a cluster", ["architecture.test.ts", "unit", "property", "conformance"]],
  ["on real control planes", ["cluster"]],
];

async function check(name: string, [program = "", ...args]: readonly string[]): Promise<boolean> {
  const child = spawn(join(ROOT, "node_modules", ".bin", program), args, {
    cwd: ROOT,
    stdio: ["ignore", "pipe", "pipe"],
  });
  const code = new Promise<number>((done, fail) => {
    child.once("error", fail);
    child.once("close", (status) => done(status ?? 1));
  });
  const [output, errors] = await Promise.all([text(child.stdout), text(child.stderr)]);
  const passed = (await code) === 0;
  console.log(`  ${passed ? "✔" : "✘"} ${name}`);
  if (!passed) console.log(`${output}${errors}`.replace(/^/gm, "    "));
  return passed;
}

function testFiles(path: string): string[] {
  if (path.endsWith(".ts")) return [join(ROOT, "test", path)];
  return readdirSync(join(ROOT, "test", path), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".test.ts"))
    .sort()
    .map((name) => join(ROOT, "test", path, name));
}

async function suite(name: string, files: readonly string[]): Promise<Total> {
  if (files.length === 0) return { passed: 0, failed: 0 };
  console.log(`\n${name}: ${files.length} files`);
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

async function main(): Promise<Total> {
  const wanted = process.argv.slice(2);
  const isWanted = (file: string) => wanted.length === 0 || wanted.some((part) => file.includes(part));
  const total: Total = { passed: 0, failed: 0 };
  if (wanted.length === 0) {
    console.log("checks");
    const results = await Promise.all(CHECKS.map(([name, command]) => check(name, command)));
    total.passed += results.filter((passed) => passed).length;
    total.failed += results.filter((passed) => !passed).length;
    // The first time on a machine this takes minutes, and says so.
    await binaries();
  }
  for (const [name, paths] of SUITES) {
    const result = await suite(name, paths.flatMap(testFiles).filter(isWanted));
    total.passed += result.passed;
    total.failed += result.failed;
  }
  return total;
}

const { passed, failed } = await main();
console.log(`\n${passed} passed, ${failed} failed`);
process.exit(failed === 0 && passed > 0 ? 0 : 1);

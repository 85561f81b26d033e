/**
 * `npm test`: types, lint and dead code, then every test: first those that need no cluster, then those on real
 * control planes. `npm test -- PATH…` runs only the test files whose path contains one of these. Before the last line,
 * `N passed, N failed`, each failure is told once more.
 *
 * A file on a real control plane that failed runs once more, when all others are done: what passes then is told as
 * flaky, to be mended, and does not count as failed. Tests of what must never happen (`NEVER`, and all that need no
 * cluster) have no second try. `--once` takes it from everyone: for the hunt for flaky tests.
 */
import { spawn } from "node:child_process";
import { readdirSync } from "node:fs";
import { enableCompileCache } from "node:module";
import { join, relative, resolve } from "node:path";
import { text } from "node:stream/consumers";
import { binaries } from "#controlplane/build.ts";
import { runFiles, type Total } from "./run-files.ts";

const ROOT = resolve(import.meta.dirname, "..");

const CHECKS: readonly [string, readonly string[]][] = [
  ["types", ["tsc", "--noEmit"]],
  ["lint and format", ["biome", "check", "--error-on-warnings", "."]],
  ["dead code", ["knip"]],
];

type Run = (name: string, files: readonly string[]) => Promise<Total>;

const SUITES: readonly [string, readonly string[], Run][] = [
  ["without a cluster", ["architecture.test.ts", "unit", "property", "conformance"], suite],
  ["on real control planes", ["cluster"], apart],
];

/** Test files that want the machine for themselves. */
const ALONE = ["chaos", "crash", "floods", "many-holds", "replacement"];
/** Those that search for what must never happen: once is too often. */
const NEVER = ["chaos", "crash"];
const among = (words: readonly string[]) => (file: string) => words.some((word) => file.includes(word));
const isAlone = among(ALONE);
const isNever = among(NEVER);

const ONCE = "--once";

/** What failed once and then passed. */
const flaky: string[] = [];

const none = (): Total => ({ passed: 0, failures: [] });

function add(total: Total, { passed, failures }: Total): void {
  total.passed += passed;
  total.failures.push(...failures);
}

function tell(heading: string, failures: readonly string[]): void {
  if (failures.length === 0) return;
  console.log(`\n${heading}:`);
  for (const one of failures) console.log(one.replace(/^/gm, "  "));
}

/** What Node.js makes of the sources: hundreds of processes read the same ones. */
const COMPILED = join(ROOT, "node_modules", ".cache", "compiled");

const RUN_FILE = join(ROOT, "test", "run-file.ts");

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

/** Half of them here, as they go; the others beside in a process of their own, printed when they are done. */
async function suite(name: string, files: readonly string[]): Promise<Total> {
  console.log(`\n${name}: ${files.length} files`);
  const [here, beside] = [0, 1].map((half) => files.filter((_, at) => at % 2 === half));
  const total = none();
  const totals = [runFiles(here ?? []), ...(beside?.length ? [inProcess("the other half", beside)] : [])];
  for (const one of await Promise.all(totals)) add(total, one);
  return total;
}

/**
 * Each file in a process of its own, two at once: they wait for clusters most of the time. First those that load the
 * machine, or measure what others would load, one after the other.
 */
async function apart(name: string, files: readonly string[]): Promise<Total> {
  console.log(`\n${name}: ${files.length} files, each printed when it is done`);
  const total = none();
  const again: [string, Total][] = [];
  const run = async (file: string) => {
    const result = await inProcess(relative(ROOT, file), [file]);
    const isLast = result.failures.length === 0 || isNever(file) || process.argv.includes(ONCE);
    if (isLast) add(total, result);
    else again.push([file, result]);
  };
  const lane = async (queue: string[]) => {
    for (let file = queue.shift(); file !== undefined; file = queue.shift()) await run(file);
  };
  await lane(files.filter(isAlone));
  const others = files.filter((file) => !isAlone(file));
  await Promise.all([lane(others), lane(others)]);
  for (const [file, first] of again) add(total, await secondTry(file, first));
  return total;
}

async function secondTry(file: string, { failures }: Total): Promise<Total> {
  console.log(`\n${relative(ROOT, file)} failed: once more, alone`);
  const result = await inProcess(relative(ROOT, file), [file]);
  if (result.failures.length === 0) flaky.push(...failures);
  return result;
}

/** Prints what the files printed, and how long they took. */
async function inProcess(name: string, files: readonly string[]): Promise<Total> {
  const started = performance.now();
  const child = spawn(process.execPath, [...process.execArgv, RUN_FILE, ...files], {
    cwd: ROOT,
    env: { ...process.env, NODE_COMPILE_CACHE: COMPILED },
    stdio: ["ignore", "pipe", "pipe", "ipc"],
  });
  let total: Total | undefined;
  child.on("message", (message) => {
    total = message as Total;
  });
  const code = new Promise<number | string>((done) => {
    child.once("close", (status, signal) => done(status ?? signal ?? ""));
  });
  const [output, errors] = await Promise.all(
    [child.stdout, child.stderr].map((stream) => (stream === null ? "" : text(stream))),
  );
  const ended = await code;
  const seconds = Math.round((performance.now() - started) / 1000);
  process.stdout.write(`${output}${errors}\n  ${name}: ${seconds} s\n`);
  if (total !== undefined) return total;
  return { passed: 0, failures: [`${name} ended (${ended}) before its tests did`] };
}

async function main(): Promise<Total> {
  const wanted = process.argv.slice(2).filter((word) => word !== ONCE);
  const isWanted = (file: string) => wanted.length === 0 || wanted.some((part) => file.includes(part));
  const total = none();
  if (wanted.length === 0) {
    console.log("checks");
    const results = await Promise.all(CHECKS.map(([name, command]) => check(name, command)));
    CHECKS.forEach(([name], at) => {
      add(total, results[at] === true ? { passed: 1, failures: [] } : { passed: 0, failures: [name] });
    });
    // The first time on a machine this takes minutes, and says so.
    await binaries();
  }
  for (const [name, paths, run] of SUITES) {
    const files = paths.flatMap(testFiles).filter(isWanted);
    if (files.length === 0) continue;
    add(total, await run(name, files));
  }
  return total;
}

enableCompileCache(COMPILED);
const { passed, failures } = await main();
tell("flaky: failed once, then passed", flaky);
tell("failed", failures);
console.log(`\n${passed} passed, ${failures.length} failed`);
process.exit(failures.length === 0 && passed > 0 ? 0 : 1);

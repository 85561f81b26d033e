/** `kubectl hoop policy test PATH…` and `kubectl hoop policy check PATH…`: without a cluster. */
import { type Ran, runFixture } from "#core/policy/fixture-run.ts";
import type { Context } from "../context.ts";
import { CommandError, errorLine } from "../failure.ts";
import { toJson } from "../json.ts";
import { type Loaded, load } from "../policy/load.ts";
import { counted, problemsText, type TestReport, testJson, testJunit, testText } from "../policy/report.ts";

export interface PolicyTestFlags {
  readonly catalogue: boolean;
  readonly output: "text" | "json" | "junit";
}

export interface PolicyCheckFlags {
  readonly output: "text" | "json";
}

const FAILED = 1;
const UNUSABLE = 2;

const WRITTEN: Readonly<Record<PolicyTestFlags["output"], (report: TestReport) => string>> = {
  text: testText,
  json: testJson,
  junit: testJunit,
};

export function test(this: Context, flags: PolicyTestFlags, ...paths: string[]): Promise<void> {
  return unusableAs2(this, async () => {
    const loaded = await load(paths, flags.catalogue);
    if (loaded.problems.length > 0) {
      this.process.stderr.write(problemsText(loaded.problems));
      return UNUSABLE;
    }
    if (loaded.fixtures.length === 0)
      throw new CommandError(`there is no AgentPolicyTest in ${paths.join(", ")}`);
    const report = await reportOf(loaded);
    this.process.stdout.write(WRITTEN[flags.output](report));
    return report.ran.some(({ failures }) => failures.length > 0) ? FAILED : 0;
  });
}

async function reportOf({ set, fixtures, rules }: Loaded): Promise<TestReport> {
  const ran: Ran[] = [];
  for (const fixture of fixtures) ran.push(await runFixture(set, fixture));
  const fired = new Set(ran.flatMap((one) => one.fired));
  return { ran, untriggered: rules.filter((name) => !fired.has(name)), rules: rules.length };
}

export function check(this: Context, flags: PolicyCheckFlags, ...paths: string[]): Promise<void> {
  return unusableAs2(this, async () => {
    const loaded = await load(paths, true);
    const { problems, warnings, found, profiles, rules, fixtures } = loaded;
    const counts = { policies: found, profiles, rules: rules.length, tests: fixtures.length };
    if (flags.output === "json") this.process.stdout.write(toJson({ ...counts, problems, warnings }));
    else if (problems.length + found + profiles + fixtures.length === 0)
      throw new CommandError(`there is no AgentPolicy and no AgentProfile in ${paths.join(", ")}`);
    else this.process.stdout.write(checkText(loaded));
    return problems.length > 0 ? FAILED : 0;
  });
}

function checkText({ problems, warnings, found, profiles, rules, fixtures }: Loaded): string {
  const odd = warnings.map((one) => ({ ...one, message: `warning: ${one.message}` }));
  if (problems.length > 0) return problemsText([...problems, ...odd]);
  const counts = [
    ...(profiles > 0 && found + fixtures.length === 0
      ? []
      : [
          counted(found, "policy", "policies"),
          counted(rules.length, "rule"),
          counted(fixtures.length, "test"),
        ]),
    ...(profiles === 0 ? [] : [counted(profiles, "profile")]),
    ...(odd.length === 0 ? [] : [counted(odd.length, "warning")]),
  ];
  return `${problemsText(odd)}nothing wrong: ${counts.join(", ")}\n`;
}

/** What cannot be read has an exit code of its own: it is no failed test. */
async function unusableAs2(context: Context, work: () => Promise<number>): Promise<void> {
  try {
    context.process.exitCode = await work();
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    context.process.stderr.write(`${errorLine(error)}\n`);
    context.process.exitCode = UNUSABLE;
  }
}

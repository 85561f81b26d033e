/** What tests of policies came to, for people and for programs. */
import { problemLine, type SourceProblem } from "#core/policy/documents.ts";
import { verdictWord } from "#core/policy/fixture-outcome.ts";
import type { Ran } from "#core/policy/fixture-run.ts";
import { printable } from "#core/printable.ts";
import { toJson } from "../json.ts";
import { tableWriter } from "../table.ts";

export interface TestReport {
  ran: readonly Ran[];
  /** Rules of the files that no test triggers. */
  untriggered: readonly string[];
  /** How many rules the files have. */
  rules: number;
}

const isFailed = ({ failures }: Ran): boolean => failures.length > 0;
const verdictOf = ({ verdict }: Ran): string => (verdict === undefined ? "" : verdictWord(verdict));
const placeOf = ({ fixture: { source, line } }: Ran): string => `${source}:${line}`;

export function testText({ ran, untriggered, rules }: TestReport): string {
  const table = tableWriter<Ran>(
    [
      { header: "RESULT", cell: (one) => (isFailed(one) ? "FAIL" : "ok") },
      { header: "VERDICT", cell: verdictOf },
      { header: "TEST", cell: ({ fixture }) => fixture.name },
      { header: "RULES", cell: ({ fired }) => fired.join(",") },
    ],
    false,
  );
  const failed = ran.filter(isFailed);
  const details = failed.flatMap((one) => [
    "",
    `${placeOf(one)}: ${one.fixture.name}`,
    ...one.failures.map((failure) => `  ${failure}`),
  ]);
  const idle = untriggered.length === 0 ? [] : ["", "Triggered by no test:", ...indented(untriggered)];
  const covered = rules === 0 ? "" : `; ${rules - untriggered.length} of ${rules} rules triggered`;
  const summary = `${counted(ran.length, "test")}, ${failed.length} failed${covered}`;
  return `${table(ran)}${lines([...details, ...idle, "", summary])}`;
}

/** `1 test`, `2 tests`. */
export function counted(count: number, what: string, more = `${what}s`): string {
  return `${count} ${count === 1 ? what : more}`;
}

const indented = (texts: readonly string[]): string[] => texts.map((text) => `  ${text}`);
const lines = (texts: readonly string[]): string => texts.map((text) => `${printable(text)}\n`).join("");

export function testJson({ ran, untriggered, rules }: TestReport): string {
  return toJson({
    tests: ran.map((one) => ({
      name: one.fixture.name,
      file: one.fixture.source,
      line: one.fixture.line,
      passed: !isFailed(one),
      verdict: one.verdict ?? null,
      fired: one.fired,
      failures: one.failures,
    })),
    failed: ran.filter(isFailed).length,
    rules,
    untriggered,
  });
}

/** JUnit's XML, as CI systems read it: a suite for each file. */
export function testJunit({ ran }: TestReport): string {
  const suites = [...Map.groupBy(ran, ({ fixture }) => fixture.source)].map(([file, of]) => {
    const cases = of.map((one) => {
      const head = `<testcase name="${xml(one.fixture.name)}" classname="${xml(file)}" file="${xml(file)}" line="${one.fixture.line}"`;
      if (!isFailed(one)) return `    ${head}/>`;
      const message = one.failures.join("\n");
      return `    ${head}>\n      <failure message="${xml(one.failures[0] ?? "")}">${xml(message)}</failure>\n    </testcase>`;
    });
    const counts = `tests="${of.length}" failures="${of.filter(isFailed).length}" errors="0" skipped="0"`;
    return [`  <testsuite name="${xml(file)}" ${counts}>`, ...cases, "  </testsuite>"].join("\n");
  });
  const counts = `tests="${ran.length}" failures="${ran.filter(isFailed).length}"`;
  return `${['<?xml version="1.0" encoding="UTF-8"?>', `<testsuites name="kubectl hoop policy test" ${counts}>`, ...suites, "</testsuites>"].join("\n")}\n`;
}

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "\n": "&#10;",
};

/** XML cannot say control characters at all, not even as entities. */
function xml(text: string): string {
  return printable(text, { multiline: true }).replace(/[&<>"\n]/g, (character) => ENTITIES[character] ?? "");
}

export function problemsText(problems: readonly SourceProblem[]): string {
  return lines(problems.map(problemLine));
}

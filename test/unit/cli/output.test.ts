import { expect } from "chai";
import fc from "fast-check";
import { parse } from "yaml";
import { duration } from "#kit/duration.ts";
import { age, remaining } from "../../../cli/ages.ts";
import { toJson, toYaml } from "../../../cli/json.ts";
import { tableLines, tableWriter } from "../../../cli/table.ts";

const UNSEEN = /[^\P{C}\n]|[\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/u;
const text = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.constantFrom("\u202e", "a\u200b\n", "\u001b[2J", "\u{e0041}", "yes", "\t", "- x: 1\n"),
);
const value = fc.object({
  key: text,
  values: [text, fc.integer(), fc.boolean(), fc.constant(null)],
  maxDepth: 3,
});

describe("output for scripts", () => {
  it("as JSON is what it was given, and shows nothing that a terminal would act on", () => {
    fc.assert(
      fc.property(value, (given) => {
        const printed = toJson(given);
        expect(JSON.parse(printed)).to.deep.equal(JSON.parse(JSON.stringify(given)));
        expect(printed).not.to.match(UNSEEN);
      }),
    );
  });

  it("as YAML is what it was given, and shows nothing that a terminal would act on", () =>
    fc.assert(
      fc.asyncProperty(value, async (given) => {
        const printed = await toYaml(given);
        expect(parse(printed)).to.deep.equal(JSON.parse(JSON.stringify(given)));
        expect(printed).not.to.match(UNSEEN);
      }),
    ));

  it("as YAML quotes what older parsers would not take for text", async () => {
    expect(await toYaml({ answer: "no", time: "2026-11-21" })).to.equal('answer: "no"\ntime: "2026-11-21"\n');
  });
});

describe("ages", () => {
  const S = 1000;
  const M = 60 * S;
  const H = 60 * M;
  const D = 24 * H;
  // What k8s.io/apimachinery's duration.HumanDuration says.
  const cases: [number, string][] = [
    [-2 * S, "<invalid>"],
    [-1 * S, "0s"],
    [0, "0s"],
    [4.9 * S, "4s"],
    [119 * S, "119s"],
    [2 * M, "2m"],
    [3 * M + 20 * S, "3m20s"],
    [10 * M + 59 * S, "10m"],
    [179 * M, "179m"],
    [3 * H, "3h"],
    [7 * H + 59 * M, "7h59m"],
    [8 * H + 1 * M, "8h"],
    [47 * H, "47h"],
    [2 * D, "2d"],
    [2 * D + 5 * H, "2d5h"],
    [8 * D + 5 * H, "8d"],
    [729 * D, "729d"],
    [730 * D, "2y"],
    [731 * D, "2y1d"],
    [2920 * D, "8y"],
    [4000 * D, "10y"],
    [Number.NaN, "<invalid>"],
  ];
  for (const [milliseconds, says] of cases)
    it(`${milliseconds / S} s is ${says}`, () => expect(duration(milliseconds)).to.equal(says));

  it("are told from and to a time", () => {
    const now = Date.parse("2026-11-21T10:00:00Z");
    expect(age("2026-11-21T09:59:56Z", now)).to.equal("4s");
    expect(remaining("2026-11-21T10:09:52Z", now)).to.equal("9m52s");
    expect(remaining("2026-11-21T10:00:00Z", now)).to.equal("<expired>");
  });
});

describe("a table", () => {
  const columns = [
    { header: "NAME", cell: ([name]: string[]) => name ?? "" },
    { header: "MORE", cell: ([, more]: string[]) => more ?? "", wide: true },
    { header: "AGE", cell: () => "4s" },
  ];

  it("is as wide as its widest cell, and leaves nothing empty", () => {
    expect(tableWriter(columns, false)([["a"], ["grün", "x"], [""]])).to.equal(
      "NAME     AGE\na        4s\ngrün     4s\n<none>   4s\n",
    );
  });

  it("keeps later rows under the first, and escapes what an agent wrote", () => {
    const write = tableWriter(columns, true);
    expect(write([["longer"]])).to.equal("NAME     MORE     AGE\nlonger   <none>   4s\n");
    expect(write([["b", "\n"]])).to.equal("b        \\u{a}    4s\n");
  });

  const long = [
    { header: "NAME", cell: ([name]: string[]) => name ?? "" },
    { header: "WHAT", cell: ([, what]: string[]) => what ?? "", flows: true },
    { header: "ANSWER", cell: ([, , answer]: string[]) => answer ?? "", flows: true },
  ];
  const rows = [
    ["a", "list pods", "200"],
    ["b", "exec pods/web -- sh -c 'echo one two three'", "allowed"],
    ["c", `get /${"x".repeat(40)}`, ""],
  ];
  const BROKEN = {
    "not at all where nobody looks": [
      undefined,
      [
        "NAME   WHAT                                            ANSWER",
        "a      list pods                                       200",
        "b      exec pods/web -- sh -c 'echo one two three'     allowed",
        `c      get /${"x".repeat(40)}   <none>`,
      ],
    ],
    "below its column, where it is too long": [
      40,
      [
        "NAME   WHAT        ANSWER",
        "a      list pods   200",
        "b      exec pods/web -- sh -c 'echo one",
        "         two three'",
        "       → allowed",
        `c      get /${"x".repeat(28)}`,
        `         ${"x".repeat(12)}`,
      ],
    ],
    "below all columns, where there is no room beside them": [
      36,
      [
        "NAME",
        "      WHAT   ANSWER",
        "a",
        "      list pods   200",
        "b",
        "      exec pods/web -- sh -c 'echo one",
        "        two three'",
        "      → allowed",
        "c",
        `      get /${"x".repeat(27)}`,
        `        ${"x".repeat(13)}`,
      ],
    ],
  } as const;
  for (const [how, [width, lines]] of Object.entries(BROKEN))
    it(`breaks what is long ${how}`, () => {
      const table = tableLines(long, { width: () => width });
      expect(table(rows).join("\n").split("\n")).to.deep.equal(lines);
    });
});

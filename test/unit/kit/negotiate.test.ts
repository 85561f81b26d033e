import { expect } from "chai";
import { duration as age } from "#kit/duration.ts";
import { acceptClauses } from "#kit/negotiate.ts";

describe("Accept", () => {
  const cases: Record<string, [accept: string, types: string[]]> = {
    "keeps the client's order": ["application/json, text/plain", ["application/json", "text/plain"]],
    "puts more weight first": [
      "text/plain;q=0.1, application/json;q=0.9",
      ["application/json", "text/plain"],
    ],
    "puts wildcards last": [
      "*/*, application/*, application/json",
      ["application/json", "application/*", "*/*"],
    ],
    "is not deceived by case and space": [" Application/JSON ;q=1", ["application/json"]],
    "of nothing asks for nothing": ["", []],
  };
  for (const [name, [accept, types]] of Object.entries(cases)) {
    it(name, () => {
      expect(acceptClauses(accept).map(({ type }) => type)).to.deep.equal(types);
    });
  }

  it("tells what objects are to be converted to, in any order of parameters", () => {
    const [clause] = acceptClauses('application/json; v="v1" ;as=Table;g=meta.k8s.io;pretty=1');
    expect(clause).to.deep.equal({
      type: "application/json",
      conversion: { group: "meta.k8s.io", version: "v1", kind: "Table" },
      pretty: true,
      stream: "",
    });
  });
});

describe("ages", () => {
  const MINUTE = 60_000;
  const HOUR = 60 * MINUTE;
  const DAY = 24 * HOUR;
  const cases: [milliseconds: number, shown: string][] = [
    [-5000, "<invalid>"],
    [-1500, "0s"],
    [0, "0s"],
    [119_000, "119s"],
    [2 * MINUTE, "2m"],
    [3 * MINUTE + 5000, "3m5s"],
    [10 * MINUTE + 5000, "10m"],
    [3 * HOUR, "3h"],
    [7 * HOUR + 5 * MINUTE, "7h5m"],
    [47 * HOUR, "47h"],
    [48 * HOUR, "2d"],
    [50 * HOUR, "2d2h"],
    [8 * DAY + HOUR, "8d"],
    [730 * DAY, "2y"],
    [740 * DAY, "2y10d"],
    [10 * 365 * DAY, "10y"],
  ];
  for (const [milliseconds, shown] of cases) {
    it(`${milliseconds} ms is ${shown}`, () => {
      expect(age(milliseconds)).to.equal(shown);
    });
  }
});

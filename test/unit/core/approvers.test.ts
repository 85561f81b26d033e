import { expect } from "chai";
import { approversColumn, approversWords, isAsStrict, missingWords } from "#core/approvers.ts";
import type { Requirement } from "#core/policy/verdict.ts";

const ANYBODY: Requirement = { groups: [], count: 1 };
const needs = (count: number, ...groups: string[]): Requirement => ({ groups, count });

describe("who decides", () => {
  const cases: Record<string, [Requirement[], string, string]> = {
    "anybody who may": [[ANYBODY], "1 person with the right to decide", "1 of anyone allowed"],
    "two of some groups": [[needs(2, "sre", "ops")], "2 different people of sre or ops", "2 of sre,ops"],
    "people of several kinds": [
      [needs(2, "sre"), needs(1, "security")],
      "2 different people of sre, and 1 person of security",
      "2 of sre + 1 of security",
    ],
  };
  for (const [name, [requirements, words, column]] of Object.entries(cases))
    it(`is said of ${name}`, () => {
      expect(approversWords(requirements)).to.equal(words);
      expect(approversColumn(requirements)).to.equal(column);
    });
});

describe("what is still missing", () => {
  const word = (user: string, groups: string[] = [], verdict: "Approve" | "Deny" = "Approve") => ({
    ...{ user, groups, verdict },
  });
  const cases: Record<string, [Requirement[], ReturnType<typeof word>[], string]> = {
    "is a person": [[ANYBODY], [], "a person still missing"],
    "is so many people": [[needs(2)], [], "2 people still missing"],
    "is one more person": [[needs(2)], [word("ann")], "1 of 2 people"],
    "is told for each requirement": [
      [needs(2, "sre"), needs(1, "security")],
      [word("ann", ["sre"])],
      "1 of 2 of sre; security still missing",
    ],
    "is nothing once one person counted for all": [
      [needs(1, "sre"), needs(1, "security")],
      [word("ann", ["security", "sre"])],
      "",
    ],
    "is not what the same person would say again": [
      [needs(2, "sre")],
      [word("ann", ["sre"]), word("ann", ["sre"])],
      "1 of 2 of sre",
    ],
    "is not lessened by a denial": [[needs(1, "sre")], [word("ann", ["sre"], "Deny")], "sre still missing"],
  };
  for (const [name, [requirements, words, missing]] of Object.entries(cases))
    it(name, () => {
      expect(missingWords(requirements, words)).to.equal(missing);
    });
});

describe("what an approval asks for is as strict as what is wanted", () => {
  const cases: Record<string, [given: Requirement[], wanted: Requirement[], boolean]> = {
    "when it is the same": [[needs(1, "sre")], [needs(1, "sre")], true],
    "when it asks for more people": [[needs(2, "sre")], [needs(1, "sre")], true],
    "when it asks for people of fewer groups": [[needs(1, "sre")], [needs(1, "sre", "ops")], true],
    "when it asks for a group and anybody would do": [[needs(1, "sre")], [ANYBODY], true],
    "when it asks for others beside": [[needs(1, "sre"), needs(1, "ops")], [needs(1, "ops")], true],
    "not when it asks for fewer people": [[needs(1, "sre")], [needs(2, "sre")], false],
    "not when anybody would have done": [[ANYBODY], [needs(1, "sre")], false],
    "not when it takes people of more groups": [[needs(1, "sre", "ops")], [needs(1, "sre")], false],
    "not when a requirement is new": [[needs(1, "sre")], [needs(1, "sre"), needs(1, "security")], false],
    "not when others decide": [[needs(3, "ops")], [needs(1, "sre")], false],
  };
  for (const [name, [given, wanted, expected]] of Object.entries(cases))
    it(name, () => {
      expect(isAsStrict(given, wanted)).to.equal(expected);
    });
});

/** Who decides an approval: a list of requirements, each to be met. One person may count for several. Pure. */
import type { Requirement } from "./policy/verdict.ts";

/** One person's word, as far as it counts: `groups` are those of the requirements that this person was in. */
interface Word {
  user: string;
  verdict: "Approve" | "Deny";
  groups: readonly string[];
}

/** Of a person's groups those that the requirements name: what their word counts for, sorted. */
export function namedGroups(requirements: readonly Requirement[], groups: readonly string[]): string[] {
  const named = new Set(requirements.flatMap((requirement) => requirement.groups));
  return [...new Set(groups)].filter((group) => named.has(group)).sort();
}

/** Does a person in these groups count for any of the requirements? Who does not, may not decide. */
export function mayCount(requirements: readonly Requirement[], groups: readonly string[]): boolean {
  return requirements.some((requirement) => countsFor(requirement, groups));
}

function countsFor({ groups }: Requirement, of: readonly string[]): boolean {
  return groups.length === 0 || groups.some((group) => of.includes(group));
}

/** How many different people have approved who count for it. */
function met(requirement: Requirement, words: readonly Word[]): number {
  const people = words.filter(
    ({ verdict, groups }) => verdict === "Approve" && countsFor(requirement, groups),
  );
  return new Set(people.map(({ user }) => user)).size;
}

/** Has everybody approved who must? */
export function isAgreed(requirements: readonly Requirement[], words: readonly Word[]): boolean {
  return requirements.every((requirement) => met(requirement, words) >= requirement.count);
}

/** Does anybody who may decide end the matter? */
export function takesOnePerson(requirements: readonly Requirement[]): boolean {
  return requirements.length === 1 && requirements[0]?.count === 1;
}

/** Does what is given ask for at least as much as each requirement that is wanted? */
export function isAsStrict(given: readonly Requirement[], wanted: readonly Requirement[]): boolean {
  return wanted.every((want) =>
    given.some(
      ({ groups, count }) =>
        count >= want.count &&
        (want.groups.length === 0 ||
          (groups.length > 0 && groups.every((group) => want.groups.includes(group)))),
    ),
  );
}

/** `1 person of sre or ops, and 2 different people of security`. */
export function approversWords(requirements: readonly Requirement[]): string {
  return requirements
    .map(({ groups, count }) => {
      const people = count === 1 ? "1 person" : `${count} different people`;
      return groups.length === 0 ? `${people} with the right to decide` : `${people} of ${either(groups)}`;
    })
    .join(", and ");
}

/** The same for a column: `1 of sre,ops + 2 of security`. */
export function approversColumn(requirements: readonly Requirement[]): string {
  return requirements
    .map(({ groups, count }) => `${count} of ${groups.join(",") || "anyone allowed"}`)
    .join(" + ");
}

/** What is still missing, such as `1 of 2 of sre; security still missing`; "" when nothing is. */
export function missingWords(requirements: readonly Requirement[], words: readonly Word[]): string {
  return requirements
    .flatMap((requirement) => {
      const { groups, count } = requirement;
      const have = met(requirement, words);
      if (have >= count) return [];
      if (have > 0)
        return [`${have} of ${count}${groups.length === 0 ? " people" : ` of ${either(groups)}`}`];
      const who = groups.length === 0 ? "" : either(groups);
      if (count === 1) return [`${who || "a person"} still missing`];
      return [`${count} ${who === "" ? "people" : `of ${who}`} still missing`];
    })
    .join("; ");
}

function either(groups: readonly string[]): string {
  return groups.join(" or ");
}

/** Decisions by anybody in any order: nothing passes that somebody who must has not approved. */
import { expect } from "chai";
import fc from "fast-check";
import { isAgreed, isAsStrict, namedGroups } from "#core/approvers.ts";
import { claim } from "#core/hold/claim.ts";
import type { Requirement } from "#core/policy/verdict.ts";
import { agentUser, podDelete, TERMS, user } from "../support/reviews.ts";
import { World } from "../support/world.ts";

const GROUPS = ["sre", "ops", "security", "hoop:agents"];
const requirement = fc.record({
  groups: fc.uniqueArray(fc.constantFrom(...GROUPS.slice(0, 3)), { maxLength: 2 }),
  count: fc.integer({ min: 1, max: 3 }),
});
const requirements = fc.array(requirement, { minLength: 1, maxLength: 3 });
const NAMES = ["ann", "bob", "eve", "dan", "kim", "lee"];
/** Who they are does not stay the same: a group comes and goes between two decisions. */
const person = fc.record({
  name: fc.constantFrom(...NAMES),
  groups: fc.uniqueArray(fc.constantFrom(...GROUPS), { maxLength: 3 }),
});
const verdict = fc.constantFrom("Approve" as const, "Approve" as const, "Approve" as const, "Deny" as const);
const decisions = fc.array(fc.record({ person, verdict }), { maxLength: 12 });

interface Said {
  name: string;
  groups: readonly string[];
}

/** As the words of the documentation say it, without a look at how it is done. */
function everyoneAgreed(wanted: readonly Requirement[], said: readonly Said[]): boolean {
  return wanted.every(({ groups, count }) => {
    const people = NAMES.filter((name) =>
      said.some(
        (one) =>
          one.name === name && (groups.length === 0 || one.groups.some((group) => groups.includes(group))),
      ),
    );
    return people.length >= count;
  });
}

async function held(approvers: readonly Requirement[]): Promise<World> {
  const world = await World.begin({ terms: { ...TERMS, approvers } });
  await world.sendAndWait(podDelete("web"));
  return world;
}

/** What is to come of one decision, after those that were counted. */
function expectedOf(
  approvers: readonly Requirement[],
  one: Said,
  over: string | undefined,
  approved: readonly Said[],
): string {
  const counts = approvers.some(
    ({ groups }) => groups.length === 0 || groups.some((group) => one.groups.includes(group)),
  );
  if (one.groups.includes("hoop:agents") || !counts) return "forbidden";
  return over !== undefined || approved.some(({ name }) => name === one.name) ? "conflict" : "decided";
}

/** Whoever can tells that it stands as it should after these decisions. */
async function check(
  approvers: readonly Requirement[],
  world: World,
  over: string | undefined,
  approved: readonly Said[],
): Promise<string> {
  const { status } = await world.only();
  const asked = status.conditions.find(({ type }) => type === "Decided");
  expect(asked?.status).to.equal(over === undefined ? "False" : "True");
  // Who counted for what can be told from the approval alone.
  const words = status.decisions.filter((one) => one.verdict === "Approve");
  expect(isAgreed(approvers, words)).to.equal(everyoneAgreed(approvers, approved));
  expect(words.map(({ groups }) => groups)).to.deep.equal(
    approved.map(({ groups }) => namedGroups(approvers, groups)),
  );
  return status.phase;
}

interface Taken {
  person: Said;
  verdict: "Approve" | "Deny";
}

/** Each decision has the outcome it should, and leaves the approval as it should. The phase it ends in. */
async function taking(approvers: readonly Requirement[], taken: readonly Taken[]): Promise<string> {
  const world = await held(approvers);
  const approved: Said[] = [];
  let over: string | undefined;
  for (const { person: one, verdict: given } of taken) {
    const outcome = await world.decide(user(one.name, one.groups), { verdict: given });
    expect(outcome.kind).to.equal(expectedOf(approvers, one, over, approved));
    if (outcome.kind !== "decided") continue;
    if (given === "Approve") approved.push(one);
    if (given === "Deny") over = "Denied";
    else if (everyoneAgreed(approvers, approved)) over = "Approved";
    expect((await world.only()).status.phase).to.equal(over ?? "Pending");
  }
  return check(approvers, world, over, approved);
}

describe("the decisions of people", () => {
  it("approve exactly when every requirement is met, and one denial ends it", async () => {
    const ends = new Map<string, number>();
    await fc.assert(
      fc.asyncProperty(requirements, decisions, async (approvers, taken) => {
        const phase = await taking(approvers, taken);
        ends.set(phase, (ends.get(phase) ?? 0) + 1);
      }),
      { numRuns: 300 },
    );
    for (const phase of ["Pending", "Approved", "Denied"])
      expect(ends.get(phase), JSON.stringify([...ends])).to.be.above(5);
  });

  it("let nothing through for which more is wanted now", async () => {
    let [spent, ended] = [0, 0];
    await fc.assert(
      fc.asyncProperty(requirements, requirements, async (given, wanted) => {
        const world = await held(given);
        const said: Said[] = [];
        for (const name of NAMES) {
          const groups = GROUPS.slice(0, 3).filter((_, at) => (NAMES.indexOf(name) + at) % 2 === 0);
          const { kind } = await world.decide(user(name, groups), { verdict: "Approve" });
          if (kind === "decided") said.push({ name, groups });
        }
        const approval = await world.only();
        const now = world.clock.now();
        const by = { credential: "", reentry: "never" as const, since: now, rules: approval.spec.rules };
        const { kind } = claim(approval, { ...by, terms: { ...TERMS, approvers: wanted } }, now);
        if (kind === "void") ended += 1;
        if (kind !== "spend") return;
        expect(approval.status.phase).to.equal("Approved");
        spent += 1;
        expect(everyoneAgreed(wanted, said)).to.equal(true);
        expect(isAsStrict(given, wanted)).to.equal(true);
      }),
      { numRuns: 300 },
    );
    expect(Math.min(spent, ended), `${spent} ${ended}`).to.be.above(5);
  });

  it("count for no less when there are more of them, and for no more when more is wanted", () => {
    const words = fc.array(
      fc.record({
        user: fc.constantFrom(...NAMES),
        verdict,
        groups: fc.uniqueArray(fc.constantFrom(...GROUPS), { maxLength: 3 }),
      }),
      { maxLength: 8 },
    );
    fc.assert(
      fc.property(requirements, requirements, words, words, (some, others, said, more) => {
        if (isAgreed(some, said)) expect(isAgreed(some, [...said, ...more])).to.equal(true);
        if (isAgreed([...some, ...others], said)) expect(isAgreed(some, said)).to.equal(true);
        if (isAsStrict(some, others) && isAgreed(some, said)) expect(isAgreed(others, said)).to.equal(true);
        expect(isAsStrict(some, some)).to.equal(true);
      }),
      { numRuns: 1_000 },
    );
  });

  it("are never the requester's own", async () => {
    const world = await held([{ groups: [], count: 1 }]);
    expect((await world.decide(agentUser(), { verdict: "Approve" })).kind).to.equal("forbidden");
  });
});

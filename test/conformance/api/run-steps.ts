/** Does the same steps on both sides, and tells where the answers differ. */
import { type Difference, differences } from "./compare.ts";
import type { Neutral, Side } from "./side.ts";
import { RESOURCE, type Step, step, withJson } from "./step.ts";
import { type Watching, watchOn } from "./watching.ts";

/** A difference, and at what. */
export interface Found extends Difference {
  step: Step;
  /** Of the step; -1: of the end of the run. */
  index: number;
}

export interface Sides {
  ours: Side;
  theirs: Side;
}

/** Every watch that selects anything at all sees one of these; together they fit every selector. */
function oneForEach(note: string): object[] {
  return [
    { name: "a", labels: { tier: "front", env: "prod" }, color: "red" },
    { name: "b", labels: {}, color: "blue" },
    { name: "c", labels: { tier: "back" }, color: "green" },
    { name: "d", labels: { tier: "" }, color: "green" },
  ].map(({ name, labels, color }) => ({
    apiVersion: "{{group}}/v1",
    kind: "Gadget",
    metadata: { name, labels, annotations: { note } },
    spec: { color, note },
  }));
}

/** What a difference means for the run: it goes on, the two sides are in different states now, or it should not be. */
export type Judgement = "known" | "parted" | "unexpected";

export interface Outcome {
  found: Found[];
  /** The worst of all. */
  judgement: Judgement;
}

/** Does the steps while what differs is known. */
export async function runSteps(
  sides: Sides,
  steps: readonly Step[],
  judge: (found: Found) => Judgement,
): Promise<Outcome> {
  const watching: BothWatching[] = [];
  const outcome: Outcome = { found: [], judgement: "known" };
  const note = (step: Step, index: number, all: readonly Difference[]) => {
    const added = all.map((difference) => ({ ...difference, step, index }));
    outcome.found.push(...added);
    outcome.judgement = worst([outcome.judgement, ...added.map(judge)]);
  };
  if (steps.some(({ watch }) => watch)) await createAll(sides, oneForEach("first"));
  for (const [index, one] of steps.entries()) {
    note(one, index, await (one.watch === true ? opened(sides, one, index, watching) : asked(sides, one)));
    if (outcome.judgement !== "known") break;
  }
  if (outcome.judgement === "known" && watching.length > 0) {
    await clear(sides);
    await createAll(sides, oneForEach("last-{{ns}}"));
    for (const { step: one, index, ours, theirs } of watching)
      note(one, index, differences(await ours.frames(), await theirs.frames(), "frames"));
  }
  for (const { ours, theirs } of watching) for (const each of [ours, theirs]) each.close();
  await clear(sides);
  return outcome;
}

const WORST_FIRST: readonly Judgement[] = ["unexpected", "parted", "known"];

function worst(judgements: readonly Judgement[]): Judgement {
  return WORST_FIRST.find((each) => judgements.includes(each)) ?? "known";
}

async function asked({ ours, theirs }: Sides, one: Step): Promise<Difference[]> {
  if (isInexact(one)) await Promise.all([ours.settle(), theirs.settle()]);
  const [a, b] = await Promise.all([ours.ask(one), theirs.ask(one)]);
  return differences(a, b);
}

async function opened(
  sides: Sides,
  one: Step,
  index: number,
  watching: BothWatching[],
): Promise<Difference[]> {
  const [ours, theirs] = await Promise.all([watchOn(sides.ours, one), watchOn(sides.theirs, one)]);
  watching.push({ step: one, index, ours, theirs });
  return differences(ours.head, theirs.head);
}

/** Whether the answer may come from what the API server has cached a moment ago. */
function isInexact({ query }: Step): boolean {
  return query.some(([key]) => key.startsWith("resourceVersion"));
}

interface BothWatching {
  step: Step;
  index: number;
  ours: Watching;
  theirs: Watching;
}

async function createAll({ ours, theirs }: Sides, objects: readonly object[]): Promise<void> {
  for (const side of [ours, theirs])
    for (const object of objects) await side.ask(withJson("POST", RESOURCE, object));
}

/** Removes what the run has made, finalizers or not. */
async function clear({ ours, theirs }: Sides): Promise<void> {
  for (const side of [ours, theirs]) {
    const listed = await side.ask(step("GET", RESOURCE));
    for (const name of heldNames(listed))
      await side.ask(
        withJson(
          "PATCH",
          `${RESOURCE}/${name}`,
          { metadata: { finalizers: null } },
          {
            headers: { "content-type": "application/merge-patch+json" },
          },
        ),
      );
    await side.ask(step("DELETE", RESOURCE));
  }
}

interface Listed {
  items?: { metadata: { name: string; finalizers?: string[] } }[];
}

function heldNames({ body }: Neutral): string[] {
  const { items = [] } = body as Listed;
  return items
    .filter(({ metadata }) => metadata.finalizers !== undefined)
    .map(({ metadata }) => metadata.name);
}

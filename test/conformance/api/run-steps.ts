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

/** Ends with the first step whose answers differ in a way that is not `expected`. */
export async function runSteps(
  sides: Sides,
  steps: readonly Step[],
  expected: (found: Found) => boolean,
): Promise<{ found: Found[]; unexpected: boolean }> {
  const found: Found[] = [];
  const watching: BothWatching[] = [];
  const note = (index: number, of: Step, all: readonly Difference[]): boolean => {
    const added = all.map((difference) => ({ ...difference, step: of, index }));
    found.push(...added);
    return added.some((each) => !expected(each));
  };
  let unexpected = false;
  if (steps.some(({ watch }) => watch)) await createAll(sides, oneForEach("first"));
  for (const [index, one] of steps.entries()) {
    if (isInexact(one)) await Promise.all([sides.ours.settle(), sides.theirs.settle()]);
    if (one.watch === true) {
      const [ours, theirs] = await Promise.all([watchOn(sides.ours, one), watchOn(sides.theirs, one)]);
      watching.push({ step: one, index, ours, theirs });
      unexpected = note(index, one, differences(ours.head, theirs.head));
    } else {
      const [ours, theirs] = await Promise.all([sides.ours.ask(one), sides.theirs.ask(one)]);
      unexpected = note(index, one, differences(ours, theirs));
    }
    if (unexpected) break;
  }
  if (!unexpected && watching.length > 0) {
    await clear(sides);
    await createAll(sides, oneForEach("last-{{ns}}"));
    for (const { index, step: one, ours, theirs } of watching) {
      const [a, b] = await Promise.all([ours.frames(), theirs.frames()]);
      unexpected = note(index, one, differences(a, b, "frames")) || unexpected;
    }
  }
  for (const { ours, theirs } of watching) for (const each of [ours, theirs]) each.close();
  await clear(sides);
  return { found, unexpected };
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

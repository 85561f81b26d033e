/** What a caller may not see leaves in no form: one resource whose objects hold a secret, read in every way there is. */
import { expect } from "chai";
import Type from "typebox";
import type { Answer } from "#kit/encode.ts";
import type { Presented } from "#kit/present.ts";
import { representList, representObject } from "#kit/represent.ts";
import { type AnyResource, defineResource, type KubeObject } from "#kit/resource.ts";
import type { Store } from "#kit/storage.ts";
import { storedReader } from "#kit/stored.ts";
import { memoryStore } from "#store/memory.ts";
import { ROOT, startToy, type Toy, type Watching } from "./toy.ts";

interface Letter extends KubeObject {
  spec: { to: string; text: string };
}

const SECRET = "meet-me-at-noon";
const MASK = "***";
const LETTERS = `${ROOT}/namespaces/a/letters`;

/** Only its receiver may read a letter; to spies there are none at all. */
function letters(store: Store): AnyResource {
  return defineResource<Letter>({
    group: "toy.example.com",
    version: "v1",
    kind: "Letter",
    plural: "letters",
    singular: "letter",
    scope: "Namespaced",
    shortNames: [],
    categories: [],
    description: "A Letter.",
    schema: Type.Object({ spec: Type.Object({ to: Type.String(), text: Type.String() }) }),
    columns: [{ name: "Text", type: "string", description: "What it says.", cell: ({ spec }) => spec.text }],
    fields: { "spec.to": ({ spec }) => spec.to },
    visible: ({ username }) => (username === "spy" ? () => false : undefined),
    present:
      ({ username }) =>
      (letter) =>
        letter.spec.to === username
          ? letter
          : {
              ...letter,
              metadata: { ...letter.metadata, annotations: { note: MASK } },
              spec: { ...letter.spec, text: MASK },
            },
    storage: storedReader<Letter>(store, { prefix: "letters/" }),
  });
}

function letter(name: string, to: string, label = "x"): string {
  return JSON.stringify({
    apiVersion: "toy.example.com/v1",
    kind: "Letter",
    metadata: {
      ...{ name, namespace: "a", uid: name, creationTimestamp: "2026-01-01T00:00:00Z" },
      labels: { team: label },
      annotations: { note: SECRET },
    },
    spec: { to, text: SECRET },
  });
}

const as = (kind: string) => `application/json;as=${kind};v=v1;g=meta.k8s.io`;
const FORMS: Record<string, [accept: string, query: string]> = {
  "whole objects": ["application/json", ""],
  "indented objects": ["application/json", "pretty=true"],
  "a Table": [as("Table"), ""],
  "a Table with whole objects": [as("Table"), "includeObject=Object"],
  "a Table without objects": [as("Table"), "includeObject=None"],
  "metadata of one": [as("PartialObjectMetadata"), ""],
  "metadata of many": [as("PartialObjectMetadataList"), ""],
};

describe("what a caller may not see", () => {
  let toy: Toy;
  let store: Store;
  beforeEach(async () => {
    store = memoryStore();
    toy = await startToy(store, [letters(store)]);
    await put("one", "bob");
  });
  afterEach(() => toy.close());

  const put = (name: string, to: string, label?: string) =>
    store.commit({ puts: [{ key: `letters/a/${name}`, value: letter(name, to, label) }] });

  for (const [form, [accept, query]] of Object.entries(FORMS)) {
    const isList = form === "metadata of many";
    const paths = [
      ...(isList ? [] : [`${LETTERS}/one?`]),
      ...(form === "metadata of one" ? [] : [`${LETTERS}?`, `${LETTERS}?limit=1&`]),
    ];
    for (const path of paths)
      it(`is not in ${form} of ${path}`, async () => {
        const others = await toy.call(`${path}${query}`, { headers: { accept } });
        expect(others.status).to.equal(200);
        expect(others.text).not.to.contain(SECRET);
        const own = await toy.call(`${path}${query}`, { headers: { accept, user: "bob" } });
        expect(own.text).to.contain(SECRET);
      });

    if (!isList)
      it(`is not in watch frames of ${form}, whatever happens to the object`, async () => {
        const path = `${LETTERS}?watch=1&allowWatchBookmarks=true&labelSelector=team%3Dx&${query}`;
        const others = await toy.watch(path, { accept });
        const own = await toy.watch(path, { accept, user: "bob" });
        const spy = await toy.watch(path, { accept, user: "spy" });
        await put("one", "bob");
        await put("one", "bob", "y");
        await put("two", "bob");
        await store.commit({ deletes: [{ key: "letters/a/two" }] });
        const types = ["ADDED", "BOOKMARK", "MODIFIED", "DELETED", "ADDED", "DELETED"];
        const seen = await take(others, types.length);
        expect(seen.map(({ type }) => type)).to.deep.equal(types);
        expect(JSON.stringify(seen)).not.to.contain(SECRET);
        const theirs = await take(own, types.length);
        expect(theirs.map(({ type }) => type)).to.deep.equal(types);
        for (const frame of theirs)
          expect(JSON.stringify(frame).includes(SECRET), frame.type).to.equal(frame.type !== "BOOKMARK");
        expect((await take(spy, 1)).map(({ type }) => type)).to.deep.equal(["BOOKMARK"]);
        for (const watch of [others, own, spy]) watch.close();
      });
  }

  it("does not exist at all to whom it is not visible", async () => {
    const headers = { user: "spy" };
    expect((await toy.call(`${LETTERS}/one`, { headers })).status).to.equal(404);
    expect((await toy.call(LETTERS, { headers })).json.items).to.deep.equal([]);
  });

  it("cannot be represented or answered past the gate", () => {
    const shown = { group: "g", version: "v1", kind: "Letter", columns: [] };
    const raw: Letter = JSON.parse(letter("one", "bob"));
    const form = { as: "object" } as const;
    // @ts-expect-error: an object that has not been presented
    representObject(shown, form, "Metadata", raw);
    // @ts-expect-error: a list of such objects
    representList(shown, form, "Metadata", [raw], { resourceVersion: "1" });
    // @ts-expect-error: an object as the body of an answer
    const answer: Answer = { code: 200, body: raw };
    // @ts-expect-error: not even a presented one goes out but represented
    const other: Answer = { code: 200, body: raw as Presented<Letter> };
    // @ts-expect-error: nor in a list
    const list: Answer = { code: 200, body: { metadata: { resourceVersion: "1" }, items: [raw] } };
    expect([answer, other, list]).to.have.length(3);
  });
});

async function take(watch: Watching, count: number) {
  const frames = [];
  while (frames.length < count) {
    const frame = await watch.next();
    if (frame === undefined) break;
    frames.push(frame);
  }
  return frames;
}

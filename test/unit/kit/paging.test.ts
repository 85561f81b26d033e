/** `limit` and `continue`: pages of one snapshot, and what happens when it is gone. */
import { expect } from "chai";
import { memoryStore } from "#store/memory.ts";
import { type Loose, ROOT, startToy, type Toy } from "./toy.ts";

const WIDGETS = `${ROOT}/namespaces/a/widgets`;

const encoded = (token: unknown) => Buffer.from(JSON.stringify(token)).toString("base64url");
const namesOf = (json: Loose): string[] =>
  json.items.map(({ metadata }: Loose) => `${metadata.namespace}/${metadata.name}`);

interface Pages {
  names: string[];
  sizes: number[];
  metadata: Loose[];
}

async function pages(
  toy: Toy,
  path: string,
  between: () => Promise<unknown> = async () => {},
): Promise<Pages> {
  const found: Pages = { names: [], sizes: [], metadata: [] };
  let token = "";
  do {
    const next = token === "" ? "" : `&continue=${token}`;
    const { status, json } = await toy.call(`${path}${next}`);
    expect(status, JSON.stringify(json)).to.equal(200);
    found.names.push(...namesOf(json));
    found.sizes.push(json.items.length);
    found.metadata.push(json.metadata);
    token = json.metadata.continue;
    await between();
  } while (token !== "");
  return found;
}

describe("pages of a list", () => {
  let toy: Toy;
  beforeEach(async () => {
    toy = await startToy();
    for (const name of ["e", "b", "d", "a", "c"]) await toy.put("a", name);
    for (const name of ["y", "x"]) await toy.put("b", name);
  });
  afterEach(() => toy.close());

  it("come in order, without a gap, and say how many remain", async () => {
    const { names, sizes, metadata } = await pages(toy, `${WIDGETS}?limit=2`);
    expect(names).to.deep.equal(["a/a", "a/b", "a/c", "a/d", "a/e"]);
    expect(sizes).to.deep.equal([2, 2, 1]);
    expect(metadata.map(({ remainingItemCount }) => remainingItemCount)).to.deep.equal([3, 1, undefined]);
  });

  it("end with a page that is just full", async () => {
    expect((await pages(toy, `${ROOT}/namespaces/b/widgets?limit=2`)).sizes).to.deep.equal([2]);
    expect((await pages(toy, `${ROOT}/namespaces/b/widgets?limit=1`)).sizes).to.deep.equal([1, 1]);
  });

  it("show the moment of the first one, whatever is written meanwhile", async () => {
    let n = 0;
    const revision = String(await toy.store.revision());
    const { names, metadata } = await pages(toy, `${WIDGETS}?limit=1`, async () => {
      n += 1;
      await toy.put("a", `b${n}`);
      await toy.remove("a", "d");
      await toy.put("a", "e", { color: "blue" });
    });
    expect(names).to.deep.equal(["a/a", "a/b", "a/c", "a/d", "a/e"]);
    expect(new Set(metadata.map(({ resourceVersion }) => resourceVersion))).to.deep.equal(
      new Set([revision]),
    );
  });

  it("cover all namespaces, and are as full as can be where objects are selected", async () => {
    for (let n = 0; n < 40; n += 1) await toy.put("c", `w${n}`, { color: n % 10 === 0 ? "blue" : "red" });
    const { names, sizes, metadata } = await pages(
      toy,
      `${ROOT}/widgets?limit=3&fieldSelector=spec.color%3Dblue`,
    );
    expect(names).to.deep.equal(["c/w0", "c/w10", "c/w20", "c/w30"]);
    expect(sizes.slice(0, 1)).to.deep.equal([3]);
    for (const each of metadata) expect(each).not.to.have.property("remainingItemCount");
  });

  it("say how many remain also where a selector selects everything", async () => {
    const { json } = await toy.call(`${WIDGETS}?limit=2&fieldSelector=%3D`);
    expect(json.metadata.remainingItemCount).to.equal(3);
  });

  it("do not tell a caller how much there is that it may not see", async () => {
    const { json } = await toy.call(`${WIDGETS}?limit=1`, { headers: { user: "guest" } });
    expect(json.metadata).not.to.have.property("remainingItemCount");
  });

  it("come as Tables and as metadata as well", async () => {
    for (const [kind, items] of [
      ["Table", "rows"],
      ["PartialObjectMetadataList", "items"],
    ] as const) {
      const accept = `application/json;as=${kind};v=v1;g=meta.k8s.io`;
      const { json } = await toy.call(`${WIDGETS}?limit=2`, { headers: { accept } });
      expect(json[items]).to.have.length(2);
      expect(json.metadata.remainingItemCount).to.equal(3);
      const rest = await toy.call(`${WIDGETS}?continue=${json.metadata.continue}`, { headers: { accept } });
      expect(rest.json[items]).to.have.length(3);
      expect(Object.keys(rest.json.metadata)).to.deep.equal(["resourceVersion"]);
    }
  });

  it("are not needed for one object by its name", async () => {
    for (const name of ["b", "b1"]) await toy.put("a", name);
    const before = await toy.store.revision();
    await toy.put("a", "b", { color: "blue" });
    const { json } = await toy.call(`${WIDGETS}?limit=1&fieldSelector=metadata.name%3Db`);
    expect(namesOf(json)).to.deep.equal(["a/b"]);
    expect(json.metadata.continue).to.equal("");
    const then = await toy.call(
      `${WIDGETS}?resourceVersion=${before}&resourceVersionMatch=Exact&fieldSelector=metadata.name%3Db`,
    );
    expect([then.json.items[0].spec.color, then.json.metadata.resourceVersion]).to.deep.equal([
      "red",
      String(before),
    ]);
    for (const name of ["b0", "%C3%A4", "b~"]) {
      const none = await toy.call(`${WIDGETS}?fieldSelector=metadata.name%3D${name}`);
      expect([none.status, none.json.items], name).to.deep.equal([200, []]);
    }
    const other = await toy.call(`${WIDGETS}?fieldSelector=metadata.name%3Db,spec.color%3Dred`);
    expect(other.json.items).to.deep.equal([]);
    expect(namesOf((await toy.call(`${ROOT}/widgets?fieldSelector=metadata.name%3Db`)).json)).to.deep.equal([
      "a/b",
    ]);
  });

  it("begin at the version that is named", async () => {
    const { json } = await toy.call(`${WIDGETS}?limit=1&resourceVersion=4`);
    expect(namesOf(json)).to.deep.equal(["a/b"]);
    expect(json.metadata).to.include({ resourceVersion: "4", remainingItemCount: 2 });
  });

  const v = "meta.k8s.io/v1";
  const broken: Record<string, [token: string, message: string]> = {
    "is no base64": ["a.b", ": illegal base64 data at input byte 1"],
    "is no JSON": ["abc", ""],
    "is of another version": [
      encoded({ v: "v2", rv: 1, start: "a" }),
      ": server does not recognize this encoded version v2",
    ],
    "has no revision": [
      encoded({ v, rv: 0, start: "a" }),
      `: incorrect encoded start resourceVersion (version ${v})`,
    ],
    "has no start": [encoded({ v, rv: 1, start: "" }), `: encoded start key empty (version ${v})`],
    "leads out of the list": [encoded({ v, rv: 1, start: "../a" }), ": ../a"],
    "leads into another place": [encoded({ v, rv: 1, start: "a/./b" }), ": a/./b"],
    "has a start that no key could have": [encoded({ v, rv: 1, start: "a~" }), ": a~"],
  };
  for (const [name, [token, message]] of Object.entries(broken))
    it(`are refused for a token that ${name}`, async () => {
      const { status, json } = await toy.call(`${WIDGETS}?continue=${token}`);
      expect([status, json.reason]).to.deep.equal([400, "BadRequest"]);
      expect(json.message).to.match(/^invalid continue token: continue key is not valid/);
      expect(json.message.endsWith(message), json.message).to.equal(true);
    });

  const refused: Record<string, [query: string, status: number, message: RegExp]> = {
    "a version beside the token": [
      "resourceVersion=1",
      400,
      /^specifying resource version is not allowed when using continue$/,
    ],
    "a match beside the token": [
      "resourceVersion=1&resourceVersionMatch=Exact",
      422,
      /resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden when continue is provided$/,
    ],
  };
  for (const [name, [query, status, message]] of Object.entries(refused))
    it(`are refused with ${name}`, async () => {
      const { json } = await toy.call(`${WIDGETS}?limit=1`);
      const reply = await toy.call(`${WIDGETS}?continue=${json.metadata.continue}&${query}`);
      expect(reply.status).to.equal(status);
      expect(reply.json.message).to.match(message);
    });

  it("are refused for a token of the future", async () => {
    const token = encoded({ v, rv: 999, start: "a" });
    const { status, json } = await toy.call(`${WIDGETS}?continue=${token}`);
    expect([status, json.details.causes[0].reason]).to.deep.equal([504, "ResourceVersionTooLarge"]);
  });
});

describe("pages of a list that the store has forgotten", () => {
  let toy: Toy;
  let token: string;
  beforeEach(async () => {
    toy = await startToy(memoryStore({ keepRevisions: 3, keepMilliseconds: 0 }));
    for (const name of ["a", "b", "c", "d"]) await toy.put("a", name);
    token = (await toy.call(`${WIDGETS}?limit=2`)).json.metadata.continue;
    for (const name of ["b1", "c1", "z", "a1"]) await toy.put("a", name);
  });
  afterEach(() => toy.close());

  it("are 410, with a token that goes on in the newest state", async () => {
    const { status, json } = await toy.call(`${WIDGETS}?limit=2&continue=${token}`);
    expect([status, json.code, json.reason]).to.deep.equal([410, 410, "Expired"]);
    expect(json.message).to.match(
      /^The provided continue parameter is too old .* may show up in the list\.$/,
    );
    const rest = await pages(toy, `${WIDGETS}?limit=9&continue=${json.metadata.continue}`);
    expect(rest.names).to.deep.equal(["a/b1", "a/c", "a/c1", "a/d", "a/z"]);
    expect(rest.metadata[0].resourceVersion).to.equal(String(await toy.store.revision()));
  });

  it("are 410 without one where a whole list was asked for", async () => {
    const { status, json } = await toy.call(`${WIDGETS}?resourceVersion=2&resourceVersionMatch=Exact`);
    expect([status, json.reason, json.metadata]).to.deep.equal([410, "Expired", {}]);
    expect(json.message).to.equal("The resourceVersion for the provided list is too old.");
  });
});

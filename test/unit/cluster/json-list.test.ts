import { expect } from "chai";
import fc from "fast-check";
import { JsonList, type Piece } from "#cluster/json-list.ts";

/** All pieces of a text that comes in parts of such lengths, over and over. */
function taken(text: string | Uint8Array, lengths: readonly number[], parted = ["items"]): Piece[] {
  const bytes = Buffer.from(text);
  const list = new JsonList(parted);
  const pieces: Piece[] = [];
  let [from, turn] = [0, 0];
  while (from < bytes.length) {
    const to = from + (lengths[turn++ % lengths.length] ?? 1);
    pieces.push(...list.push(bytes.subarray(from, to)));
    from = to;
  }
  list.end();
  return pieces;
}

/** The object that the pieces are of. */
function assembled(pieces: readonly Piece[]): Record<string, unknown> {
  const members = new Map<string, unknown>();
  for (const piece of pieces) {
    if (piece.type === "member") members.set(piece.name, piece.value);
    else members.set(piece.name, [...((members.get(piece.name) as unknown[]) ?? []), ...piece.values]);
  }
  return Object.fromEntries(members);
}

const chunkings = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 8 });
const spaces = fc.constantFrom(undefined, 1, "\t", "\n ");
const items = fc.array(fc.jsonValue({ maxDepth: 3 }), { minLength: 1 });

describe("a JSON object with a long array, as its bytes come in", () => {
  it("gives what JSON.parse gives, whatever is in it, in any order and in any parts", () => {
    fc.assert(
      fc.property(
        fc.dictionary(fc.string({ unit: "grapheme" }), fc.jsonValue({ maxDepth: 3 })),
        items,
        fc.boolean(),
        spaces,
        chunkings,
        (members, elements, first, space, lengths) => {
          const { items: _, ...rest } = members;
          const object = first ? { items: elements, ...rest } : { ...rest, items: elements };
          const text = JSON.stringify(object, null, space);
          expect(assembled(taken(text, lengths))).to.deep.equal(JSON.parse(text));
        },
      ),
    );
  });

  it("gives long strings with quotes and backslashes in them, in any parts", () => {
    const text = fc.array(fc.constantFrom("x".repeat(40), "y", '"', "\\", "\\\\", "é"), { maxLength: 30 });
    fc.assert(
      fc.property(fc.array(text, { minLength: 1 }), chunkings, (texts, lengths) => {
        const object = { items: texts.map((parts) => ({ [parts.join("")]: parts.join("") })) };
        expect(assembled(taken(JSON.stringify(object), [...lengths, 200]))).to.deep.equal(object);
      }),
    );
  });

  it("throws at any text that JSON.parse throws at, and quotes nothing of it", () => {
    const damages = fc.tuple(
      fc.nat(),
      fc.constantFrom("", '"', "\\", "{", "}", "[", "]", ",", ":", "x", "1"),
    );
    fc.assert(
      fc.property(items, damages, chunkings, (elements, [place, by], lengths) => {
        const whole = JSON.stringify({ kind: "secret!", items: elements, metadata: { a: [1, { b: "}" }] } });
        const at = place % whole.length;
        const text = whole.slice(0, at) + by + whole.slice(at + 1);
        let expected: unknown;
        try {
          expected = JSON.parse(text);
        } catch {
          expect(() => taken(text, lengths)).to.throw(SyntaxError, /^not a JSON object$/);
          return;
        }
        expect(assembled(taken(text, lengths))).to.deep.equal(expected);
      }),
      { numRuns: 1000 },
    );
  });

  it("throws where it ends too early, at any byte", () => {
    const text = '{"kind":"List","items":[{"a":"\\\\\\""},[1,2],"é"],"metadata":{}} ';
    for (let end = 0; end < text.length - 1; end++)
      expect(() => taken(text.slice(0, end), [3]), text.slice(0, end)).to.throw(SyntaxError);
    expect(assembled(taken(text, [3]))).to.deep.equal(JSON.parse(text));
  });

  it("gives elements as soon as they are complete, and keeps what is not", () => {
    const list = new JsonList(["items"]);
    const push = (text: string) => list.push(Buffer.from(text));
    expect(push('{"kind":"List","items":[{"a":1},{"b"')).to.deep.equal([
      { type: "member", name: "kind", value: "List" },
      { type: "elements", name: "items", values: [{ a: 1 }] },
    ]);
    expect(push(':"}],')).to.deep.equal([]);
    expect(push('"},3],"x":[]}')).to.deep.equal([
      { type: "elements", name: "items", values: [{ b: "}]," }, 3] },
      { type: "member", name: "x", value: [] },
    ]);
    list.end();
  });

  const whole: Readonly<Record<string, [text: string, pieces: Piece[]]>> = {
    "no elements": [' { "items" : [ ] } ', []],
    "no array at all": ['{"items":null}', [{ type: "member", name: "items", value: null }]],
    "no members": ["{ }", []],
    "an array of that name further in": [
      '{"a":{"items":[1]}}',
      [{ type: "member", name: "a", value: { items: [1] } }],
    ],
    "a name with an escape in it": [
      '{"it\\u0065ms":[1]}',
      [{ type: "elements", name: "items", values: [1] }],
    ],
  };
  for (const [name, [text, pieces]] of Object.entries(whole))
    it(name, () => {
      for (let length = 1; length <= text.length; length++)
        expect(taken(text, [length])).to.deep.equal(pieces);
    });

  const refused: Readonly<Record<string, string>> = {
    "no object": "[1]",
    "something before it": 'x{"a":1}',
    "something after it": '{"a":1} {',
    "one name twice": '{"items":[1],"items":[2]}',
    "a comma at the end of the array": '{"items":[1,]}',
    "a comma at its beginning": '{"items":[,1]}',
    "two commas in it": '{"items":[1,,2]}',
    "a comma at the end of the object": '{"items":[1],}',
    "something between the array and the comma": '{"items":[1]2,"a":1}',
    "brackets that do not match": '{"items":[1},"a":1]',
    "two members without a comma": '{"a":1"b":2}',
  };
  for (const [name, text] of Object.entries(refused))
    it(`${name} is refused`, () => {
      for (let length = 1; length <= text.length; length++)
        expect(() => taken(text, [length]), String(length)).to.throw(SyntaxError, /^not a JSON object$/);
    });
});

/** Values of Secrets anywhere: in any JSON and any stream, in any form and however that is cut. */
import { expect } from "chai";
import fc from "fast-check";
import { maskedJson } from "#apiserver-ext/broker/mask/answer.ts";
import { maskedList } from "#apiserver-ext/broker/mask/list.ts";
import { isObject, type Json, type JsonObject } from "#core/admission.ts";
import { knownValues, REPLACEMENT, SHORTEST_VALUE, ValueScanner, withoutValues } from "#core/mask/values.ts";

const NUMERIC = /^[\d.]+$/;
/** Not what stands in a mask, nor what masks and the text beside them make together. */
const telling = (value: string) =>
  Buffer.byteLength(value) >= SHORTEST_VALUE &&
  !/[[\]]|^mask|^Secret|value$|^ /.test(value) &&
  !NUMERIC.test(value);

/** Of printable letters, with those that are escaped, and others than Latin ones. */
const value = fc
  .oneof(
    fc.string({
      unit: fc.constantFrom(..."abXYZ019+/=-_\"\\%&<>?:'$` é漢😀"),
      minLength: SHORTEST_VALUE,
      maxLength: 40,
    }),
    fc.string({ unit: fc.constantFrom(..."ab"), minLength: SHORTEST_VALUE, maxLength: 12 }),
    fc.base64String({ minLength: 12, maxLength: 80 }),
  )
  .map((one) => one.trim())
  .filter((one) => telling(one) && one.isWellFormed());
const filler = fc.string({ unit: fc.constantFrom(..."abcd EFGH:/"), maxLength: 12 });

type Form = (text: string, random: () => number) => string;
const hex = (code: number, digits: number, random: () => number) => {
  const text = code.toString(16).padStart(digits, "0");
  return random() < 0.5 ? text : text.toUpperCase();
};
/** Each character as any writer of JSON may put it. */
const inJson: Form = (text, random) =>
  [...text]
    .map((letter) => {
      const short = JSON.stringify(letter).slice(1, -1);
      if (letter === "/" && random() < 0.5) return "\\/";
      if (short === letter && random() < 0.7) return letter;
      return random() < 0.5 && short !== letter
        ? short
        : Array.from(
            { length: letter.length },
            (_, at) => `\\u${hex(letter.charCodeAt(at), 4, random)}`,
          ).join("");
    })
    .join("");
/** As encodeURIComponent and Go's url package do, and others that escape more. */
const inUrl: Form = (text, random) =>
  [...Buffer.from(text)]
    .map((byte) => {
      const letter = String.fromCharCode(byte);
      return /[\w.-]/.test(letter) && random() < 0.7 ? letter : `%${hex(byte, 2, random)}`;
    })
    .join("");
const NAMES: Readonly<Record<string, string>> = {
  "&": "amp",
  "<": "lt",
  ">": "gt",
  '"': "quot",
  "'": "apos",
};
/** In HTML and XML: what must be, with quotes or all that is no letter; by names, or by numbers of one kind. */
const inMarkup: Form = (text, random) => {
  const [some, names] = [random(), random() < 0.5];
  const isHex = random() < 0.5;
  const which = some < 0.3 ? /[&<>]/g : some < 0.7 ? /[&<>"']/g : /[^\w ]/gu;
  return text.replace(which, (letter) => {
    if (names && NAMES[letter] !== undefined) return `&${NAMES[letter]};`;
    const code = letter.codePointAt(0) ?? 0;
    return isHex ? `&#x${hex(code, 2, random)};` : `&#${code};`;
  });
};
/** As export -p does, and printf %q, and most languages. */
const inQuotes: Form = (text) => text.replace(/["\\$`]/g, "\\$&");
const inWord: Form = (text) => text.replace(/[^\w@%+=:,./\u0080-\uffff-]/g, "\\$&");
const QUOTINGS: readonly (readonly [character: string, quoted: string])[] = [
  ["'", "''"],
  ["'", "'\\''"],
  ["'", `'"'"'`],
  ['"', '""'],
  ["$", "$$"],
  ["%", "%%"],
];
const quotings = QUOTINGS.map(
  ([character, quoted]): Form =>
    (text) =>
      text.split(character).join(quoted),
);
const inBase64 =
  (before: string, after: string, alphabet: "base64" | "base64url"): Form =>
  (text) =>
    Buffer.from(before + text + after).toString(alphabet);
const form = fc.oneof(
  fc.constant<Form>((text) => text),
  fc.constant(inJson),
  fc.constant(inUrl),
  fc.constant(inMarkup),
  fc.constantFrom(inQuotes, inWord),
  fc
    .tuple(filler, filler, fc.constantFrom("base64" as const, "base64url" as const))
    .map((way) => inBase64(...way)),
);
const isOfBase64 = (one: Form) => ![inJson, inUrl, inMarkup, inQuotes, inWord, ...quotings].includes(one);
/** Two within each other; base64 of what is escaped by chance is no form that tools write. */
const forms = fc
  .tuple(fc.oneof({ weight: 4, arbitrary: form }, fc.constantFrom(...quotings)), form)
  .filter(([inner, outer]) => !(isOfBase64(outer) && !isOfBase64(inner)));

const placed = fc.record({
  value,
  others: fc.array(value, { maxLength: 3 }),
  forms,
  chances: fc.array(fc.nat({ max: 99 }), { minLength: 1, maxLength: 60 }),
  before: filler,
  after: filler,
  /** Around it where it is kept: what a program that reads it leaves out. */
  around: fc.tuple(
    fc.constantFrom("", "", "\n", " ", "\ufeff", "\ufeff\n"),
    fc.constantFrom("", "", "\n", "\r\n", "\n\n", " "),
  ),
});
interface Placed {
  value: string;
  others: string[];
  forms: readonly [Form, Form];
  chances: number[];
  before: string;
  after: string;
  around: [string, string];
}
function textWith({ value, forms: [inner, outer], chances, before, after }: Placed): string {
  let next = 0;
  const random = () => (chances[next++ % chances.length] ?? 0) / 100;
  return `${before}${outer(inner(value, random), random)}${after}`;
}
const keptOf = ({ value, others, around }: Placed) =>
  [around.join(value), ...others].map((one) => Buffer.from(one));
const knownOf = (one: Placed) => knownValues(keptOf(one));

/** What can be read in it: all its beginnings in base64 decoded, and escapes resolved, so many times. */
function readings(text: string, levels: number): string[] {
  if (levels === 0) return [text];
  const json = text.replace(/\\u([0-9a-fA-F]{4})/g, (_, code: string) =>
    String.fromCharCode(Number.parseInt(code, 16)),
  );
  const plain = json.replace(/\\([^\w\s]| )/g, "$1");
  const unquoted = QUOTINGS.map(([character, quoted]) => text.split(quoted).join(character));
  const url = Buffer.from(
    text.replace(/%([0-9a-fA-F]{2})/g, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16))),
    /%[89a-fA-F]/.test(text) ? "latin1" : "utf8",
  ).toString();
  const decoded = [0, 1, 2, 3].map((skip) =>
    Buffer.from(text.replace(/[^A-Za-z0-9+/_-]/g, "").slice(skip), "base64").toString(),
  );
  const others = new Set([plain, url, fromMarkup(text), ...unquoted, ...decoded]);
  others.delete(text);
  return [text, ...[...others].flatMap((one) => readings(one, levels - 1))];
}

function fromMarkup(text: string): string {
  return text
    .replace(/&#(?:(\d+)|x([0-9a-fA-F]+));/g, (_, decimal?: string, hex?: string) =>
      String.fromCodePoint(decimal === undefined ? Number.parseInt(hex ?? "", 16) : Number(decimal)),
    )
    .replace(/&(lt|gt|quot|apos);/g, (_, name: string) => ({ lt: "<", gt: ">", quot: '"' })[name] ?? "'")
    .replaceAll("&amp;", "&");
}

function expectHidden(shown: string, { value }: Placed, from: string): void {
  for (const part of shown.split(REPLACEMENT))
    for (const reading of readings(part, 2))
      expect(reading.includes(value), `${JSON.stringify(value)} in ${from}`).to.equal(false);
}

describe("values of Secrets, anywhere", () => {
  it("come out of no text, in whatever forms within each other", () => {
    fc.assert(
      fc.property(placed, (one) => {
        const text = textWith(one);
        expectHidden(withoutValues(knownOf(one), text), one, text);
      }),
      { numRuns: 400 },
    );
  });

  it("are masked once and for all", () => {
    fc.assert(
      fc.property(placed, (one) => {
        const known = knownOf(one);
        const masked = withoutValues(known, textWith(one));
        expect(withoutValues(known, masked)).to.equal(masked);
      }),
      { numRuns: 200 },
    );
  });

  it("come out of streams as they come out of the whole, however these are cut", () => {
    const pieces = fc.array(placed, { minLength: 1, maxLength: 3 });
    const cuts = fc.array(fc.nat({ max: 200 }), { maxLength: 20 });
    fc.assert(
      fc.property(pieces, cuts, fc.boolean(), (all, at, isPrompt) => {
        const known = knownValues(all.flatMap(keptOf));
        const text = Buffer.from(all.map(textWith).join(" "));
        const cut = streamed(new ValueScanner(known, { isPrompt }), text, at);
        const whole = streamed(new ValueScanner(known, { isPrompt: false }), text, []);
        if (!isPrompt) expect(cut).to.equal(whole);
        for (const one of all) expectHidden(cut, one, text.toString());
      }),
      { numRuns: 300 },
    );
  });

  const leaf = (secret: string) =>
    fc.oneof(
      fc.constant(secret),
      fc.string({ maxLength: 10 }),
      fc.integer(),
      fc.boolean(),
      fc.constant(null),
    );
  const objects = placed.chain((one) => {
    const text = textWith(one);
    const { tree } = fc.letrec<{ tree: Json }>((tie) => ({
      tree: fc.oneof(
        { depthSize: "small" },
        leaf(text),
        fc.array(tie("tree"), { maxLength: 3 }),
        fc.dictionary(
          fc.oneof(fc.constant(text), fc.constantFrom("data", "kind", "name", "metadata", "x")),
          tie("tree"),
          { maxKeys: 4 },
        ),
      ),
    }));
    const object = fc.dictionary(fc.constantFrom("spec", "data", "status", text), tree, { minKeys: 1 });
    return fc.tuple(fc.constant(one), object as fc.Arbitrary<JsonObject>);
  });

  it("come out of no JSON, be it in names or strings, and what comes out is JSON of the same shape", () => {
    fc.assert(
      fc.property(objects, ([one, object]) => {
        const json = JSON.stringify({ kind: "Thing", ...object });
        const shown = maskedJson(json, { ofSecrets: false, known: knownOf(one) });
        for (const text of stringsOf(JSON.parse(shown))) expectHidden(text, one, json);
        expect(shapeOf(JSON.parse(shown))).to.deep.equal(shapeOf(JSON.parse(json)));
      }),
      { numRuns: 300 },
    );
  });

  const cuts = fc.array(fc.nat({ max: 400 }), { maxLength: 10 });

  it("come out of no list, which is masked in parts as it is in one", async () => {
    const lists = fc.array(objects, { minLength: 1, maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(lists, cuts, async (all, at) => {
        const [first] = all;
        if (first === undefined) return;
        const json = Buffer.from(
          JSON.stringify({
            kind: "ThingList",
            metadata: { resourceVersion: "1" },
            items: all.map(([, object]) => object),
          }),
        );
        const masks = { ofSecrets: false, known: knownOf(first[0]) };
        const parts: Buffer[] = [];
        for await (const part of maskedList(toParts(json, at), masks)) parts.push(part);
        expect(JSON.parse(Buffer.concat(parts).toString())).to.deep.equal(
          JSON.parse(maskedJson(json.toString(), masks)),
        );
      }),
      { numRuns: 150 },
    );
  });

  it("come out of no table, which is masked in parts as it is in one, with what is secret by its column", async () => {
    const column = fc.constantFrom("Name", "Age", "Password", "API Token", "api-token", "Key");
    const row = fc
      .tuple(fc.array(fc.oneof(value, fc.constantFrom("hunter2!", "", "a b"), fc.integer())), objects)
      .map(([cells, [, object]]) => ({ cells, object }));
    const tables = fc.tuple(objects, fc.array(column, { maxLength: 4 }), fc.array(row, { maxLength: 4 }));
    await fc.assert(
      fc.asyncProperty(tables, cuts, async ([[one], names, rows], at) => {
        const columnDefinitions = names.map((name) => ({ name }));
        const json = Buffer.from(JSON.stringify({ kind: "Table", columnDefinitions, rows }));
        const masks = { ofSecrets: false, known: knownOf(one) };
        const parts: Buffer[] = [];
        for await (const part of maskedList(toParts(json, at), masks)) parts.push(part);
        const shown = JSON.parse(Buffer.concat(parts).toString());
        expect(shown).to.deep.equal(JSON.parse(maskedJson(json.toString(), masks)));
        for (const { cells } of shown.rows)
          for (const [n, cell] of cells.entries())
            if (names[n] === "Password") expect(cell).not.to.equal("hunter2!");
      }),
      { numRuns: 150 },
    );
  });

  it("leave everything else as it came, to the byte", () => {
    // No letter of it is in a value.
    const other = fc.string({ unit: fc.constantFrom(...'mnop \n"\\'), maxLength: 20 });
    const json = fc.array(
      fc.dictionary(other, fc.oneof(other, fc.double({ noNaN: true }), fc.constant(1e21))),
      { maxLength: 4 },
    );
    fc.assert(
      fc.property(json, value, (items, one) => {
        const text = JSON.stringify({ kind: "ThingList", items }, null, 2);
        expect(
          maskedJson(text, { ofSecrets: false, known: knownValues([Buffer.from(`zz${one}`)]) }),
        ).to.equal(text);
      }),
    );
  });
});

function streamed(scanner: ValueScanner, text: Buffer, cuts: readonly number[]): string {
  const parts = [...pieces(text, cuts)].map((part) => scanner.push(part));
  return Buffer.concat([...parts, scanner.end()]).toString();
}

function* pieces(text: Buffer, cuts: readonly number[]): Generator<Buffer> {
  const ends = [...new Set([...cuts.map((cut) => Math.min(cut, text.length)), text.length])].sort(
    (a, b) => a - b,
  );
  for (const [at, end] of ends.entries()) yield text.subarray(ends[at - 1] ?? 0, end);
}

async function* toParts(text: Buffer, cuts: readonly number[]): AsyncGenerator<Buffer> {
  yield* pieces(text, cuts);
}

function stringsOf(value: Json): string[] {
  if (typeof value === "string") return [value];
  if (Array.isArray(value)) return value.flatMap(stringsOf);
  return isObject(value) ? Object.entries(value).flatMap(([name, item]) => [name, ...stringsOf(item)]) : [];
}

/** Its types, and how many members there are where. */
function shapeOf(value: Json): Json {
  if (Array.isArray(value)) return value.map(shapeOf);
  return isObject(value) ? Object.values(value).map(shapeOf) : value === null ? null : typeof value;
}

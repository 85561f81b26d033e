/** The look that spares most items of a list a closer one: where it says no, nothing may be masked. */
import { expect } from "chai";
import fc from "fast-check";
import type { Json, JsonObject } from "#core/admission.ts";
import { mayLookSecret } from "#core/mask/hints.ts";
import { maskAnswer, maskListed, maskRow } from "#core/mask.ts";
import { NEAR_MISSES, POSITIVES } from "../support/mask-corpus.ts";

const LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration";
const letters = (alphabet: string, minLength: number, maxLength: number) =>
  fc.string({ unit: fc.constantFrom(...alphabet), minLength, maxLength });

/** Names of secrets, parts of these, and what is joined to them. */
const part = fc.constantFrom(
  ..."password passwd passphrase pass pwd pw auth dsn secret token credential credentials cookie authorization".split(
    " ",
  ),
  ..."api key private access client account signing encryption master data bearer basic name value db my".split(
    " ",
  ),
  ..."compass keyboard passenger task- disk- author".split(" "),
);
const joint = fc.constantFrom("", "", "", "-", "_", ".", "--", "-_", " ", "K", "ſ");
const cased = (text: fc.Arbitrary<string>) =>
  fc
    .tuple(text, fc.constantFrom(0, 1, 2))
    .map(([one, how]) =>
      how === 0 ? one : how === 1 ? one.toUpperCase() : one.replace(/^./, (first) => first.toUpperCase()),
    );
/** A name in which a hyphen may stand anywhere. */
const name = fc
  .tuple(
    fc.array(fc.tuple(cased(part), joint), { minLength: 1, maxLength: 4 }),
    fc.nat({ max: 40 }),
    fc.constantFrom("", "", "", "-", "_"),
  )
  .map(([parts, at, hyphen]) => {
    const whole = parts.map(([one, between], n) => one + (n < parts.length - 1 ? between : "")).join("");
    return whole.slice(0, at) + hyphen + whole.slice(at);
  });
const between = fc.constantFrom(
  ...[
    ":",
    "=",
    ": ",
    "=",
    " = ",
    "\t",
    "\t:\t",
    " ",
    "  ",
    ":\n",
    '":"',
    '": "',
    "': '",
    '\\":\\"',
    '\\\\":\\\\"',
  ],
  ...[
    "\n  value: ",
    '","value":"',
    '", "value": "',
    "\u00a0",
    "\u3000value: ",
    ", value: ",
    " - ",
    "\n- ",
    '", "',
    "-value: ",
    "+value=",
  ],
);
const word = letters("abcXYZ019_.-+/=", 0, 45);
const before = fc.constantFrom(
  ...'-|--|name: |name:\t|"name":"|\'|://|://u:|http://u.x:|user:|\n|\t|"|\\|eyJ|.|x| |Bearer |<|&|$5$|@tcp('.split(
    "|",
  ),
);
const made = fc
  .array(fc.tuple(before, name, between, word), { minLength: 1, maxLength: 2 })
  .map((all) => all.map((one) => one.join("")).join(" "));
/** What tokens begin with, and go on with. */
const token = fc
  .tuple(
    fc.constantFrom(
      ..."akia asia AKIA ASIA AIza xoxb- xox hf_ npm_ ghp_ sk- eyJ abcdef. SG. glpat- :// ://a: hvs. aiza".split(
        " ",
      ),
    ),
    fc.oneof(
      letters("ABCXYZ0123456789", 10, 45),
      letters("abcxyz0123456789", 10, 45),
      letters("abcXYZ019_-", 10, 80),
      letters("abXY01", 36, 48),
    ),
    fc.constantFrom("", "", "@host", ".", "..", ".abc.def", "\n@", "/@", '"@', "\\@", "é@"),
    letters("abc019.-", 0, 20),
  )
  .map((parts) => parts.join(""));
const known = fc.constantFrom(...Object.values(POSITIVES).flatMap(({ texts }) => texts), ...NEAR_MISSES);
/** One with something in it that is changed: another character, or none. */
const changed = fc
  .tuple(known, fc.nat(), fc.constantFrom("", "", " ", "\n", "\t", '"', "-", "_", "/", "é", "<"))
  .map(([one, place, by]) => {
    const at = place % (one.length + 1);
    return one.slice(0, at) + by + one.slice(at + 1);
  });
const text = fc
  .tuple(
    fc.constantFrom("", "", " ", "\n", '"', "é ", "x"),
    fc.oneof(made, token, known, changed, name, word),
    fc.constantFrom("", "", " ", "\n", '"', "x"),
  )
  .map((parts) => parts.join(""));

/** In JSON in a string, so many times. */
const nested = fc.tuple(text, fc.nat({ max: 3 })).map(([one, times]) => {
  let all = one;
  for (let n = 0; n < times; n++)
    all = JSON.stringify(
      n % 2 === 0 ? { [all.slice(0, 30)]: all, name: all, value: "hunter2x" } : [all, "x"],
    );
  return all;
});
/** As the API server quotes an object in what it says of it: escaped in a text of Go's, as Go prints it, and as a diff of two. */
const quoted = fc
  .tuple(name, fc.oneof(word, text), fc.constantFrom(0, 1, 2, 3, 4), fc.boolean())
  .map(([one, value, how, isData]) => {
    const object = isData
      ? { kind: "ConfigMap", data: { [one]: value } }
      : { spec: { containers: [{ name: "a", env: [{ name: one, value }], args: [`--${one}`, value] }] } };
    const json = JSON.stringify(object);
    const escaped = JSON.stringify(json);
    const go = `{"Containers":[{"Name":"a","Env":[{"Name":${JSON.stringify(one)},"Value":${JSON.stringify(value)}}]}]}`;
    return [
      `Pod "a" is invalid: spec: Invalid value: ${escaped}: must not`,
      `Invalid value: ${escaped.slice(0, -4)}`,
      `Forbidden: pod updates may not change fields\n{"Spec":${go}`,
      `Forbidden: pod updates\n  core.PodSpec{\n- \tEnv: []core.EnvVar{{Name: "${one}", Value: "${value}"}},\n+ \tEnv: nil,\n`,
      `\n  - name: ${one}\n-   value: ${value}\n+   value: x\n`,
    ][how];
  })
  .map((message = "") => message);
/** Where such texts stand. */
const status = fc
  .tuple(quoted, fc.constantFrom("message", "reason", "note"))
  .map(([message, where]) => ({ kind: "Event", [where]: message, status: { conditions: [{ message }] } }));
const leaf = fc.oneof(text, text, nested, quoted, fc.integer(), fc.constant(null));
const { tree } = fc.letrec<{ tree: Json }>((tie) => ({
  tree: fc.oneof(
    { depthSize: "small" },
    leaf,
    fc.array(tie("tree"), { maxLength: 3 }),
    fc.tuple(name, fc.oneof(word, text)).map(([one, value]) => ({ name: one, value })),
    fc.tuple(name, word).map(([one, value]) => [`--${one}`, value]),
    fc.dictionary(
      fc.oneof(name, fc.constantFrom("data", "kind", "annotations", "items", "object", LAST_APPLIED)),
      tie("tree"),
      { maxKeys: 3 },
    ),
  ),
}));
const item = fc
  .record(
    {
      kind: fc.constantFrom("ConfigMap", "Pod", "Thing", "SecretList", "List"),
      metadata: fc.record(
        { name, annotations: fc.dictionary(fc.constantFrom(LAST_APPLIED, "a"), fc.oneof(nested, text)) },
        { requiredKeys: [] },
      ),
      data: fc.oneof(fc.dictionary(name, fc.oneof(word, text)), tree),
      spec: tree,
    },
    { requiredKeys: [] },
  )
  .map((one) => one as JsonObject);

/** As Go's encoder writes it, or with everything escaped that any encoder does. */
const WRITERS: readonly ((value: Json) => string)[] = [
  (value) => JSON.stringify(value),
  (value) => JSON.stringify(value, null, 2),
  (value) => escaping(JSON.stringify(value), /[<>&\u2028\u2029]/g),
  (value) => escaping(JSON.stringify(value), /[^ -~]|[<>&]/g),
  (value) => JSON.stringify(value).replaceAll("/", "\\/"),
];

function escaping(json: string, what: RegExp): string {
  return json.replace(what, (one) => {
    const codes = Array.from({ length: one.length }, (_, at) => one.charCodeAt(at));
    return codes.map((code) => `\\u${code.toString(16).padStart(4, "0")}`).join("");
  });
}

describe("the look at an item of a list", () => {
  it("finds something wherever something is masked", () => {
    fc.assert(
      fc.property(
        fc.oneof({ weight: 3, arbitrary: item }, status),
        fc.constantFrom(...WRITERS),
        fc.constantFrom("ConfigMap", "", "Pod"),
        (one, write, kind) => {
          const json = write(one);
          if (mayLookSecret(Buffer.from(json))) return;
          const value = JSON.parse(json);
          expect(maskListed(kind, value), json).to.equal(value);
          expect(maskRow(value), json).to.equal(value);
          expect(maskAnswer(value), json).to.equal(value);
        },
      ),
      { numRuns: 1000 },
    );
  });

  it("finds something in each text in which something is masked", () => {
    fc.assert(
      fc.property(fc.oneof(text, nested, quoted), fc.constantFrom(...WRITERS), (one, write) => {
        const json = write({ data: one });
        if (mayLookSecret(Buffer.from(json))) return;
        const value = JSON.parse(json);
        expect(maskListed("ConfigMap", value), json).to.equal(value);
      }),
      { numRuns: 3000 },
    );
  });

  it("finds nothing in base64, and in what only looks like the name of a secret", () => {
    for (const shown of [
      "kEYx pwDa XoXf asiaXx eyJhbGci",
      "https://example.com:8080/a@b",
      "a compassion, a keyboard",
      "a < b && c > d",
    ])
      expect(
        mayLookSecret(
          Buffer.from(
            JSON.stringify({ a: shown }).replace(/[<>&]/g, (one) => `\\u00${one.charCodeAt(0).toString(16)}`),
          ),
        ),
        shown,
      ).to.equal(false);
  });
});

import { expect } from "chai";
import fc from "fast-check";
import type { JsonObject } from "#core/admission.ts";
import { describeChange } from "#core/change.ts";
import { maskObject, maskText } from "#core/mask.ts";
import { printable } from "#core/printable.ts";
import { request, update } from "../unit/core/requests.ts";

/** Long and random enough not to turn up in the rest of an object by chance. */
const secrets = fc
  .string({ unit: fc.constantFrom(..."ABCDEFGHJKQXYZ0123456789!#%*é"), minLength: 12, maxLength: 40 })
  .map((value) => `~${value}~`);
const keys = fc.string({ unit: fc.constantFrom(..."abcdef.-_"), minLength: 1, maxLength: 8 });
const base64 = (value: string) => Buffer.from(value).toString("base64");

const LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration";

/** A Secret that holds the values, in every place where kubectl or a person would put them. */
function secretWith(values: readonly string[], names: readonly string[]): JsonObject {
  const entries = values.map((value, index): [string, string] => [
    `${names[index % names.length]}${index}`,
    value,
  ]);
  const data = Object.fromEntries(entries.map(([name, value]) => [name, base64(value)]));
  const applied = JSON.stringify({
    apiVersion: "v1",
    kind: "Secret",
    data,
    stringData: Object.fromEntries(entries),
  });
  return {
    apiVersion: "v1",
    kind: "Secret",
    metadata: {
      name: "db",
      annotations: { [LAST_APPLIED]: applied, copy: values.join(" "), other: values.map(base64).join() },
      managedFields: [{ fieldsV1: Object.fromEntries(entries) }],
    },
    data,
    stringData: Object.fromEntries(entries),
  };
}

function expectNone(shown: unknown, values: readonly string[]): void {
  const text = typeof shown === "string" ? shown : JSON.stringify(shown);
  for (const value of values)
    for (const form of [value, base64(value), JSON.stringify(value).slice(1, -1)])
      expect(text).not.to.contain(form);
}

const seeded = fc.tuple(
  fc.array(secrets, { minLength: 1, maxLength: 4 }),
  fc.array(keys, { minLength: 1, maxLength: 3 }),
);

describe("masking", () => {
  it("lets no value of a Secret through, wherever the Secret stands", () => {
    fc.assert(
      fc.property(seeded, ([values, names]) => {
        const secret = secretWith(values, names);
        const { kind: _, ...kindless } = secret;
        for (const object of [
          secret,
          { kind: "List", items: [secret] },
          { kind: "SecretList", items: [kindless] },
          {
            kind: "Bundle",
            metadata: { annotations: { [LAST_APPLIED]: JSON.stringify(secret) } },
            spec: { template: secret },
          },
        ])
          expectNone(maskObject(object), values);
      }),
    );
  });

  it("lets none into the description of any request, and always shows that something changes", () => {
    fc.assert(
      fc.property(seeded, secrets, ([values, names], added) => {
        const [before, after] = [secretWith(values, names), secretWith([...values.slice(1), added], names)];
        const change = update(before, after);
        for (const one of [
          change,
          request({ object: after }),
          request({ operation: "DELETE", oldObject: before }),
        ])
          expectNone(describeChange(one), [...values, added]);
        expect(describeChange(change).diff).not.to.equal("");
      }),
    );
  });

  it("lets no variable with a secret's name through", () => {
    const variables = fc.constantFrom(
      "PASSWORD",
      "DB_PASSWORD",
      "githubToken",
      "API_KEY",
      "AWS_SECRET_ACCESS_KEY",
      "client-secret",
    );
    fc.assert(
      fc.property(variables, secrets, secrets, (name, value, other) => {
        const of = (one: string) => ({ spec: { containers: [{ name: "a", env: [{ name, value: one }] }] } });
        expectNone(maskObject(of(value)), [value]);
        const { diff } = describeChange(update(of(value), of(other)));
        expectNone(diff, [value, other]);
        expect(diff.includes("[masked: changed]")).to.equal(value !== other);
      }),
    );
  });

  it("is done after one pass, and finds tokens in any text", () => {
    const token = fc
      .base64String({ minLength: 40, maxLength: 80 })
      .map((value) => `ghp_${value.replace(/[^A-Za-z0-9]/g, "x")}`);
    fc.assert(
      fc.property(fc.string(), token, fc.string(), (before, one, after) => {
        const masked = maskText(`${before} ${one} ${after}`);
        expect(masked).not.to.contain(one);
        expect(maskText(masked)).to.equal(masked);
      }),
    );
  });
});

describe("printable", () => {
  it("leaves only what is seen, and says the same twice", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        const shown = printable(text);
        expect(shown).not.to.match(/[\p{Cc}\p{Cf}\p{Cs}\p{Default_Ignorable_Code_Point}]/u);
        expect(shown.length).to.be.at.least(text.length);
        expect(printable(shown)).to.equal(shown);
      }),
    );
  });
});

import { expect } from "chai";
import type { Json } from "#core/admission.ts";
import { secretsNamedIn } from "#core/secret-names.ts";
import { EPHEMERAL_FORMS, SECRET_FORMS } from "../support/secret-forms.ts";

const inContainer = (more: Json): Json => ({ containers: [{ name: "main", ...(more as object) }] });

const NONE: Readonly<Record<string, Json>> = {
  "a ConfigMap that is mounted": { volumes: [{ name: "v", configMap: { name: "db" } }] },
  "a ConfigMap that variables come from": inContainer({ envFrom: [{ configMapRef: { name: "db" } }] }),
  "a variable whose value speaks of one": inContainer({ env: [{ name: "secretName", value: "db" }] }),
  "an empty name": { imagePullSecrets: [{ name: "" }] },
  "a reference without a name": { imagePullSecrets: [{}] },
  "names that are no strings": {
    imagePullSecrets: [{ name: 7 }],
    volumes: [{ secret: { secretName: null } }],
  },
  "a list where an object belongs": { imagePullSecrets: [["db"]] },
  "nothing at all": null,
};

describe("the Secrets that a pod spec names", () => {
  for (const [form, make] of Object.entries({ ...SECRET_FORMS, ...EPHEMERAL_FORMS }))
    it(`are found at ${form}`, () => expect(secretsNamedIn(make("db") as Json)).to.deep.equal(["db"]));

  for (const [what, spec] of Object.entries(NONE))
    it(`are none in ${what}`, () => expect(secretsNamedIn(spec)).to.deep.equal([]));

  it("are told once each, in order", () => {
    const forms = Object.values(SECRET_FORMS);
    const all = forms.flatMap((make, index) => [make(`s${index % 3}`), make("a")]) as Json[];
    expect(secretsNamedIn(all)).to.deep.equal(["a", "s0", "s1", "s2"]);
  });
});

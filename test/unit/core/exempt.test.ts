/** What people say is no secret, although it looks like one. */
import { expect } from "chai";
import type { JsonObject } from "#core/admission.ts";
import { type Exemption, exempting, exemptionProblem } from "#core/mask/exempt.ts";
import { maskAnswer } from "#core/mask.ts";

const CONFIG = {
  kind: "ConfigMap",
  metadata: { name: "limits" },
  data: {
    TOKEN_LIMIT: "4096",
    API_KEY: "abc-123",
    "app.yaml": "url: postgres://app:dev-only@db/x\ntoken: sk-aaaaaaaaaaaaaaaaaaaaaaaa\n",
  },
} satisfies JsonObject;
const VALUE = "[masked: value]";
const FILE = "url: postgres://app:[masked: password]@db/x\ntoken: [masked: token]\n";

const shown = (exemptions: Exemption[], object: JsonObject = CONFIG) =>
  exempting(exemptions)(object, maskAnswer(object), String(object["kind"]));

const CASES: Record<string, [Exemption[], Partial<Record<keyof (typeof CONFIG)["data"], string>>]> = {
  "nothing, where nothing is said": [[], {}],
  "a member by its path": [[{ path: "data.TOKEN_LIMIT" }], { TOKEN_LIMIT: "4096" }],
  "any member of a path": [
    [{ path: "data.*", masks: ["value"] }],
    { TOKEN_LIMIT: "4096", API_KEY: "abc-123" },
  ],
  "a name with a dot in it": [[{ path: "data.app\\.yaml" }], { "app.yaml": CONFIG.data["app.yaml"] }],
  "nothing of another kind": [[{ kind: "Pod" }], {}],
  "nothing of another name": [[{ kind: "ConfigMap", name: "other" }], {}],
  "all of an object": [[{ kind: "ConfigMap", name: "limits" }], CONFIG.data],
  "what matches as a whole": [[{ text: "[0-9]+" }], { TOKEN_LIMIT: "4096" }],
  "nothing that only begins so": [[{ text: "409" }], {}],
  "a part of a text": [
    [{ text: "dev-only" }],
    { "app.yaml": FILE.replace("[masked: password]", "dev-only") },
  ],
  "nothing that another mask hides": [[{ path: "data.app\\.yaml", masks: ["token"] }], {}],
};

describe("an exemption from masking shows", () => {
  const masked = { TOKEN_LIMIT: VALUE, API_KEY: VALUE, "app.yaml": FILE };
  for (const [what, [exemptions, own]] of Object.entries(CASES))
    it(what, () => {
      expect(shown(exemptions)["data"]).to.deep.equal({ ...masked, ...own });
    });

  it("never what a Secret holds, wherever that stands", () => {
    const secret = { kind: "Secret", metadata: { name: "db" }, data: { password: "aHVudGVyMg==" } };
    for (const object of [secret, { kind: "Bundle", spec: { template: secret } }])
      expect(
        JSON.stringify(shown([{ path: "data.*" }, { text: ".*" }, { kind: "Bundle" }], object)),
      ).not.to.contain("aHVudGVyMg==");
  });

  it("what kubectl keeps of an object in an annotation, as well", () => {
    const applied = "kubectl.kubernetes.io/last-applied-configuration";
    const object = {
      kind: "Thing",
      metadata: {
        annotations: { [applied]: JSON.stringify({ spec: { token: "4096", password: "hunter2" } }) },
      },
    };
    const { metadata } = shown([{ path: "spec.token" }], object);
    expect((metadata as typeof object.metadata).annotations[applied]).to.equal(
      JSON.stringify({ spec: { token: "4096", password: VALUE } }),
    );
  });

  it("nothing by an expression that is none", () => {
    expect(exemptionProblem({ text: "(" })).to.contain("RE2");
    expect(exemptionProblem({ text: "^[a-z]+$" })).to.equal(undefined);
  });
});

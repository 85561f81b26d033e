import { expect } from "chai";
import type { AdmissionRequest, JsonObject } from "#core/admission.ts";
import { digestOf } from "#core/digest.ts";
import { request } from "../../support/reviews.ts";

const deployment = (annotations: JsonObject | undefined, inTemplate = annotations): JsonObject => ({
  apiVersion: "apps/v1",
  kind: "Deployment",
  metadata: { name: "web", ...(annotations === undefined ? {} : { annotations }) },
  spec: { template: { metadata: inTemplate === undefined ? {} : { annotations: inTemplate }, spec: {} } },
});

const asked = (object: JsonObject, oldObject: JsonObject | null = null): AdmissionRequest =>
  request({
    kind: { group: "apps", version: "v1", kind: "Deployment" },
    resource: { group: "apps", version: "v1", resource: "deployments" },
    operation: oldObject === null ? "CREATE" : "UPDATE",
    name: "web",
    namespace: "demo",
    object,
    oldObject,
    options: null,
  });

const digest = (one: AdmissionRequest) => digestOf(one, { username: "agent" }).digest;
const STAMP = { "hoop.dev/agent": "agent" };

describe("Hoop's own stamp", () => {
  it("is no part of what is asked, on the object or its pod template", () => {
    expect(digest(asked(deployment(STAMP)))).to.equal(digest(asked(deployment(undefined))));
    expect(digest(asked(deployment(STAMP, undefined)))).to.equal(digest(asked(deployment(undefined))));
  });

  it("hides no other annotation", () => {
    const noted = { note: "x" };
    expect(digest(asked(deployment({ ...STAMP, ...noted })))).to.equal(digest(asked(deployment(noted))));
    expect(digest(asked(deployment(noted)))).to.not.equal(digest(asked(deployment(undefined))));
    expect(digest(asked(deployment({})))).to.equal(digest(asked(deployment({}))));
  });

  it("of another agent makes no change of its own", () => {
    const before = { "hoop.dev/agent": "somebody", note: "old" };
    const stamped = asked(deployment({ ...STAMP, note: "new" }), deployment(before));
    const plain = asked(deployment({ note: "new" }), deployment({ note: "old" }));
    expect(digest(stamped)).to.equal(digest(plain));
  });
});

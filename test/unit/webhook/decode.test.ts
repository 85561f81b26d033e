import { expect } from "chai";
import { ExactNumber } from "#core/admission.ts";
import { BadReview, decodeAccess, decodeAdmission } from "#webhook/decode.ts";

const REQUEST = {
  uid: "u-1",
  kind: { group: "", version: "v1", kind: "Pod" },
  resource: { group: "", version: "v1", resource: "pods" },
  name: "web",
  namespace: "demo",
  operation: "CREATE",
  userInfo: { username: "bot", groups: ["hoop:agents"], extra: { key: ["value"] } },
  object: { metadata: { name: "web" } },
  oldObject: null,
  dryRun: false,
};
const SPEC = {
  user: "bot",
  groups: ["hoop:agents"],
  resourceAttributes: { verb: "get", resource: "secrets" },
};

const admission = (request: unknown, rest: object = {}) =>
  JSON.stringify({ apiVersion: "admission.k8s.io/v1", kind: "AdmissionReview", request, ...rest });
const access = (spec: unknown, rest: object = {}) =>
  JSON.stringify({ apiVersion: "authorization.k8s.io/v1", kind: "SubjectAccessReview", spec, ...rest });

const without = (key: string) => Object.fromEntries(Object.entries(REQUEST).filter(([name]) => name !== key));

/** The message of the refusal, "" where there was none. */
function refusal(decode: () => unknown): string {
  try {
    decode();
    return "";
  } catch (error) {
    expect(error).to.be.instanceOf(BadReview);
    return error instanceof Error ? error.message : "";
  }
}

const NOT_JSON = "the body is not JSON, or nested too deeply";

/** What no review of either kind is. */
const bodies: Record<string, [string, string]> = {
  "nothing at all": ["", NOT_JSON],
  "text that is not JSON": ["<xml/>", NOT_JSON],
  "a review that was cut off": [admission(REQUEST).slice(0, -2), NOT_JSON],
  "two reviews": [admission(REQUEST) + admission(REQUEST), NOT_JSON],
  "nesting beyond all measure": ["[".repeat(200_000) + "]".repeat(200_000), NOT_JSON],
  "a list": ["[]", "the body is not a JSON object"],
  null: ["null", "the body is not a JSON object"],
  "a string": ['"AdmissionReview"', "the body is not a JSON object"],
};

describe("an admission review is refused", () => {
  const cases: Record<string, [string, string]> = {
    ...bodies,
    "of another version": [
      admission(REQUEST, { apiVersion: "admission.k8s.io/v1beta1" }),
      "the body is not a AdmissionReview of admission.k8s.io/v1",
    ],
    "of another kind": [admission(REQUEST, { kind: "Pod" }), "the body is not a AdmissionReview"],
    "without a request": [admission(undefined), "request is missing or not an object"],
    "with a list as its request": [admission([]), "request is missing or not an object"],
    "without a uid": [admission(without("uid")), "uid is missing"],
    "with an empty uid": [admission({ ...REQUEST, uid: "" }), "request.uid is missing"],
    "with a number as its uid": [admission({ ...REQUEST, uid: 1 }), "uid is missing or not a string"],
    "without an operation": [admission(without("operation")), "operation is missing"],
    "with an unknown operation": [admission({ ...REQUEST, operation: "DESTROY" }), "is none of CREATE"],
    "with an operation in small letters": [
      admission({ ...REQUEST, operation: "create" }),
      "is none of CREATE",
    ],
    "without its kind": [admission(without("kind")), "kind is missing"],
    "without its resource": [admission(without("resource")), "resource is missing"],
    "with a resource without a name": [
      admission({ ...REQUEST, resource: { group: "", version: "v1" } }),
      "resource is missing or not a string",
    ],
    "without a user": [admission(without("userInfo")), "userInfo is missing"],
    "with groups that are no list": [
      admission({ ...REQUEST, userInfo: { username: "bot", groups: "hoop:agents" } }),
      "groups is not a list of strings",
    ],
    "with a number among its groups": [
      admission({ ...REQUEST, userInfo: { username: "bot", groups: ["hoop:agents", 1] } }),
      "groups is not a list of strings",
    ],
    "with extras that are no object": [
      admission({ ...REQUEST, userInfo: { username: "bot", extra: ["a"] } }),
      "extra is not an object",
    ],
    "with an extra that is no list": [
      admission({ ...REQUEST, userInfo: { username: "bot", extra: { a: "b" } } }),
      "extra holds something",
    ],
    "with a string as its object": [admission({ ...REQUEST, object: "pod" }), "object is not an object"],
    "with a list as its old object": [admission({ ...REQUEST, oldObject: [] }), "oldObject is not an object"],
    "with a number as its namespace": [admission({ ...REQUEST, namespace: 1 }), "namespace is not a string"],
    "with an object as its subresource": [
      admission({ ...REQUEST, subResource: {} }),
      "subResource is not a string",
    ],
  };
  for (const [name, [body, message]] of Object.entries(cases))
    it(name, () => {
      expect(refusal(() => decodeAdmission(body))).to.contain(message);
    });

  it("without repeating what was sent", () => {
    const secret = "hunter2";
    for (const body of [secret, `{"${secret}": `, admission({ ...REQUEST, operation: secret })])
      expect(refusal(() => decodeAdmission(body))).not.to.contain(secret);
  });
});

describe("an admission review", () => {
  it("is read as it stands, what is unknown left out", () => {
    const { userInfo, ...request } = decodeAdmission(admission({ ...REQUEST, requestKind: { kind: "Pod" } }));
    const { userInfo: _, ...wanted } = REQUEST;
    expect(request).to.deep.equal({ ...wanted, subresource: "", options: null });
    expect(userInfo.username).to.equal("bot");
    expect(userInfo.extra.get("key")).to.deep.equal(["value"]);
  });

  it("may lack what a request may lack", () => {
    const { uid, kind, resource, operation } = REQUEST;
    const bare = { uid, kind, resource, operation, userInfo: {} };
    expect(decodeAdmission(admission(bare))).to.deep.include({
      name: "",
      namespace: "",
      subresource: "",
      object: null,
      oldObject: null,
      options: null,
      dryRun: false,
    });
  });

  it("takes nothing but true for a dry run", () => {
    for (const dryRun of ["true", 1, {}, null, undefined])
      expect(decodeAdmission(admission({ ...REQUEST, dryRun })).dryRun).to.equal(false);
    expect(decodeAdmission(admission({ ...REQUEST, dryRun: true })).dryRun).to.equal(true);
  });

  it("keeps the digits of integers that a double cannot hold", () => {
    const body = admission({ ...REQUEST, object: { n: "N" } }).replace('"N"', "9007199254740993");
    const { object } = decodeAdmission(body);
    expect(object?.["n"]).to.be.instanceOf(ExactNumber);
    expect(JSON.stringify(object)).to.equal('{"n":9007199254740993}');
  });

  it("has no say in what an object inherits", () => {
    const body = admission(REQUEST).replace('"metadata":', '"__proto__":{"polluted":true},"metadata":');
    decodeAdmission(body);
    expect(({} as Record<string, unknown>)["polluted"]).to.equal(undefined);
  });
});

describe("an access review is refused", () => {
  const cases: Record<string, [string, string]> = {
    ...bodies,
    "of another version": [
      access(SPEC, { apiVersion: "authorization.k8s.io/v1beta1" }),
      "the body is not a Subject",
    ],
    "that is an admission review": [admission(REQUEST), "the body is not a SubjectAccessReview"],
    "without a spec": [access(undefined), "spec is missing"],
    "about nothing": [access({ user: "bot" }), "names neither a resource nor a path"],
    "about a list": [access({ ...SPEC, resourceAttributes: [] }), "spec.resourceAttributes is not an object"],
    "with a number as its verb": [
      access({ ...SPEC, resourceAttributes: { verb: 1 } }),
      "verb is not a string",
    ],
    "with a list as its user": [access({ ...SPEC, user: [] }), "user is not a string"],
    "with groups that are no list": [access({ ...SPEC, groups: {} }), "groups is not a list of strings"],
  };
  for (const [name, [body, message]] of Object.entries(cases))
    it(name, () => {
      expect(refusal(() => decodeAccess(body))).to.contain(message);
    });
});

describe("an access review", () => {
  it("is read, what it leaves out as empty", () => {
    const { user, resource } = decodeAccess(access(SPEC));
    expect(user).to.deep.include({ username: "bot", groups: ["hoop:agents"] });
    expect(resource).to.deep.equal({
      verb: "get",
      group: "",
      resource: "secrets",
      subresource: "",
      namespace: "",
      name: "",
    });
  });

  it("of a path has no resource", () => {
    const spec = { user: "bot", nonResourceAttributes: { path: "/metrics", verb: "get" } };
    expect(decodeAccess(access(spec))).not.to.have.property("resource");
  });
});

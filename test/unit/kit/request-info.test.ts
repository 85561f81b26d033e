import { expect } from "chai";
import { parseRequestInfo, type RequestInfo } from "#kit/request-info.ts";
import { StatusError } from "#kit/status.ts";

const G = "/apis/hoop.dev/v1alpha1";
const RESOURCE = { isResource: true, group: "hoop.dev", version: "v1alpha1", resource: "approvals" };

const cases: Record<string, [method: string, url: string, expected: Partial<RequestInfo>]> = {
  "a list in a namespace": [
    "GET",
    `${G}/namespaces/a/approvals`,
    { ...RESOURCE, verb: "list", namespace: "a", name: "" },
  ],
  "a list over all namespaces": [
    "GET",
    `${G}/approvals?limit=500`,
    { ...RESOURCE, verb: "list", namespace: "" },
  ],
  "a watch": ["GET", `${G}/approvals?watch=true`, { verb: "watch" }],
  "a watch without a value": ["GET", `${G}/approvals?watch`, { verb: "watch" }],
  "watch=0 is a list": ["GET", `${G}/approvals?watch=0`, { verb: "list" }],
  "watch=False is a list": ["GET", `${G}/approvals?watch=False`, { verb: "list" }],
  "a watch of one name": [
    "GET",
    `${G}/namespaces/a/approvals?watch=1&fieldSelector=metadata.name%3Dx`,
    { verb: "watch", name: "x", fieldSelector: "metadata.name=x" },
  ],
  "a list of all but one name has no name": [
    "GET",
    `${G}/approvals?fieldSelector=metadata.name!%3Dx`,
    { name: "" },
  ],
  "a selected name that is no name": ["GET", `${G}/approvals?fieldSelector=metadata.name%3D..`, { name: "" }],
  "a get": ["GET", `${G}/namespaces/a/approvals/x`, { ...RESOURCE, verb: "get", namespace: "a", name: "x" }],
  "watch=1 on a named object stays a get": [
    "GET",
    `${G}/namespaces/a/approvals/x?watch=1`,
    { verb: "get", name: "x" },
  ],
  "HEAD is a get": ["HEAD", `${G}/namespaces/a/approvals/x`, { verb: "get" }],
  "a create": ["POST", `${G}/namespaces/a/approvals`, { verb: "create", name: "" }],
  "a create has no selectors": ["POST", `${G}/namespaces/a/approvals?labelSelector=x`, { labelSelector: "" }],
  "an update": ["PUT", `${G}/namespaces/a/approvals/x`, { verb: "update" }],
  "a patch of a subresource": [
    "PATCH",
    `${G}/namespaces/a/approvals/x/approval`,
    { ...RESOURCE, verb: "patch", name: "x", subresource: "approval", rest: [] },
  ],
  "what follows a subresource": [
    "GET",
    `${G}/namespaces/a/sessions/x/proxy/api/v1`,
    { resource: "sessions", subresource: "proxy", rest: ["api", "v1"], verb: "get" },
  ],
  "a delete": ["DELETE", `${G}/namespaces/a/approvals/x`, { verb: "delete", name: "x" }],
  "a deletecollection": [
    "DELETE",
    `${G}/namespaces/a/approvals?labelSelector=a`,
    { verb: "deletecollection", labelSelector: "a" },
  ],
  "an unknown method has no verb": [
    "PROPFIND",
    `${G}/namespaces/a/approvals/x`,
    { verb: "", isResource: true },
  ],
  "the core group": [
    "GET",
    "/api/v1/namespaces/a/pods/p",
    { group: "", version: "v1", resource: "pods", namespace: "a" },
  ],
  "a namespace is in the namespace of its name": [
    "GET",
    "/api/v1/namespaces/a",
    { resource: "namespaces", namespace: "a", name: "a", verb: "get" },
  ],
  "a subresource of a namespace": [
    "PUT",
    "/api/v1/namespaces/a/finalize",
    { resource: "namespaces", name: "a", subresource: "finalize" },
  ],
  "the list of namespaces": [
    "GET",
    "/api/v1/namespaces",
    { resource: "namespaces", namespace: "", verb: "list" },
  ],
  "a trailing slash means nothing": ["GET", `${G}/namespaces/a/approvals/`, { ...RESOURCE, verb: "list" }],
  "a decoded segment": ["GET", `${G}/namespaces/a/approvals/x%20y`, { name: "x y" }],
  "discovery is no resource": ["GET", G, { isResource: false, verb: "get", path: G, group: "" }],
  "the root": ["GET", "/", { isResource: false, path: "/" }],
  "a question mark too many is part of a name": [
    "GET",
    `${G}/namespaces/a/approvals??watch=true`,
    { ...RESOURCE, verb: "list" },
  ],
  "another path": [
    "POST",
    "/openapi/v3/apis/x",
    { isResource: false, verb: "post", path: "/openapi/v3/apis/x" },
  ],
};

describe("request info", () => {
  for (const [name, [method, url, expected]] of Object.entries(cases)) {
    it(name, () => {
      expect(parseRequestInfo(method, url)).to.deep.include(expected);
    });
  }

  it("is frozen, so that nothing reads another request than was authorized", () => {
    expect(parseRequestInfo("GET", `${G}/approvals`)).to.be.frozen;
  });

  const refused: Record<string, [url: string, reason: string]> = {
    "a parent segment": [`${G}/namespaces/a/approvals/..`, "BadRequest"],
    "an encoded parent segment": [`${G}/namespaces/%2e%2e/approvals`, "BadRequest"],
    "an encoded slash": [`${G}/namespaces/a%2Fb/approvals`, "BadRequest"],
    "something encoded twice": [`${G}/namespaces/a/approvals/%252e`, "BadRequest"],
    "a backslash": [`${G}/namespaces/a/approvals/x%5Cy`, "BadRequest"],
    "a control character": [`${G}/namespaces/a/approvals/x%00`, "BadRequest"],
    "bad percent-encoding": [`${G}/namespaces/a/approvals/%zz`, "BadRequest"],
    "an empty segment": [`${G}/namespaces//approvals`, "BadRequest"],
    "an absolute URL": [`http://host${G}`, "BadRequest"],
    "the deprecated way to watch": [`${G}/watch/approvals`, "NotFound"],
  };
  for (const [name, [url, reason]] of Object.entries(refused)) {
    it(`refuses ${name}`, () => {
      expect(() => parseRequestInfo("GET", url))
        .to.throw(StatusError)
        .with.property("reason", reason);
    });
  }
});

import { expect } from "chai";
import { type Loose, ROOT, startToy, type Toy, VERSION } from "./toy.ts";

const AGGREGATED = (version: string) =>
  `application/json;g=apidiscovery.k8s.io;v=${version};as=APIGroupDiscoveryList`;
const GVK = { group: "toy.example.com", version: "v1", kind: "Widget" };

describe("documents from memory", () => {
  let toy: Toy;
  before(async () => {
    toy = await startToy();
  });
  after(() => toy.close());

  const json = async (path: string, headers: Record<string, string> = {}): Promise<Loose> =>
    (await toy.call(path, { headers })).json;

  for (const version of ["v2", "v2beta1"]) {
    it(`tells all resources at once in ${version}, and the type says so`, async () => {
      const accept = `${AGGREGATED(version)},application/json`;
      const { status, headers, json } = await toy.call("/apis", { headers: { accept } });
      expect(status).to.equal(200);
      expect(headers["content-type"]).to.equal(AGGREGATED(version));
      expect(headers["vary"]).to.equal("Accept");
      expect(json).to.include({
        kind: "APIGroupDiscoveryList",
        apiVersion: `apidiscovery.k8s.io/${version}`,
      });
      expect(json.items[0].versions[0]).to.deep.equal({
        version: "v1",
        freshness: "Current",
        resources: [
          {
            resource: "widgets",
            responseKind: GVK,
            scope: "Namespaced",
            singularResource: "widget",
            verbs: ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"],
            shortNames: ["wd"],
            categories: ["toys"],
            subresources: [
              {
                subresource: "polish",
                responseKind: { ...GVK, kind: "Polish" },
                verbs: ["create", "get", "patch", "update"],
              },
            ],
          },
        ],
      });
    });
  }

  it("tells the groups alone to clients that know no more", async () => {
    for (const headers of [{}, { accept: "*/*" }, { accept: `${AGGREGATED("v3")},application/json` }]) {
      const { headers: sent, json } = await toy.call("/apis", { headers });
      expect(sent["content-type"]).to.equal("application/json");
      expect(json).to.deep.include({ kind: "APIGroupList", apiVersion: "v1" });
      expect(json.groups[0].preferredVersion).to.deep.equal({
        groupVersion: "toy.example.com/v1",
        version: "v1",
      });
    }
  });

  it("answers 406 to what it cannot give", async () => {
    const { status, json } = await toy.call("/apis", { headers: { accept: AGGREGATED("v3") } });
    expect([status, json.reason]).to.deep.equal([406, "NotAcceptable"]);
  });

  it("answers 304 without a body to those who have the document", async () => {
    for (const path of ["/apis", "/openapi/v2", "/openapi/v3", `/openapi/v3${ROOT}`]) {
      const first = await toy.call(path);
      const again = await toy.call(path, { headers: { "if-none-match": String(first.headers["etag"]) } });
      expect(first.headers["etag"], path).to.match(/^"[0-9A-F]{64}"$/);
      expect([again.status, again.text], path).to.deep.equal([304, ""]);
    }
  });

  it("tells the resources of a version, subresources with their parent's name", async () => {
    const list = await json(ROOT);
    expect(list).to.include({ kind: "APIResourceList", groupVersion: "toy.example.com/v1" });
    expect(list.resources.map(({ name, kind, namespaced }: Loose) => [name, kind, namespaced])).to.deep.equal(
      [
        ["widgets", "Widget", true],
        ["widgets/polish", "Polish", true],
      ],
    );
  });

  it("tells the group and the version of the program", async () => {
    expect(await json("/apis/toy.example.com")).to.include({ kind: "APIGroup", name: "toy.example.com" });
    expect(await json("/version")).to.deep.equal(VERSION);
    const { text } = await toy.call("/version", { headers: { "user-agent": "curl/8" } });
    expect(text).to.include('\n  "gitVersion"');
  });

  it("OpenAPI v3 is found by its hash and then never changes; another hash is no redirect", async () => {
    const { paths } = await json("/openapi/v3");
    const url: string = paths["apis/toy.example.com/v1"].serverRelativeURL;
    const { status, headers } = await toy.call(url);
    expect(status).to.equal(200);
    expect(headers["cache-control"]).to.equal("public, immutable");
    const other = await toy.call(`/openapi/v3${ROOT}?hash=0`);
    expect(other.status).to.equal(200);
    expect(other.headers).not.to.have.property("cache-control");
  });

  for (const [version, path, schemasOf] of [
    ["v3", `/openapi/v3${ROOT}`, (document: Loose) => document.components.schemas],
    ["v2", "/openapi/v2", (document: Loose) => document.definitions],
  ] as const) {
    it(`OpenAPI ${version} documents each kind by its group, version and kind`, async () => {
      const document = await json(path);
      const widget = schemasOf(document)["com.example.toy.v1.Widget"];
      expect(widget["x-kubernetes-group-version-kind"]).to.deep.equal([GVK]);
      expect(widget.description).to.equal("A Widget is a thing with a colour.");
      expect(widget.properties).to.have.all.keys("apiVersion", "kind", "metadata", "spec");
      expect(widget.properties.spec.properties.color).to.deep.equal({
        type: "string",
        description: "Its colour.",
        enum: ["red", "blue"],
      });
      const paths = Object.values<Loose>(document.paths);
      expect(paths.some(({ get }) => get?.["x-kubernetes-group-version-kind"].kind === "Widget")).to.equal(
        true,
      );
    });

    it(`OpenAPI ${version} names nothing that another document could name otherwise, and every reference leads somewhere`, async () => {
      const document = await json(path);
      const names = Object.keys(schemasOf(document));
      for (const name of names) expect(name).to.match(/^com\.example\.toy\.v1\./);
      const found = JSON.stringify(document).matchAll(
        /"\$ref":"#\/(?:definitions|components\/schemas)\/([^"]+)"/g,
      );
      for (const [, name] of found) expect(names).to.include(name);
      const ids = Object.values<Loose>(document.paths).flatMap((path) =>
        Object.values<Loose>(path).flatMap((operation) => operation.operationId ?? []),
      );
      expect(ids).to.have.length(new Set(ids).size);
    });

    it(`OpenAPI ${version} says that patches can be dry runs and validate fields`, async () => {
      const document = await json(path);
      const { patch } = document.paths[`${ROOT}/namespaces/{namespace}/widgets/{name}/polish`];
      const names = patch.parameters.map(({ name, in: place }: Loose) => `${place} ${name}`);
      expect(names).to.include.members(["query dryRun", "query fieldValidation"]);
      expect(patch["x-kubernetes-action"]).to.equal("patch");
      expect(patch["x-kubernetes-group-version-kind"].kind).to.equal("Polish");
      expect(JSON.stringify(patch)).not.to.include("strategic");
    });
  }

  it("is served while the store is lost", async () => {
    const lost = await startToy();
    await lost.store.close();
    for (const path of ["/apis", ROOT, "/openapi/v2", `/openapi/v3${ROOT}`, "/livez"]) {
      expect((await lost.call(path)).status, path).to.equal(200);
    }
    await lost.close();
  });
});

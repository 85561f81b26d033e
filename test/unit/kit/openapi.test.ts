import { expect } from "chai";
import { documents } from "#kit/documents.ts";
import type { ApiRequest } from "#kit/request.ts";
import { parseRequestInfo } from "#kit/request-info.ts";
import type { AnyResource } from "#kit/resource.ts";
import { serveResource } from "#kit/served.ts";
import { memoryStore } from "#store/memory.ts";
import { library } from "../../toy/library.ts";
import { locked, machines } from "./machines.ts";
import { type Loose, VERSION } from "./toy.ts";

const LIBRARY = "/apis/library.example.com/v1";
const BOOKS = `${LIBRARY}/namespaces/{namespace}/books`;
const MACHINES = "/apis/machines.example.com/v1/machines";

/** The document at that path, as a client without an Accept header gets it. */
function document(resources: readonly AnyResource[], path: string): Loose {
  const answer = documents("Test", VERSION, resources.map(serveResource));
  const request = { rawHeaders: [], method: "GET" } as unknown as ApiRequest;
  const body = answer(request, parseRequestInfo("GET", path))?.body;
  return typeof body === "string" ? JSON.parse(body) : body;
}

/** `method action id` of each operation. */
function operations(path: Loose): string[] {
  return Object.entries<Loose>(path)
    .filter(([method]) => method !== "parameters")
    .map(([method, operation]) => `${method} ${operation["x-kubernetes-action"]} ${operation.operationId}`);
}

function parameters(operation: Loose): string[] {
  return operation.parameters
    .filter((each: Loose) => each.in === "query")
    .map((each: Loose) => `${each.name}:${each.type ?? each.schema.type}`);
}

const WRITE = ["pretty:string", "dryRun:string", "fieldManager:string", "fieldValidation:string"];

describe("what is derived from a declaration", () => {
  const store = memoryStore();
  after(() => store.close());
  const resources = library(store);
  const GVK = { group: "library.example.com", version: "v1" };

  it("is in discovery: verbs by storage and declaration, status and custom subresources", () => {
    const { resources: found } = document(resources, LIBRARY);
    const ALL = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"];
    expect(found).to.deep.equal([
      { name: "books", singularName: "book", namespaced: true, kind: "Book", verbs: ALL, shortNames: ["bk"] },
      {
        name: "books/status",
        singularName: "",
        namespaced: true,
        kind: "Book",
        verbs: ["get", "patch", "update"],
      },
      { name: "books/loan", singularName: "", namespaced: true, kind: "Loan", verbs: ["get", "update"] },
      { name: "shelves", singularName: "shelf", namespaced: false, kind: "Shelf", verbs: ALL },
    ]);
  });

  it("offers the verbs of its methods for what takes a request over, and fewer verbs where it says so", () => {
    const { resources: found } = document([machines, locked], "/apis/machines.example.com/v1");
    expect(found.map(({ name, verbs }: Loose) => [name, verbs.join()])).to.deep.equal([
      ["machines", "get,list,watch"],
      ["machines/wire", "create,delete,get"],
      ["boxes", "get,list"],
    ]);
  });

  for (const [version, path, bodyOf] of [
    ["v3", `/openapi/v3${LIBRARY}`, ({ requestBody }: Loose) => Object.keys(requestBody.content)],
    ["v2", "/openapi/v2", ({ consumes }: Loose) => consumes],
  ] as const) {
    describe(`OpenAPI ${version}`, () => {
      const { paths, ...rest } = document(resources, path);

      it("has one operation for each verb that is offered", () => {
        expect(
          Object.fromEntries(Object.entries(paths).map(([at, item]) => [at, operations(item)])),
        ).to.deep.equal({
          [`${LIBRARY}/books`]: ["get list listLibraryExampleComV1BookForAllNamespaces"],
          [BOOKS]: [
            "get list listLibraryExampleComV1NamespacedBook",
            "post post createLibraryExampleComV1NamespacedBook",
            "delete deletecollection deleteLibraryExampleComV1CollectionNamespacedBook",
          ],
          [`${BOOKS}/{name}`]: [
            "get get readLibraryExampleComV1NamespacedBook",
            "put put replaceLibraryExampleComV1NamespacedBook",
            "patch patch patchLibraryExampleComV1NamespacedBook",
            "delete delete deleteLibraryExampleComV1NamespacedBook",
          ],
          [`${BOOKS}/{name}/status`]: [
            "get get readLibraryExampleComV1NamespacedBookStatus",
            "put put replaceLibraryExampleComV1NamespacedBookStatus",
            "patch patch patchLibraryExampleComV1NamespacedBookStatus",
          ],
          [`${LIBRARY}/shelves`]: [
            "get list listLibraryExampleComV1Shelf",
            "post post createLibraryExampleComV1Shelf",
            "delete deletecollection deleteLibraryExampleComV1CollectionShelf",
          ],
          [`${LIBRARY}/shelves/{name}`]: [
            "get get readLibraryExampleComV1Shelf",
            "put put replaceLibraryExampleComV1Shelf",
            "patch patch patchLibraryExampleComV1Shelf",
            "delete delete deleteLibraryExampleComV1Shelf",
          ],
          [`${BOOKS}/{name}/loan`]: [
            "get get readLibraryExampleComV1NamespacedBookLoan",
            "put put replaceLibraryExampleComV1NamespacedBookLoan",
          ],
        });
      });

      it("tells what a write takes and may be asked for", () => {
        const { patch, put, delete: remove } = paths[`${BOOKS}/{name}`];
        expect(bodyOf(patch)).to.deep.equal(["application/json-patch+json", "application/merge-patch+json"]);
        expect(bodyOf(put)).to.deep.equal(["application/json", "application/yaml"]);
        for (const operation of [patch, put, paths[BOOKS].post, paths[`${BOOKS}/{name}/status`].patch])
          expect(parameters(operation)).to.deep.equal(WRITE);
        expect(parameters(remove)).to.include.members([
          "propagationPolicy:string",
          "gracePeriodSeconds:integer",
        ]);
        const { 200: answered } = patch.responses;
        expect(patch.produces ?? Object.keys(answered.content)).to.deep.equal([
          "application/json",
          "application/yaml",
        ]);
        expect(patch["x-kubernetes-group-version-kind"]).to.deep.equal({ ...GVK, kind: "Book" });
      });

      it("tells how a list may be narrowed, and that it can be watched", () => {
        expect(parameters(paths[BOOKS].get)).to.include.members([
          ...["watch:boolean", "limit:integer", "continue:string", "resourceVersionMatch:string"],
          ...["sendInitialEvents:boolean", "allowWatchBookmarks:boolean", "labelSelector:string"],
        ]);
        const boxes = document([machines, locked], path.replace("library", "machines")).paths;
        const list = boxes["/apis/machines.example.com/v1/namespaces/{namespace}/boxes"].get;
        expect(parameters(list)).to.include("limit:integer").and.not.include("watch:boolean");
      });

      it("has what takes a request over, at its path and below", () => {
        const { paths: found } = document([machines, locked], path.replace("library", "machines"));
        expect(operations(found[`${MACHINES}/{name}/wire`])).to.deep.equal([
          "get connect connectGetMachinesExampleComV1MachineWire",
          "post connect connectPostMachinesExampleComV1MachineWire",
          "delete connect connectDeleteMachinesExampleComV1MachineWire",
        ]);
        const below = found[`${MACHINES}/{name}/wire/{path}`];
        expect(operations(below)[0]).to.equal(
          "get connect connectGetMachinesExampleComV1MachineWireWithPath",
        );
        expect(below.parameters.map(({ name }: Loose) => name)).to.deep.equal(["name", "path"]);
      });

      it("shows kinds, lists and options by group, version and kind, and which fields can be selected", () => {
        const schemas = version === "v3" ? rest.components.schemas : rest.definitions;
        const kinds = Object.values<Loose>(schemas).flatMap(
          (each) => each["x-kubernetes-group-version-kind"] ?? [],
        );
        expect(kinds.map(({ kind }: Loose) => kind).toSorted()).to.deep.equal(
          ["Book", "BookList", "DeleteOptions", "Loan", "Shelf", "ShelfList"].toSorted(),
        );
        const book = schemas["com.example.library.v1.Book"];
        expect(book["x-kubernetes-selectable-fields"]).to.deep.equal([{ fieldPath: "spec.shelf" }]);
        expect(book.properties.spec.properties.pages).to.include({
          type: "integer",
          minimum: 1,
          default: 100,
        });
      });
    });
  }
});

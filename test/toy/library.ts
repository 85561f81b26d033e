/** A second API on the kit: shelves of the whole cluster, and books in namespaces that can be lent. */
import Type, { type Static } from "typebox";
import { type AnyResource, defineResource, defineSubresource, type KubeObject } from "#kit/resource.ts";
import { notFound, StatusError } from "#kit/status.ts";
import type { Store } from "#kit/storage.ts";
import { stored } from "#kit/stored.ts";

const NAMES = { group: "library.example.com", version: "v1" };

const BookFields = Type.Object({
  spec: Type.Object({
    title: Type.String({ minLength: 1 }),
    pages: Type.Integer({ minimum: 1, default: 100 }),
    shelf: Type.Optional(Type.String({ description: "Where it stands." })),
  }),
  status: Type.Optional(Type.Object({ lentTo: Type.Optional(Type.String()) })),
});
type Book = KubeObject & Static<typeof BookFields>;

const LoanFields = Type.Object({ borrower: Type.Optional(Type.String({ description: "Empty: nobody." })) });
type Loan = KubeObject & Static<typeof LoanFields>;

function books(store: Store) {
  const storage = stored<Book>(store, { prefix: "books/" });
  const found = async (namespace: string, name: string): Promise<Book> => {
    const book = await storage.get(namespace, name, { kind: "latest" });
    if (book === undefined) throw notFound({ group: NAMES.group, plural: "books" }, name);
    return book;
  };
  const loan = ({ apiVersion, metadata, status }: Book): Loan => ({
    ...{ apiVersion, kind: "Loan", metadata, borrower: status?.lentTo ?? "" },
  });
  return defineResource<Book>({
    ...{ ...NAMES, kind: "Book", plural: "books", scope: "Namespaced", shortNames: ["bk"] },
    ...{ schema: BookFields, storage, status: true },
    columns: [
      { name: "Title", type: "string", description: "What it is called.", cell: ({ spec }) => spec.title },
      { name: "Lent", type: "string", description: "To whom.", cell: ({ status }) => status?.lentTo ?? "" },
    ],
    fields: { "spec.shelf": ({ spec }) => spec.shelf ?? "" },
    strategy: { warnings: ({ spec }) => (spec.pages > 1000 ? ["it is heavy"] : []) },
    subresources: {
      loan: defineSubresource<Loan>({
        ...{ kind: "Loan", schema: LoanFields, verbs: ["get", "update"] },
        read: async (_caller, namespace, name) => loan(await found(namespace, name)),
        write: async (caller, namespace, name, { borrower = "", metadata }, options) => {
          const book = await found(namespace, name);
          const expected = metadata.resourceVersion ?? book.metadata.resourceVersion ?? "";
          const lent = { ...book, status: { lentTo: borrower } };
          const result = await storage.replace(lent, expected, { ...options, caller });
          if (result.outcome !== "stored")
            throw new StatusError("Conflict", "the book was changed meanwhile");
          return loan(result.object);
        },
      }),
    },
  });
}

function shelves(store: Store) {
  return defineResource({
    ...{ ...NAMES, kind: "Shelf", plural: "shelves", scope: "Cluster" },
    schema: Type.Object({ spec: Type.Object({ room: Type.String() }) }),
    storage: stored(store, { prefix: "shelves/", scope: "Cluster" }),
  });
}

export function library(store: Store): AnyResource[] {
  return [books(store), shelves(store)];
}

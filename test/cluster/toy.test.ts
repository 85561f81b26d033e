/** An API declared in some dozens of lines, behind a real API server, beside CRDs of the same shape. */
import { expect } from "chai";
import { type ControlPlane, startControlPlane } from "#controlplane/controlplane.ts";
import { memoryStore } from "#store/memory.ts";
import { type KitApi, serveBehind } from "../support/kit-api.ts";
import { asUserOf } from "../support/raw.ts";
import { type Shell, shellOf } from "../support/shell.ts";
import { library } from "../toy/library.ts";
import type { Loose } from "../unit/kit/toy.ts";

const OURS = "library.example.com";
const TWIN = "twin.example.com";

/** The library as custom resources: what clients know already. */
function twins(): object[] {
  const crd = (kind: string, plural: string, scope: string, fields: object, more: object = {}) => ({
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { name: `${plural}.${TWIN}` },
    spec: {
      ...{ group: TWIN, scope, names: { kind, plural, ...(kind === "Book" ? { shortNames: ["bk"] } : {}) } },
      versions: [
        {
          ...{ name: "v1", served: true, storage: true, ...more },
          schema: { openAPIV3Schema: { type: "object", properties: fields } },
        },
      ],
    },
  });
  const text = { type: "string" };
  const spec = (properties: object) => ({ spec: { type: "object", properties } });
  const status = { status: { type: "object", properties: { lentTo: text } } };
  return [
    crd(
      "Book",
      "books",
      "Namespaced",
      { ...spec({ title: text, pages: { type: "integer" }, shelf: text }), ...status },
      { subresources: { status: {} }, selectableFields: [{ jsonPath: ".spec.shelf" }] },
    ),
    crd("Shelf", "shelves", "Cluster", spec({ room: text })),
  ];
}

describe("the toy API behind a real API server", function () {
  this.timeout(120_000);
  const store = memoryStore();
  let plane: ControlPlane;
  let api: KitApi;
  let shell: Shell;

  before(async function () {
    this.timeout(1_200_000);
    plane = await startControlPlane();
    shell = await shellOf(plane.kubectlPath, plane.adminKubeconfig, "default");
    await shell.must("apply -f -", { input: { apiVersion: "v1", kind: "List", items: twins() } });
    api = await serveBehind(plane, library(store));
    await shell.must(`wait crd books.${TWIN} shelves.${TWIN} --for=condition=Established --timeout=300s`);
  });
  after(async () => {
    await api?.close();
    await shell?.close();
    await plane?.stop();
    await store.close();
  });

  const raw = async (path: string): Promise<Loose> => JSON.parse(await shell.must(`get --raw ${path}`));
  const book = (spec: object) => ({
    apiVersion: `${OURS}/v1`,
    kind: "Book",
    metadata: { name: "moby-dick" },
    spec,
  });

  it("is written, shown, patched, lent and deleted with kubectl", async () => {
    await shell.must("create -f -", {
      input: { apiVersion: `${OURS}/v1`, kind: "Shelf", metadata: { name: "sea" }, spec: { room: "3" } },
    });
    expect(await shell.must("get shelves")).to.match(/^NAME +AGE\nsea +[\dms]+\n$/);
    const created = await shell.kubectl("create -f -", { input: book({ title: "Moby-Dick", pages: 1001 }) });
    expect(created.stderr).to.contain("Warning: it is heavy");
    await shell.must(`patch bk moby-dick --type=merge -p '{"spec":{"shelf":"sea"}}'`);
    expect(await shell.must("get bk --field-selector=spec.shelf=sea")).to.match(
      /^NAME +TITLE +LENT\nmoby-dick +Moby-Dick *\n$/,
    );
    await shell.must(`replace --raw /apis/${OURS}/v1/namespaces/default/books/moby-dick/loan -f -`, {
      input: { borrower: "ishmael" },
    });
    expect(await shell.must("get bk")).to.match(/moby-dick +Moby-Dick +ishmael/);
    await shell.must(
      `patch bk moby-dick --subresource=status --type=merge -p '{"status":{"lentTo":"ahab"}}'`,
    );
    expect(await shell.must("get bk moby-dick -o jsonpath={.status.lentTo}")).to.equal("ahab");
    await shell.must("delete bk moby-dick");
    await shell.must("delete shelf sea");
  });

  it("is refused where the declaration says so", async () => {
    expect(await shell.fails("create -f -", { input: book({ title: "" }) })).to.contain("spec.title");
    expect(await shell.fails("create -f -", { input: book({ title: "x", colour: "blue" }) })).to.contain(
      'unknown field "spec.colour"',
    );
  });

  it("is discovered like the custom resources, but for how those are stored and what is its own", async () => {
    const resourcesOf = async (group: string): Promise<Loose[]> => {
      const { resources } = await raw(`/apis/${group}/v1`);
      return resources
        .filter(({ name }: Loose) => name !== "books/loan")
        .map(({ storageVersionHash: _, verbs, ...rest }: Loose) => ({ ...rest, verbs: verbs.toSorted() }))
        .toSorted((a: Loose, b: Loose) => (a.name < b.name ? -1 : 1));
    };
    expect(await resourcesOf(OURS)).to.deep.equal(await resourcesOf(TWIN));
  });

  it("stands in the API server's aggregated discovery like the custom resources", async () => {
    const call = await asUserOf(plane.adminKubeconfig);
    const accept = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";
    const sorted = (resources: Loose[]): Loose[] =>
      resources
        .map(({ verbs, responseKind, subresources = [], ...rest }) => ({
          ...{ ...rest, verbs: verbs.toSorted(), kind: responseKind.kind },
          subresources: sorted(subresources.filter(({ subresource }: Loose) => subresource !== "loan")),
        }))
        .toSorted((a, b) => (a.resource < b.resource ? -1 : 1));
    const found = await eventually(
      async () => JSON.parse((await call({ path: "/apis", accept })).text),
      ({ items }) => [OURS, TWIN].every((name) => items.some((each: Loose) => each.metadata.name === name)),
    );
    const [ours, twin] = [OURS, TWIN].map((name) => {
      const { versions } = found.items.find(({ metadata }: Loose) => metadata.name === name);
      return versions.map((each: Loose) => ({ ...each, resources: sorted(each.resources) }));
    });
    expect(ours).to.deep.equal(twin);
  });

  /** By path: each operation's action, kind, types and parameters. */
  function operationsOf({ paths }: Loose, group: string): Record<string, object> {
    const found: Record<string, object> = {};
    for (const [path, item] of Object.entries<Loose>(paths)) {
      if (!path.startsWith(`/apis/${group}/v1/`)) continue;
      const shared = (item.parameters ?? []).map(({ name }: Loose) => name);
      for (const [method, operation] of Object.entries<Loose>(item)) {
        if (method === "parameters") continue;
        const own = (operation.parameters ?? []).filter((each: Loose) => each.in !== "body");
        found[`${method} ${path.replace(group, "GROUP")}`] = {
          action: operation["x-kubernetes-action"],
          kind: operation["x-kubernetes-group-version-kind"].kind,
          takes: Object.keys(operation.requestBody?.content ?? {}).toSorted(),
          parameters: [...new Set([...shared, ...own.map(({ name }: Loose) => name)])].toSorted(),
        };
      }
    }
    return found;
  }

  /** What the custom resources' document tells and ours does not. */
  const NOT_OURS = {
    types: ["application/apply-patch+yaml", "application/cbor"],
    parameters: ["force", "ignoreStoreReadErrorWithClusterBreakingPotential", "shardSelector"],
  };

  it("is documented like the custom resources: the same operations, types and parameters", async () => {
    const [ours, twin]: Record<string, Loose>[] = await Promise.all(
      [OURS, TWIN].map(async (group) => operationsOf(await raw(`/openapi/v3/apis/${group}/v1`), group)),
    );
    // As Kubernetes' own servers do, and other than for custom resources, what a collection may be deleted with is told.
    for (const operation of [...Object.values(ours ?? {}), ...Object.values(twin ?? {})])
      if (operation.action === "deletecollection") Object.assign(operation, { takes: [], parameters: [] });
    for (const operation of Object.values(twin ?? {})) {
      operation.takes = operation.takes.filter((type: string) => !NOT_OURS.types.includes(type));
      operation.parameters = operation.parameters.filter(
        (name: string) => !NOT_OURS.parameters.includes(name),
      );
    }
    const common = Object.entries(ours ?? {}).filter(([path]) => !path.endsWith("/loan"));
    expect(Object.fromEntries(common)).to.deep.equal(twin);
  });

  it("changes no definition of others in the cluster's one document", async () => {
    const merged = await eventually(
      () => raw("/openapi/v2"),
      ({ definitions }) => "com.example.library.v1.Book" in definitions,
    );
    const names = Object.keys(merged.definitions);
    expect(names.filter((name) => name.endsWith("_v2"))).to.deep.equal([]);
    expect(names).to.include("io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta");
    expect(merged.paths).to.include.keys(`/apis/${OURS}/v1/namespaces/{namespace}/books/{name}`);
  });

  it("is explained, validated and tried out", async () => {
    expect(await shell.must("explain book.spec")).to.match(
      /pages\t<integer>[\s\S]*shelf\t<string>[\s\S]*Where it stands/,
    );
    expect(await shell.must("create --dry-run=server -f -", { input: book({ title: "x" }) })).to.contain(
      "server dry run",
    );
    expect(await shell.must("get books -o name")).to.equal("");
  });
});

async function eventually<T>(look: () => Promise<T>, fits: (found: T) => boolean): Promise<T> {
  for (;;) {
    const found = await look();
    if (fits(found)) return found;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

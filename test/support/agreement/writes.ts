/** Dry-run writes of every kind for a batch of policies: all of their objects carry the batch's label. */
import type { Json } from "#core/cel/input.ts";
import { type Cluster, GROUP, things, type Write } from "./cluster.ts";

const API = `${GROUP}/v1`;
const WHOLES = `/apis/${API}/wholes`;
const MERGE = "application/merge-patch+json";

/** With their labels. */
const NAMESPACES: readonly (readonly [string, Record<string, string>])[] = [
  ["n1", { env: "prod" }],
  ["n2", { env: "test" }],
  ["n3", {}],
];

const LIMIT = {
  apiVersion: API,
  kind: "Limit",
  metadata: { name: "most" },
  most: 5,
  names: ["web", "api"],
};

/** The namespaces, and the params that some of them have. */
export async function prepare(cluster: Cluster): Promise<void> {
  for (const [name, labels] of NAMESPACES)
    await cluster.make("/api/v1/namespaces", {
      apiVersion: "v1",
      kind: "Namespace",
      metadata: { name, labels },
    });
  for (const namespace of ["default", "n1", "n2"])
    await cluster.make(`/apis/${API}/namespaces/${namespace}/limits`, LIMIT);
}

/** A thing with that random content. */
export function thing(content: Json, metadata: object): object {
  return { ...(content as object), apiVersion: API, kind: "Thing", metadata };
}

const labelsOf = (batch: string, tier?: string) => ({ batch, ...(tier === undefined ? {} : { tier }) });

/** Stores what updates and deletes of the batch are about. */
export async function store(cluster: Cluster, batch: string, content: Json): Promise<void> {
  const [name, labels] = ["stored", labelsOf(batch, "front")];
  const [named, own] = [
    { name: `${name}-${batch}`, labels },
    { apiVersion: API, kind: "Whole" },
  ];
  await cluster.make(things("n1"), thing(content, named));
  await cluster.make(things("n3"), thing(content, named));
  await cluster.make(WHOLES, { ...own, metadata: named });
}

/** Whether its target is in a namespace; what Kubernetes takes a Namespace itself to be depends on who looks. */
export const isNamespaced = ({ path }: Write): boolean => /\/namespaces\/[^/]+\//.test(path);

/** `contents`: of objects that are made, and of those that come in place of what is stored. */
export function writesOf(batch: string, contents: readonly Json[]): readonly Write[] {
  const labels = (tier?: string) => labelsOf(batch, tier);
  const old = `stored-${batch}`;
  const at = (namespace: string) => `${things(namespace)}/${old}`;
  const pick = (n: number): Json => contents[n % contents.length] ?? {};
  const patch = (path: string, body: object): Write => ({ method: "PATCH", path, body, type: MERGE });
  return [
    { method: "POST", path: things("n1"), body: thing(pick(0), { name: "new", labels: labels("front") }) },
    { method: "POST", path: things("n2"), body: thing(pick(1), { name: "new", labels: labels("back") }) },
    { method: "POST", path: things("n3"), body: thing(pick(2), { generateName: "any-", labels: labels() }) },
    patch(at("n1"), thing(pick(3), { labels: labels("front") })),
    // No longer what the selectors look for; what was counts as well.
    patch(at("n3"), { metadata: { labels: { tier: "back" } }, n: 7, s: "text" }),
    patch(at("n1"), { metadata: { labels: { batch: null } }, l: [1] }),
    patch(`${at("n1")}/status`, { status: { done: true } }),
    { method: "DELETE", path: at("n1") },
    {
      method: "DELETE",
      path: at("n3"),
      body: { kind: "DeleteOptions", apiVersion: "v1", propagationPolicy: "Orphan" },
    },
    {
      method: "POST",
      path: WHOLES,
      body: { apiVersion: API, kind: "Whole", metadata: { name: "new", labels: labels() }, n: 3, b: true },
    },
    { method: "DELETE", path: `${WHOLES}/${old}` },
    {
      method: "POST",
      path: "/api/v1/namespaces/n1/configmaps",
      body: {
        apiVersion: "v1",
        kind: "ConfigMap",
        metadata: { name: "new", labels: labels("back") },
        data: { a: "1" },
      },
    },
    {
      method: "POST",
      path: "/api/v1/namespaces",
      body: {
        apiVersion: "v1",
        kind: "Namespace",
        metadata: { name: "new", labels: { ...labels("front"), env: "prod" } },
      },
    },
    patch("/api/v1/namespaces/n1", { metadata: { labels: labels("front") } }),
    { method: "DELETE", path: `${things("n1")}?labelSelector=batch%3D${batch}` },
  ];
}

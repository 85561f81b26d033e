/** Every way to write that an API server serves, from its own discovery, as calls of an agent. */
import type { Operation } from "#core/admission.ts";
import type { Call, Caller } from "./raw.ts";

export interface Served {
  group: string;
  version: string;
  resource: string;
  /** "" for the resource itself. */
  subresource: string;
  kind: { group: string; version: string; kind: string };
  isNamespaced: boolean;
  verbs: readonly string[];
}

/** A call and what admission would be told of it. */
export interface Route {
  served: Served;
  operation: Operation;
  /** Of the object; "" for a collection. */
  name: string;
  call: Call;
}

interface Discovered {
  resource: string;
  responseKind: Served["kind"];
  scope: "Namespaced" | "Cluster";
  verbs: string[];
  subresources?: { subresource: string; responseKind?: Served["kind"]; verbs: string[] }[];
}

/** Resources and subresources in every version that is served. */
export async function discovered(caller: Caller): Promise<Served[]> {
  const accept = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";
  const lists = await Promise.all(["/api", "/apis"].map((path) => caller({ path, accept })));
  return lists.flatMap(({ text }) => {
    const { items } = JSON.parse(text) as {
      items: { metadata: { name?: string }; versions: { version: string; resources: Discovered[] }[] }[];
    };
    return items.flatMap(({ metadata: { name: group = "" }, versions }) =>
      versions.flatMap(({ version, resources }) => resources.flatMap((one) => servedBy(group, version, one))),
    );
  });
}

function servedBy(group: string, version: string, found: Discovered): Served[] {
  const { resource, responseKind, scope, verbs, subresources = [] } = found;
  const common = { group, version, resource, isNamespaced: scope === "Namespaced" };
  // Without a version it is of the resource's own.
  const own = (kind: Served["kind"] = responseKind) =>
    kind.version === "" ? { group, version, kind: kind.kind } : kind;
  return [
    { ...common, subresource: "", kind: own(), verbs },
    ...subresources.map(({ subresource, responseKind: kind, verbs: can }) => ({
      ...{ ...common, subresource, kind: own(kind), verbs: can },
    })),
  ];
}

/** `GROUP/RESOURCE[/SUBRESOURCE]`. */
export function titleOf({ group, resource, subresource }: Served): string {
  return `${group}/${resource}${subresource === "" ? "" : `/${subresource}`}`;
}

const entry = (verb: string, route: Route): [verb: string, route: Route] => [verb, route];

/** The path of an object, of a collection where there is no name; in namespace `demo`. */
export function pathTo(
  { group, version, resource, subresource, isNamespaced }: Served,
  name: string,
): string {
  const parts = [
    group === "" ? `/api/${version}` : `/apis/${group}/${version}`,
    ...(isNamespaced ? ["namespaces/demo"] : []),
    resource,
    ...(name === "" ? [] : [name]),
    ...(subresource === "" ? [] : [subresource]),
  ];
  return parts.join("/");
}

const CONNECTED = new Set(["attach", "exec", "portforward", "proxy"]);
const LABEL = { metadata: { labels: { route: "x" } } };

/** A small change in each of the ways a patch can be written. */
const PATCHES: readonly (readonly [type: string, body: object])[] = [
  ["application/json-patch+json", [{ op: "add", path: "/metadata/labels", value: { route: "j" } }]],
  ["application/merge-patch+json", { metadata: { labels: { route: "m" } } }],
  ["application/strategic-merge-patch+json", { metadata: { labels: { route: "s" } } }],
];

/**
 * The writes to one resource or subresource, the harmless first: `body` is a valid object without its name, `name` the
 * one that is there. Deletes come last.
 */
export function routesTo(served: Served, name: string, body: object): Route[] {
  const { kind, subresource, verbs } = served;
  const typed = (called: string, more: object = {}) => ({
    apiVersion: kind.group === "" ? kind.version : `${kind.group}/${kind.version}`,
    kind: kind.kind,
    ...body,
    metadata: { ...(called === "" ? {} : { name: called }), ...more },
  });
  const route = (operation: Operation, at: string, call: Omit<Call, "path">, query = ""): Route => ({
    served,
    operation,
    name: at,
    call: { ...call, path: pathTo(served, at) + query },
  });
  if (CONNECTED.has(subresource))
    return ["GET", "POST"].map((method) =>
      route("CONNECT", name, { method }, "?command=id&stdout=true&ports=80"),
    );
  const applied = { type: "application/apply-patch+yaml" };
  const force = "?fieldManager=route&force=true";
  // Some names say what it is: creating what is there is judged before it is refused.
  const isFree = !name.includes(".");
  const made = subresource === "" && isFree ? `${name}-made` : name;
  const all: [verb: string, route: Route][] = [
    ["create", route("CREATE", subresource === "" ? "" : name, { method: "POST", body: typed(made) })],
    ["update", route("UPDATE", name, { method: "PUT", body: typed(name, LABEL.metadata) })],
    ...PATCHES.map(([type, change]) =>
      entry("patch", route("UPDATE", name, { method: "PATCH", type, body: change })),
    ),
    [
      "patch",
      route("UPDATE", name, { method: "PATCH", ...applied, body: typed(name, LABEL.metadata) }, force),
    ],
    ...(subresource === "" && isFree
      ? [
          entry(
            "patch",
            route(
              "CREATE",
              `${name}-applied`,
              { method: "PATCH", ...applied, body: typed(`${name}-applied`) },
              force,
            ),
          ),
        ]
      : []),
    ...(subresource === ""
      ? [
          entry(
            "deletecollection",
            route("DELETE", "", { method: "DELETE" }, `?fieldSelector=metadata.name=${name}`),
          ),
        ]
      : []),
    ["delete", route("DELETE", name, { method: "DELETE" })],
  ];
  return all.filter(([verb]) => verbs.includes(verb)).map(([, one]) => one);
}

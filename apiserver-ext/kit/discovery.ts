/** Discovery documents, derived from the declared resources: aggregated (`/apis`) and one by one. */
import type { AnyResource } from "./resource.ts";
import type { ServedResource } from "./served.ts";

interface GroupVersion {
  group: string;
  version: string;
  resources: readonly ServedResource[];
}

/** In the order of declaration; the first version of a group is its preferred one. */
export function groupVersions(resources: readonly ServedResource[]): GroupVersion[] {
  const byName = Map.groupBy(resources, ({ definition }) => `${definition.group}/${definition.version}`);
  return [...byName.values()].flatMap((members) => {
    const first = members[0]?.definition;
    return first ? [{ group: first.group, version: first.version, resources: members }] : [];
  });
}

export function apiGroupDiscoveryList(served: readonly GroupVersion[], version: "v2" | "v2beta1"): object {
  return {
    kind: "APIGroupDiscoveryList",
    apiVersion: `apidiscovery.k8s.io/${version}`,
    metadata: {},
    items: [...byGroup(served)].map(([group, versions]) => ({
      metadata: { name: group, creationTimestamp: null },
      versions: versions.map((each) => ({
        version: each.version,
        resources: each.resources.map(resourceDiscovery),
        freshness: "Current",
      })),
    })),
  };
}

function byGroup(served: readonly GroupVersion[]): Map<string, GroupVersion[]> {
  return Map.groupBy(served, ({ group }) => group);
}

function resourceDiscovery({ definition, verbs, subresources }: ServedResource): object {
  const { group, version, kind } = definition;
  return {
    resource: definition.plural,
    responseKind: { group, version, kind },
    scope: definition.scope,
    singularResource: definition.singular,
    verbs: [...verbs].toSorted(),
    ...namesOf(definition),
    subresources: [...subresources].map(([name, subresource]) => ({
      subresource: name,
      responseKind: { group, version, kind: subresource.kind },
      verbs: [...subresource.verbs].toSorted(),
    })),
  };
}

export function apiGroupList(served: readonly GroupVersion[]): object {
  const groups = [...byGroup(served).keys()].map((group) => withoutTypeMeta(apiGroup(served, group)));
  return { kind: "APIGroupList", apiVersion: "v1", groups };
}

interface ApiGroup {
  kind: "APIGroup";
  apiVersion: "v1";
  name: string;
  versions: object[];
  preferredVersion: object | undefined;
}

export function apiGroup(served: readonly GroupVersion[], group: string): ApiGroup {
  const versions = served
    .filter((each) => each.group === group)
    .map(({ version }) => ({ groupVersion: `${group}/${version}`, version }));
  return { kind: "APIGroup", apiVersion: "v1", name: group, versions, preferredVersion: versions[0] };
}

function withoutTypeMeta({ name, versions, preferredVersion }: ApiGroup): object {
  return { name, versions, preferredVersion };
}

export function apiResourceList({ group, version, resources }: GroupVersion): object {
  return {
    kind: "APIResourceList",
    apiVersion: "v1",
    groupVersion: `${group}/${version}`,
    resources: resources.flatMap(({ definition, verbs, subresources }) => {
      const namespaced = definition.scope === "Namespaced";
      return [
        {
          name: definition.plural,
          singularName: definition.singular,
          namespaced,
          kind: definition.kind,
          verbs: [...verbs].toSorted(),
          ...namesOf(definition),
        },
        ...[...subresources].map(([name, subresource]) => ({
          name: `${definition.plural}/${name}`,
          singularName: "",
          namespaced,
          kind: subresource.kind,
          verbs: [...subresource.verbs].toSorted(),
        })),
      ];
    }),
  };
}

function namesOf({ shortNames, categories }: AnyResource): object {
  return {
    ...(shortNames.length === 0 ? {} : { shortNames }),
    ...(categories.length === 0 ? {} : { categories }),
  };
}

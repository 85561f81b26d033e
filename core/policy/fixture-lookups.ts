/** What stands around a fixture's request, as judging looks it up. */
import { type JsonObject, member, text, type UserInfo } from "../admission.ts";
import type { AccessCheck, AccessDecision } from "../cel/library/authorizer.ts";
import { bindingAnnotations, type Dependent } from "./dependents.ts";
import type { FixtureAccess, Surroundings } from "./fixtures.ts";
import type { Known, PolicyLookups } from "./ports.ts";

type Around = Pick<
  Surroundings,
  "namespaces" | "serviceAccounts" | "target" | "dependents" | "params" | "access"
>;

/**
 * What the fixture names is as it says there; each other Namespace and ServiceAccount exists and has nothing to say,
 * no other parameters exist, and no other access is allowed. Without a target, what a subresource belongs to has nothing
 * to say either.
 */
export function lookupsOf(around: Around): PolicyLookups {
  const { namespaces, serviceAccounts, target, dependents, params, access } = around;
  return {
    namespace: (name) => known(named(namespaces, name) ?? bareNamespace(name), "v1", "Namespace"),
    serviceAccount: (namespace, name) =>
      known(
        named(serviceAccounts, name, namespace) ?? { metadata: { name, namespace } },
        "v1",
        "ServiceAccount",
      ),
    target: () => ({ known: true, object: target ?? null }),
    dependents: () => ({ known: true, object: dependents.map(dependentOf) }),
    param: ({ apiVersion, kind }, namespace, name) => ({
      known: true,
      object:
        named(
          params.filter((one) => text(one, "apiVersion") === apiVersion && text(one, "kind") === kind),
          name,
          namespace,
        ) ?? null,
    }),
    access: async (user, check) => decisionOf(access, user, check),
  };
}

function dependentOf(object: JsonObject): Dependent {
  const metadata = member(object, "metadata");
  return {
    ...{ apiVersion: text(object, "apiVersion"), kind: text(object, "kind"), of: text(object, "of") },
    ...{ namespace: text(metadata, "namespace"), name: text(metadata, "name") },
    annotations: bindingAnnotations(metadata),
  };
}

function named(objects: readonly JsonObject[], name: string, namespace = ""): JsonObject | undefined {
  return objects.find((object) => {
    const metadata = member(object, "metadata");
    return text(metadata, "name") === name && text(metadata, "namespace") === namespace;
  });
}

function bareNamespace(name: string): JsonObject {
  return { metadata: { name }, status: { phase: "Active" } };
}

/** With what the API server gives each of them. */
function known(object: JsonObject, apiVersion: string, kind: string): Known<JsonObject> {
  const metadata = member(object, "metadata");
  const labels = kind === "Namespace" ? { "kubernetes.io/metadata.name": text(metadata, "name") } : undefined;
  const own = member(metadata, "labels");
  return {
    known: true,
    object: {
      apiVersion,
      kind,
      ...object,
      metadata: labels === undefined ? metadata : { ...metadata, labels: { ...labels, ...own } },
    },
  };
}

const ASKED = ["verb", "path", "group", "resource", "subresource", "namespace", "name"] as const;

function decisionOf(access: readonly FixtureAccess[], user: UserInfo, check: AccessCheck): AccessDecision {
  const of = check.serviceAccount;
  const account = of === undefined ? undefined : `${of.namespace}/${of.name}`;
  const found = access.find(
    (one) =>
      ASKED.every((key) => one[key] === undefined || one[key] === (check[key] ?? "")) &&
      (one.user === undefined || (account === undefined && one.user === user.username)) &&
      (one.serviceAccount === undefined || one.serviceAccount === account),
  );
  return { allowed: found?.allowed ?? false, reason: found?.reason ?? "" };
}

/** NamespaceLifecycle: admission does not run for aggregated objects, so what it promises is kept here. */
import { forbiddenObject, StatusError } from "./status.ts";

export type NamespaceState = "active" | "terminating" | "missing";

/** Rejects when it cannot tell; then nothing is created. */
export type Namespaces = (name: string) => Promise<NamespaceState>;

/** @throws {StatusError} NotFound or Forbidden where nothing new may come into the namespace. */
export async function checkNamespace(
  namespaces: Namespaces,
  namespace: string,
  resource: { group: string; plural: string },
  name: string,
): Promise<void> {
  const state = await namespaces(namespace);
  if (state === "missing") {
    const message = `namespaces ${JSON.stringify(namespace)} not found`;
    throw new StatusError("NotFound", message, { name: namespace, kind: "namespaces" });
  }
  if (state === "active") return;
  const why = `unable to create new content in namespace ${namespace} because it is being terminated`;
  throw forbiddenObject(resource, name, why, [
    {
      reason: "NamespaceTerminating",
      message: `namespace ${namespace} is being terminated`,
      field: "metadata.namespace",
    },
  ]);
}

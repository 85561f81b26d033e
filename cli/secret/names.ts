/** Completion of `[NAMESPACE/]NAME KEY`. Nothing to be had, or too slow: nothing, and no complaint. */
import type { Context } from "../context.ts";
import type { ConnectionFlags } from "../flags.ts";
import { secretName } from "./target.ts";

/** Somebody waits at a keyboard. */
const PATIENCE = "2s";
const SECRETS = "secure-secrets.v1alpha1.hoop.dev";

/** Secrets of the namespace that was typed, or of the current one; and namespaces, to go on from. */
export async function secretNames(this: Context, partial: string): Promise<readonly string[]> {
  if (this.completing === undefined) return [];
  const { connection } = this.completing;
  const [namespace] = partial.split("/");
  if (partial.includes("/")) {
    const found = await names(this, SECRETS, { ...connection, namespace });
    return found.map((name) => `${namespace}/${name}`);
  }
  const [secrets, namespaces] = await Promise.all([
    names(this, SECRETS, connection),
    names(this, "namespaces", connection),
  ]);
  return [...secrets, ...namespaces.map((name) => `${name}/`)];
}

/** Keys of the Secret that was typed before, and how large their values are. */
export async function keyNames(this: Context): Promise<readonly string[]> {
  if (this.completing === undefined) return [];
  const { connection, words, describe } = this.completing;
  const typed = words.at(-1) ?? "";
  const { secretsApi } = await import("./api.ts");
  const secrets = secretsApi(this.kubectl, { ...connection, requestTimeout: PATIENCE });
  try {
    const found = await secrets.get(await secrets.place(secretName(typed)));
    for (const [key, size] of Object.entries(found?.sizes ?? {})) describe(key, size);
    return Object.keys(found?.data ?? {});
  } catch {
    return [];
  }
}

async function names(context: Context, resource: string, connection: ConnectionFlags): Promise<string[]> {
  const { connectionArgs } = await import("../api.ts");
  const inNamespace = connection.namespace === undefined ? [] : [`--namespace=${connection.namespace}`];
  const how = [...connectionArgs(connection), ...inNamespace, `--request-timeout=${PATIENCE}`];
  const { code, stdout } = await context.kubectl.run(["get", resource, "--output=name", ...how]);
  const lines = code === 0 ? stdout.split("\n") : [];
  return lines.filter((line) => line !== "").map((line) => line.slice(line.indexOf("/") + 1));
}

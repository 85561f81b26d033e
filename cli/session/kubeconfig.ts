/** kubeconfigs of sessions: the caller's own, but for the address, which ends in `/sessions/NAME/proxy`. */
import { randomUUID } from "node:crypto";
import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { parse, stringify } from "yaml";
import { connectionArgs } from "../api.ts";
import type { Context } from "../context.ts";
import { apiError, CommandError } from "../failure.ts";
import type { ConnectionFlags } from "../flags.ts";
import { readJson } from "../json.ts";

type Fields = Record<string, unknown>;

/** As clientcmd writes it; what is not named here is taken along as it is. */
interface Kubeconfig {
  "current-context"?: string;
  contexts?: { name: string; context: { cluster?: string; user?: string; namespace?: string } }[] | null;
  clusters?: { name: string; cluster: Fields & { server?: string } }[] | null;
  users?: { name: string; user: Fields }[] | null;
}

/** By whom and where one would work with these flags. */
export interface Access {
  cluster: Fields & { server: string };
  user: Fields;
  /** undefined: the context names none. */
  namespace: string | undefined;
}

/** What kubectl would use with the flags, files and certificates in it. Rejects with a CommandError. */
export async function accessOf(context: Context, flags: ConnectionFlags): Promise<Access> {
  const config = ["config", "view", "--raw", "--flatten", "--output=json"];
  const file = connectionArgs({ ...NONE, kubeconfig: flags.kubeconfig });
  const finished = await context.kubectl.run([...config, ...file]);
  if (finished.code !== 0) throw apiError(finished);
  return chosen(readJson(finished.stdout) as Kubeconfig, flags);
}

const NONE: ConnectionFlags = {
  ...{ kubeconfig: undefined, context: undefined, cluster: undefined, user: undefined, server: undefined },
  ...{ requestTimeout: undefined, namespace: undefined, as: undefined, asGroup: undefined },
};

/** Which of its entries the flags choose. */
function chosen(config: Kubeconfig, flags: ConnectionFlags): Access {
  const name = flags.context ?? config["current-context"] ?? "";
  const current = config.contexts?.find((one) => one.name === name)?.context;
  if (current === undefined && flags.context !== undefined)
    throw new CommandError(`the kubeconfig has no context ${name}`);
  const clusterName = flags.cluster ?? current?.cluster;
  const cluster = config.clusters?.find((one) => one.name === clusterName)?.cluster ?? {};
  const server = flags.server ?? cluster.server;
  // In place of what is not there kubectl shows an empty one.
  if (server === undefined && flags.kubeconfig !== undefined && !existsSync(flags.kubeconfig))
    throw new CommandError(`${flags.kubeconfig} is not there`);
  if (server === undefined)
    throw new CommandError("the kubeconfig names no cluster: choose one with --kubeconfig or --context");
  const user = config.users?.find((one) => one.name === (flags.user ?? current?.user))?.user ?? {};
  const as = flags.as === undefined ? {} : { as: flags.as, "as-groups": flags.asGroup ?? [] };
  const namespace = flags.namespace ?? current?.namespace;
  return { cluster: { ...cluster, server }, user: { ...user, ...as }, namespace };
}

/** The same access, but for the address: what follows it is the session. YAML. */
export function sessionKubeconfig(
  { cluster, user }: Access,
  session: { name: string; namespace: string; path: string },
): string {
  const { name, namespace, path } = session;
  return stringify({
    apiVersion: "v1",
    kind: "Config",
    "current-context": name,
    contexts: [{ name, context: { cluster: name, user: name, namespace } }],
    clusters: [{ name, cluster: { ...cluster, server: `${cluster.server.replace(/\/+$/, "")}${path}` } }],
    users: [{ name, user }],
  });
}

const PROXY =
  /^(.*)\/apis\/hoop\.dev\/v1alpha1\/namespaces\/([-a-z0-9]+)\/sessions\/([-.a-z0-9]+)\/proxy\/?$/;

/** The session that an address is of, and the API server behind it. */
export function sessionIn(server: string): { server: string; namespace: string; name: string } | undefined {
  const [, behind, namespace, name] = PROXY.exec(server) ?? [];
  if (behind === undefined || namespace === undefined || name === undefined) return undefined;
  return { server: behind, namespace, name };
}

/** Throws a CommandError where something lies there that is not the kubeconfig of a session. */
export function checkReplaceable(file: string): void {
  if (!existsSync(file) || isOfSessions(readFileSync(file, "utf8"))) return;
  throw new CommandError(
    `${file} is there and not of a session: it is left as it is; name another with --to`,
  );
}

function isOfSessions(text: string): boolean {
  try {
    const config = parse(text) as Kubeconfig | null;
    const servers = (config?.clusters ?? []).map(({ cluster }) => cluster.server ?? "");
    return servers.length > 0 && servers.every((server) => sessionIn(server) !== undefined);
  } catch {
    return false;
  }
}

/** For its owner's eyes alone, and never half of it. */
export function writeKubeconfig(file: string, text: string): void {
  const part = `${file}.${randomUUID()}`;
  try {
    writeFileSync(part, text, { mode: 0o600, flag: "wx" });
    renameSync(part, file);
  } catch (error) {
    rmSync(part, { force: true });
    throw new CommandError(`${file} cannot be written: ${error instanceof Error ? error.message : error}`);
  }
}

/**
 * `kubectl hoop uninstall`: everything of Hoop out of the cluster, also while none of it runs. The APIService first: an
 * aggregated group that nobody answers keeps namespaces from being deleted. Then what sends agents' requests to Hoop,
 * so that they are not refused for want of it, and the namespace at the end.
 */

import { printable } from "#core/printable.ts";
import { type Cluster, clusterOf } from "../cluster.ts";
import type { Context } from "../context.ts";
import { ApiError, CommandError } from "../failure.ts";
import type { ConnectionFlags } from "../flags.ts";

export interface UninstallFlags extends ConnectionFlags {
  readonly yes: boolean;
  /** Milliseconds. */
  readonly timeout: number;
  readonly dryRun: "none" | "client" | "server";
}

interface Kind {
  group: string;
  version: string;
  resource: string;
}

const LABEL = "app.kubernetes.io/part-of=hoop";

const kind = (group: string, version: string, resource: string): Kind => ({ group, version, resource });
const ADMISSION = "admissionregistration.k8s.io";
const RBAC = "rbac.authorization.k8s.io";

/** In the order in which they go; a binding before what it binds. What else is in the namespace goes with it. */
const KINDS: readonly Kind[] = [
  kind("apiregistration.k8s.io", "v1", "apiservices"),
  kind(ADMISSION, "v1", "validatingwebhookconfigurations"),
  kind(ADMISSION, "v1", "mutatingwebhookconfigurations"),
  kind(ADMISSION, "v1", "validatingadmissionpolicybindings"),
  kind(ADMISSION, "v1", "validatingadmissionpolicies"),
  kind(ADMISSION, "v1", "mutatingadmissionpolicybindings"),
  kind(ADMISSION, "v1", "mutatingadmissionpolicies"),
  kind("flowcontrol.apiserver.k8s.io", "v1", "flowschemas"),
  kind("flowcontrol.apiserver.k8s.io", "v1", "prioritylevelconfigurations"),
  kind("apiextensions.k8s.io", "v1", "customresourcedefinitions"),
  kind(RBAC, "v1", "clusterrolebindings"),
  kind(RBAC, "v1", "rolebindings"),
  kind(RBAC, "v1", "clusterroles"),
  kind(RBAC, "v1", "roles"),
  kind("scheduling.k8s.io", "v1", "priorityclasses"),
  kind("", "v1", "namespaces"),
];

interface Found {
  kind: Kind;
  name: string;
  /** "" for what is in none. */
  namespace: string;
}

export async function uninstall(this: Context, flags: UninstallFlags): Promise<Error | undefined> {
  const cluster = clusterOf(this.kubectl, flags);
  const found = await everything(cluster);
  const say = (text: string) => this.process.stdout.write(`${printable(text)}\n`);
  if (found.length === 0) {
    say("Nothing of Hoop is in this cluster.");
    return undefined;
  }
  for (const one of found) say(`  ${wordsFor(one)}`);
  if (flags.dryRun === "client") {
    say("These would be deleted (dry run).");
    return undefined;
  }
  const refusal = flags.dryRun === "none" ? await unconfirmed(this, flags, found) : undefined;
  if (refusal !== undefined) return refusal;
  for (const one of found) {
    await remove(cluster, one, flags.dryRun === "server");
    say(`${wordsFor(one)} deleted${flags.dryRun === "server" ? " (server dry run)" : ""}`);
  }
  if (flags.dryRun === "server") return undefined;
  for (const {
    kind: { resource },
    name,
  } of found)
    if (resource === "namespaces") await untilGone(this, cluster, name, flags.timeout);
  const left = await everything(cluster);
  if (left.length > 0) return new CommandError(`these are still there: ${left.map(wordsFor).join(", ")}`);
  say(DONE);
  return undefined;
}

const DONE =
  "Hoop is gone from this cluster. Agents are held by nothing now. What kubectl cannot take away: where the API server " +
  "was started with Hoop's --authorization-config or --admission-control-config-file, take these flags out, as agents' " +
  "requests that they send to Hoop are refused until then.";

async function unconfirmed(
  context: Context,
  { yes }: UninstallFlags,
  found: readonly Found[],
): Promise<CommandError | undefined> {
  if (yes) return undefined;
  if (!context.interactive)
    return new CommandError(
      "uninstall asks on a terminal, and this is none: pass --yes. Nothing was deleted",
    );
  const question = `Delete these ${found.length}, with all approvals and records? Agents are held by nothing then. [y/N] `;
  if (/^y(es)?$/i.test((await context.ask(question)).trim())) return undefined;
  return new CommandError("nothing was deleted: you did not say yes");
}

async function everything(cluster: Cluster): Promise<Found[]> {
  const lists = await Promise.all(KINDS.map((one) => labelled(cluster, one)));
  const found = lists.flat();
  const going = new Set(found.filter(({ kind }) => kind.resource === "namespaces").map(({ name }) => name));
  return found.filter(({ namespace }) => !going.has(namespace));
}

interface List {
  items: { metadata: { name: string; namespace?: string } }[];
}

async function labelled(cluster: Cluster, kind: Kind): Promise<Found[]> {
  const { group, version, resource } = kind;
  const root = group === "" ? `/api/${version}` : `/apis/${group}/${version}`;
  const list = await cluster.get<List>(`${root}/${resource}?labelSelector=${encodeURIComponent(LABEL)}`);
  // A kind that this API server does not have.
  if (list === undefined) return [];
  return list.items.map(({ metadata: { name, namespace = "" } }) => ({ kind, name, namespace }));
}

async function remove(cluster: Cluster, { kind, name, namespace }: Found, dryRun: boolean): Promise<void> {
  const { group, version, resource } = kind;
  await cluster.kubectl([
    "delete",
    group === "" ? resource : `${resource}.${version}.${group}`,
    name,
    ...(namespace === "" ? [] : [`--namespace=${namespace}`]),
    "--ignore-not-found",
    "--wait=false",
    ...(dryRun ? ["--dry-run=server"] : []),
  ]);
}

interface Namespace {
  status?: { conditions?: { type: string; status: string; message?: string }[] };
}

/** Tells what a namespace still waits for, each time that changes. */
async function untilGone(context: Context, cluster: Cluster, name: string, patience: number): Promise<void> {
  const deadline = context.now() + patience;
  for (let told = ""; !context.signal.aborted; ) {
    const namespace = await cluster.get<Namespace>(`/api/v1/namespaces/${name}`);
    if (namespace === undefined) return;
    const open = (namespace.status?.conditions ?? []).filter(({ status }) => status === "True");
    const waits = open.map(({ message = "" }) => message).join(" ") || "its content is being deleted";
    if (context.now() >= deadline)
      throw new CommandError(`namespace ${name} is not gone yet: ${waits} Run the same command again later`);
    if (waits !== told)
      context.process.stdout.write(`${printable(`waiting for namespace ${name}: ${waits}`)}\n`);
    told = waits;
    await context.sleep(1000);
  }
  throw new ApiError("", `interrupted while namespace ${name} was being deleted`);
}

function wordsFor({ kind: { resource, group }, name, namespace }: Found): string {
  const where = namespace === "" ? "" : ` in namespace ${namespace}`;
  return `${group === "" ? resource : `${resource}.${group}`}/${name}${where}`;
}

/** Judges what a file says an agent would write, by the policies of files or of the cluster. */
import { readFile } from "node:fs/promises";
import {
  type AdmissionRequest,
  type JsonObject,
  member,
  type Operation,
  targetNamespace,
  text,
} from "#core/admission.ts";
import { documentsIn, problemLine, type SourceDocument } from "#core/policy/documents.ts";
import { type Explainable, type Explanation, explain } from "#core/policy/explain.ts";
import { lookupsOf } from "#core/policy/fixture-lookups.ts";
import { requestOf } from "#core/policy/fixture-request.ts";
import { portsWith } from "#core/policy/fixture-run.ts";
import type { FixtureRequest, FixtureUser, Surroundings } from "#core/policy/fixtures.ts";
import type { PolicyLookups } from "#core/policy/ports.ts";
import { resourceOfKind } from "#core/policy/resources.ts";
import type { PolicySet } from "#core/policy/set.ts";
import { type Cluster, clusterOf } from "../cluster.ts";
import type { ExplainFlags } from "../commands/policy-explain.ts";
import { pluginVersion } from "../commands/version.ts";
import type { Context } from "../context.ts";
import { CommandError } from "../failure.ts";
import type { ConnectionFlags } from "../flags.ts";
import { clusterPolicies, type UnreadParams } from "./cluster-policies.ts";
import { serverNotes, userNotes } from "./explain-notes.ts";
import { clusterLookups, objectNamed } from "./explain-ports.ts";
import { type Loaded, load } from "./load.ts";
import { type ServerConfiguration, type ServerSettings, serverConfiguration } from "./server.ts";

export interface Explained {
  request: AdmissionRequest;
  explanation: Explanation;
}

/** By what is judged, and where the object is looked up; offline there is no cluster. */
interface Judging {
  set: PolicySet;
  policies: readonly Explainable[];
  lookups: PolicyLookups;
  cluster: Cluster | undefined;
  notReady: ReadonlyMap<string, string>;
  /** Those that files tell of; undefined where a cluster is asked. */
  namespaces: ReadonlySet<string> | undefined;
  /** What Hoop in the cluster says of itself; undefined where none is asked. */
  server: ServerConfiguration | { why: string } | undefined;
  /** The rules of the catalogue that came with this plugin. */
  shipped: readonly string[];
}

/** One for each object of the file, and what to know beside. @throws {CommandError} */
export async function explained(
  context: Context,
  flags: ExplainFlags,
  connection: ConnectionFlags,
): Promise<{ all: Explained[]; notes: string[] }> {
  const documents = await documentsOf(context, flags.filename);
  const [old] = flags.old === undefined ? [] : await documentsOf(context, flags.old);
  const judging = await judgingBy(context, flags, connection);
  const all: Explained[] = [];
  for (const document of documents) {
    const request = await requestFor(document, old?.value, flags, judging.cluster);
    const ports = { ...portsWith(judging.set, judging.lookups), ...settingsOf(judging.server) };
    all.push({ request, explanation: await explain(ports, judging.policies, request) });
  }
  return { all, notes: await notesOn(judging, all) };
}

function settingsOf(server: Judging["server"]): ServerSettings {
  return server === undefined || "why" in server ? {} : server.settings;
}

async function notesOn(
  { cluster, lookups, notReady, namespaces, server, shipped }: Judging,
  all: readonly Explained[],
): Promise<string[]> {
  const user = all[0]?.request.userInfo;
  const agents = server === undefined || "why" in server ? undefined : server.agents;
  const about =
    cluster === undefined || user === undefined ? [] : await userNotes(cluster, lookups, user, agents);
  const other = server === undefined ? [] : serverNotes(server, shipped, `v${await pluginVersion()}`);
  const failing = [...notReady].map(
    ([name, why]) => `AgentPolicy ${name} is not Ready, so Hoop may judge otherwise than told here: ${why}`,
  );
  return [...other, ...failing, ...about, ...all.flatMap((one) => assumed(one, namespaces))];
}

/** A policy is not about a namespace of which nobody has told. */
function assumed({ request, explanation: { rules } }: Explained, known: Judging["namespaces"]): string[] {
  const home = targetNamespace(request);
  const isAssumed = known !== undefined && home !== "" && !known.has(home);
  const matters = rules.some(({ name, detail }) => name.includes("/") && /namespaceSelector/.test(detail));
  return isAssumed && matters
    ? [`Namespace ${home} is taken to have no labels: its file may be given, too, with --policies`]
    : [];
}

async function documentsOf(context: Context, file: string): Promise<SourceDocument[]> {
  const source = file === "-" ? "standard input" : file;
  const { documents, problems } = documentsIn(await contentsOf(context, file), source);
  const [problem] = problems;
  if (problem !== undefined) throw new CommandError(problemLine(problem));
  if (documents.length === 0) throw new CommandError(`there is no object in ${source}`);
  return documents;
}

async function contentsOf(context: Context, file: string): Promise<string> {
  if (file === "-") return Buffer.from(await context.commands.input()).toString("utf8");
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : "";
    throw new CommandError(`${file} cannot be read (${code})`);
  }
}

async function judgingBy(
  context: Context,
  flags: ExplainFlags,
  connection: ConnectionFlags,
): Promise<Judging> {
  if (flags.policies === undefined) {
    const cluster = clusterOf(context.kubectl, connection);
    const server = await serverConfiguration(cluster);
    const has = (rule: string) => "why" in server || server.rules.has(rule);
    const found = await clusterPolicies(cluster, flags.catalogue, has);
    const lookups = asHoopReads(clusterLookups(cluster), found.unread);
    return { ...found, lookups, cluster, namespaces: undefined, server };
  }
  const loaded = await load(flags.policies, flags.catalogue);
  const [problem] = loaded.problems;
  if (problem !== undefined) throw new CommandError(problemLine(problem));
  const { set, policies } = loaded;
  const around = aroundIn(loaded);
  const namespaces = new Set(around.namespaces.map((one) => text(member(one, "metadata"), "name")));
  const offline = { cluster: undefined, notReady: new Map<string, string>(), namespaces, shipped: [] };
  return { set, policies, lookups: lookupsOf(around), ...offline, server: undefined };
}

/** What Hoop says it cannot read is not known to it, although it may be to this person. */
function asHoopReads(lookups: PolicyLookups, unread: readonly UnreadParams[]): PolicyLookups {
  return {
    ...lookups,
    param: (kind, namespace, name) => {
      const found = unread.find(
        (one) =>
          one.kind === kind.kind &&
          one.name === name &&
          (one.namespace === undefined || one.namespace === namespace),
      );
      return found === undefined ? lookups.param(kind, namespace, name) : { known: false, why: found.why };
    },
  };
}

/** Namespaces, ServiceAccounts and whatever may be parameters, as they lie beside the policies. */
function aroundIn({ others }: Loaded): Omit<Surroundings, "as"> {
  const ofKind = (wanted: string) =>
    others.filter(({ apiVersion, kind }) => apiVersion === "v1" && kind === wanted).map(({ value }) => value);
  return {
    namespaces: ofKind("Namespace"),
    serviceAccounts: ofKind("ServiceAccount"),
    dependents: [],
    params: others.map(({ value }) => value),
    access: [],
  };
}

async function requestFor(
  { value, problem }: SourceDocument,
  old: JsonObject | undefined,
  flags: ExplainFlags,
  cluster: Cluster | undefined,
): Promise<AdmissionRequest> {
  const own = text(member(value, "metadata"), "namespace");
  if (flags.namespace !== undefined && own !== "" && own !== flags.namespace)
    throw new CommandError(`the object is of namespace ${own}, and not of ${flags.namespace}`);
  const placed: FixtureRequest = {
    ...(flags.resource === undefined ? {} : { resource: flags.resource }),
    ...(flags.name === undefined ? {} : { name: flags.name }),
    ...(flags.namespace === undefined || own !== "" ? {} : { namespace: flags.namespace }),
  };
  const around = { ...NOTHING, as: agentOf(flags) };
  const now = old ?? (await live(value, placed, flags, cluster));
  const made = requestOf({ request: { ...placed, ...asked(value, now, flags.operation) }, around });
  if ("request" in made) return made.request;
  throw new CommandError(problemLine(problem([], made.why.replace(/^request: resource/, "--resource"))));
}

const NOTHING: Surroundings = {
  ...{ as: {}, namespaces: [], serviceAccounts: [], dependents: [], params: [], access: [] },
};

/** An update is what `kubectl apply` would make of it: what the file does not name stays. */
function asked(
  value: JsonObject,
  now: JsonObject | undefined,
  operation: ExplainFlags["operation"],
): Partial<FixtureRequest> {
  switch (operation) {
    case "create":
      return { operation: "CREATE", object: value };
    case "connect":
      return { operation: "CONNECT", object: value };
    case "delete":
      return { operation: "DELETE", oldObject: now ?? value };
    case "update":
    case undefined:
      if (now !== undefined) return { operation: "UPDATE", oldObject: now, patch: value };
      if (operation === undefined) return { operation: "CREATE" satisfies Operation, object: value };
      throw new CommandError("an update needs the object as it is now: --old FILE");
    default:
      return operation satisfies never;
  }
}

async function live(
  value: JsonObject,
  placed: FixtureRequest,
  { operation }: ExplainFlags,
  cluster: Cluster | undefined,
): Promise<JsonObject | undefined> {
  const [apiVersion, kind] = [text(value, "apiVersion"), text(value, "kind")];
  const metadata = member(value, "metadata");
  const name = placed.name ?? text(metadata, "name");
  const isAsked =
    operation !== "create" && operation !== "connect" && placed.resource?.includes("/") !== true;
  if (cluster === undefined || !isAsked || kind === "" || name === "") return undefined;
  const isNamespaced = resourceOfKind(apiVersion, kind)?.isNamespaced ?? true;
  const namespace = isNamespaced ? text(metadata, "namespace") || (placed.namespace ?? "default") : "";
  return objectNamed(cluster, { apiVersion, kind }, namespace, name);
}

/** `NAMESPACE/NAME` is a ServiceAccount. */
function agentOf({ as, asGroup }: ExplainFlags): FixtureUser {
  const who = /^[^/:]+\/[^/:]+$/.test(as) ? { serviceAccount: as } : { user: as };
  return asGroup === undefined ? who : { ...who, groups: [...asGroup] };
}

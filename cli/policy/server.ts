/** What Hoop in the cluster judges by, as its last record of its configuration says. */
import { isObject, type Json, type JsonObject, list, member, text } from "#core/admission.ts";
import type { AgentSettings } from "#core/agents.ts";
import { podSpecPaths } from "#core/policy/facts/workload.ts";
import type { JudgePorts } from "#core/policy/judge.ts";
import type { Cluster } from "../cluster.ts";
import { ApiError } from "../failure.ts";

const ROOT = "/apis/hoop.dev/v1alpha1";

/** What settings say of judging. What cannot be read in them is as if they did not say it. */
export type ServerSettings = Partial<Pick<JudgePorts, "terms" | "workloads" | "installationNamespace">>;

export interface ServerConfiguration {
  /** Of Hoop, such as `v0.1.0`. */
  version: string;
  /** The names of the rules in force, the catalogue's among them. */
  rules: ReadonlySet<string>;
  settings: ServerSettings;
  /** False where they were erased with the record's payload. */
  hasSettings: boolean;
  /** Whom the settings make agents; undefined where they are not told. */
  agents: AgentSettings | undefined;
}

/** Or why it cannot be seen. */
export async function serverConfiguration(cluster: Cluster): Promise<ServerConfiguration | { why: string }> {
  try {
    const newest = `${ROOT}/records?fieldSelector=${encodeURIComponent("kind=configuration,newest=1")}`;
    const [last] = list((await cluster.get<JsonObject>(newest)) ?? {}, "items");
    if (last === undefined) return { why: "there is no record of it" };
    const { name, namespace } = namesIn(last);
    const path = `${ROOT}/namespaces/${encodeURIComponent(namespace)}/records/${encodeURIComponent(name)}`;
    return configurationIn((await cluster.get<JsonObject>(path)) ?? {});
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    return { why: error.message };
  }
}

function namesIn(record: Json): { name: string; namespace: string } {
  const metadata = member(record, "metadata");
  return { name: text(metadata, "name"), namespace: text(metadata, "namespace") };
}

function configurationIn(record: JsonObject): ServerConfiguration {
  const spec = member(record, "spec");
  const told = member(record, "payload")["settings"];
  const settings = isObject(told) ? told : {};
  const terms = termsIn(member(settings, "hold"));
  const namespace = text(settings, "namespace");
  return {
    version: text(spec, "version"),
    rules: new Set(strings(spec["rules"])),
    settings: {
      ...(terms === undefined ? {} : { terms }),
      ...(namespace === "" ? {} : { installationNamespace: namespace }),
      workloads: podSpecPaths(list(settings, "workloads").map(workloadIn)),
    },
    hasSettings: isObject(told),
    agents: isObject(settings["agents"]) ? agentsIn(settings["agents"]) : undefined,
  };
}

function termsIn(hold: JsonObject): JudgePorts["terms"] | undefined {
  const { maxWaitSeconds, pendingSeconds, approvedSeconds } = hold;
  const approvers = member(hold, "approvers");
  const { count } = approvers;
  if (![maxWaitSeconds, pendingSeconds, approvedSeconds, count].every((one) => typeof one === "number"))
    return undefined;
  return {
    approvers: [{ groups: strings(approvers["groups"]), count: Number(count) }],
    maxWaitSeconds: Number(maxWaitSeconds),
    pendingSeconds: Number(pendingSeconds),
    approvedSeconds: Number(approvedSeconds),
  };
}

function workloadIn(value: Json): { group: string; resource: string; path: string } {
  return { group: text(value, "group"), resource: text(value, "resource"), path: text(value, "path") };
}

function agentsIn(agents: JsonObject): AgentSettings {
  const extras = Object.entries(member(agents, "extras")).map(([key, values]) => [key, strings(values)]);
  return {
    groups: strings(agents["groups"]),
    users: strings(agents["users"]),
    serviceAccounts: strings(agents["serviceAccounts"]),
    extras: Object.fromEntries(extras),
  };
}

function strings(value: Json | undefined): string[] {
  return Array.isArray(value) ? value.filter((one) => typeof one === "string") : [];
}

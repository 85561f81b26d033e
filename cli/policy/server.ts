/** What the Hoop in the cluster judges by, as its newest record of its configuration says. */
import { isObject, type Json, type JsonObject, list, member, text } from "#core/admission.ts";
import type { AgentSettings } from "#core/agents.ts";
import { podSpecPaths } from "#core/policy/facts/workload.ts";
import type { JudgePorts } from "#core/policy/judge.ts";
import { recordedSettings } from "../../settings/recorded.ts";
import type { Cluster } from "../cluster.ts";
import { ApiError } from "../failure.ts";

const ROOT = "/apis/hoop.dev/v1alpha1";

/** As far as they are recorded and can be read. */
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

/** The newest; or why it cannot be seen. */
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
  const { namespace, hold, workloads, agents } = recordedSettings(isObject(told) ? told : {});
  return {
    version: text(spec, "version"),
    rules: new Set(list(spec, "rules").filter((rule) => typeof rule === "string")),
    settings: {
      ...(hold === undefined ? {} : { terms: { ...hold, approvers: [hold.approvers] } }),
      ...(namespace === undefined ? {} : { installationNamespace: namespace }),
      workloads: podSpecPaths(workloads ?? []),
    },
    hasSettings: isObject(told),
    agents,
  };
}

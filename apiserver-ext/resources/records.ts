/** `records`: the ledger, read-only. A record's name is its index; it lies in the namespace of what it is about. */
import { createHash } from "node:crypto";
import Type from "typebox";
import type { AgentMatcher } from "#core/agents.ts";
import { AdmissionEntry, ApprovalEntry, type Entry } from "#core/ledger/entry.ts";
import { defineResource, type KubeObject } from "#kit/resource.ts";
import type { Line, Store } from "#kit/storage.ts";
import { GROUP, VERSION } from "./group.ts";
import { ledgerReader } from "./ledger-reader.ts";

export interface RecordsPorts {
  store: Store;
  agents: AgentMatcher;
  installationNamespace: string;
}

export type RecordObject = KubeObject & { kind: "Record"; spec: Entry };

export function records(ports: RecordsPorts) {
  return defineResource<RecordObject>({
    group: GROUP,
    version: VERSION,
    kind: "Record",
    plural: "records",
    singular: "record",
    scope: "Namespaced",
    shortNames: ["rec"],
    categories: [],
    description:
      "A Record is one entry of the ledger: what an agent asked, by which rules it was judged, what it was answered, " +
      "and each step of the approval it needed. Records are only ever added.",
    schema: Type.Object({ spec: Type.Union([AdmissionEntry, ApprovalEntry]) }),
    columns: [
      { name: "Time", type: "string", description: "When.", cell: ({ spec }) => spec.time },
      {
        name: "Agent",
        type: "string",
        description: "Whose request.",
        cell: ({ spec }) => spec.agent.username,
      },
      { name: "Event", type: "string", description: "What happened.", cell: ({ spec }) => eventText(spec) },
      {
        name: "Operation",
        type: "string",
        description: "What was asked.",
        cell: ({ spec }) => spec.operation.toLowerCase(),
      },
      {
        name: "Target",
        type: "string",
        description: "Of what.",
        cell: ({ spec: { target } }) =>
          `${target.resource}${target.subresource === undefined ? "" : `/${target.subresource}`}/${target.name ?? ""}`,
      },
      {
        name: "Approval",
        type: "string",
        description: "By whose leave.",
        cell: ({ spec }) => spec.approval?.name ?? "",
      },
      {
        name: "Rules",
        type: "string",
        priority: 1,
        description: "Which rules fired.",
        cell: ({ spec }) => rulesText(spec),
      },
    ],
    fields: {
      "spec.agent.username": ({ spec }) => spec.agent.username,
      "spec.kind": ({ spec }) => spec.kind,
      "spec.answer": ({ spec }) => (spec.kind === "admission" ? spec.answer : ""),
      "spec.approval.name": ({ spec }) => spec.approval?.name ?? "",
    },
    visible: (caller) =>
      ports.agents.identify(caller).kind === "agent"
        ? ({ spec }) => spec.agent.username === caller.username
        : undefined,
    storage: ledgerReader(ports.store, (line) => toRecord(line, ports.installationNamespace)),
  });
}

function eventText(entry: Entry): string {
  if (entry.kind === "admission") return entry.answer;
  const { decision } = entry;
  return decision === undefined ? `approval ${entry.event}` : `${decision.verdict} by ${decision.user}`;
}

function rulesText(entry: Entry): string {
  return entry.kind === "admission" ? entry.rules.map(({ name }) => name).join(",") : "";
}

function toRecord(line: Line, installationNamespace: string): RecordObject {
  const spec = JSON.parse(line.line) as Entry;
  const namespace =
    spec.kind === "approval" ? spec.approval.namespace : (spec.target.namespace ?? installationNamespace);
  return {
    apiVersion: `${GROUP}/${VERSION}`,
    kind: "Record",
    metadata: {
      name: String(line.index),
      namespace,
      uid: derivedUid(line),
      creationTimestamp: `${spec.time.slice(0, 19)}Z`,
      resourceVersion: String(line.revision),
    },
    spec,
  };
}

/** The same for the same entry at the same place, and for no other. */
function derivedUid(line: Line): string {
  const hex = createHash("sha256").update(`${line.index}\n${line.line}`).digest("hex");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

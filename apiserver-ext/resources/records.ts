/** `records`: the ledger, read-only. A record's name is its index; it lies in the namespace of what it is about. */
import { createHash } from "node:crypto";
import Type from "typebox";
import type { AgentMatcher } from "#core/agents.ts";
import { type AskedEntry, agentOf, asked, ofSession } from "#core/ledger/asked.ts";
import { Entry } from "#core/ledger/entry.ts";
import { unsealPayload } from "#core/log/payload.ts";
import { defineResource, type KubeObject } from "#kit/resource.ts";
import type { Line, Store } from "#kit/storage.ts";
import { GROUP, VERSION } from "./group.ts";
import { ledgerReader } from "./ledger-reader.ts";

export interface RecordsPorts {
  store: Store;
  agents: AgentMatcher;
  installationNamespace: string;
}

export type RecordObject = KubeObject & { kind: "Record"; spec: Entry; payload?: unknown };

export function records(ports: RecordsPorts) {
  const reader = ledgerReader(ports.store, (line) => toRecord(line, ports.installationNamespace));
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
    schema: Type.Object({
      spec: Entry,
      payload: Type.Optional(
        Type.Unknown({
          description:
            "What lies beside the entry, such as the object of the request, masked; `erased` where it was. Only where one " +
            "record is asked for by its name.",
        }),
      ),
    }),
    columns: [
      { name: "Time", type: "string", description: "When.", cell: ({ spec }) => spec.time },
      {
        name: "Agent",
        type: "string",
        description: "Whose request.",
        cell: ({ spec }) => agentOf(spec)?.username ?? "",
      },
      { name: "Event", type: "string", description: "What happened.", cell: ({ spec }) => eventText(spec) },
      {
        name: "Operation",
        type: "string",
        description: "What was asked.",
        cell: ({ spec }) => operationText(spec),
      },
      {
        name: "Target",
        type: "string",
        description: "Of what.",
        cell: ({ spec }) => targetText(spec),
      },
      {
        name: "Approval",
        type: "string",
        description: "By whose leave.",
        cell: ({ spec }) => asked(spec)?.approval?.name ?? "",
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
      "spec.agent.username": ({ spec }) => agentOf(spec)?.username ?? "",
      "spec.kind": ({ spec }) => spec.kind,
      "spec.answer": ({ spec }) => (spec.kind === "admission" ? spec.answer : ""),
      "spec.session.name": ({ spec }) => ofSession(spec)?.session.name ?? "",
      "spec.approval.name": ({ spec }) => asked(spec)?.approval?.name ?? "",
    },
    visible: (caller) =>
      ports.agents.identify(caller).kind === "agent"
        ? ({ spec }) => agentOf(spec)?.username === caller.username
        : undefined,
    storage: {
      ...reader,
      async get(namespace, name, version) {
        const record = await reader.get(namespace, name, version);
        return record && withPayload(ports.store, record);
      },
    },
  });
}

function eventText(entry: Entry): string {
  switch (entry.kind) {
    case "admission":
      return entry.answer;
    case "approval":
      return entry.decision === undefined
        ? `approval ${entry.event}`
        : `${entry.decision.verdict} by ${entry.decision.user}`;
    case "session":
      return `session ${entry.event}`;
    case "brokered":
      return entry.code === undefined ? entry.event : `${entry.event} ${entry.code}`;
    default:
      return entry.kind;
  }
}

function operationText(entry: Entry): string {
  return entry.kind === "brokered" ? entry.verb : (asked(entry)?.operation.toLowerCase() ?? "");
}

function targetText(entry: Entry): string {
  if (entry.kind === "session") return `sessions/${entry.session.name}`;
  if (!("target" in entry) || entry.target === undefined) return "";
  const { resource, subresource, name = "" } = entry.target;
  return `${resource}${subresource === undefined ? "" : `/${subresource}`}/${name}`;
}

function rulesText(entry: Entry): string {
  return entry.kind === "admission" ? entry.rules.map(({ name }) => name).join(",") : "";
}

function toRecord(line: Line, installationNamespace: string): RecordObject {
  const spec = JSON.parse(line.line) as Entry;
  const namespace = namespaceOf(spec) ?? installationNamespace;
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

function namespaceOf(spec: Entry): string | undefined {
  const session = ofSession(spec)?.session;
  if (session !== undefined) return session.namespace;
  const entry: AskedEntry | undefined = asked(spec);
  return entry?.kind === "approval" ? entry.approval.namespace : entry?.target.namespace;
}

/** What lies beside one record: for whoever asks for that one, never in lists. */
async function withPayload(store: Store, record: RecordObject): Promise<RecordObject> {
  const found = await store.payload(Number(record.metadata.name));
  if (found === undefined) return record;
  const payload = found === "erased" ? found : unsealPayload(found);
  return { ...record, payload: payload instanceof Buffer ? JSON.parse(payload.toString()) : payload };
}

/** The same for the same entry at the same place, and for no other. */
function derivedUid(line: Line): string {
  const hex = createHash("sha256").update(`${line.index}\n${line.line}`).digest("hex");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

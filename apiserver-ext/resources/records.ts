/** `records`: the ledger, read-only. A record's name is its index; it lies in the namespace of what it is about. */
import { createHash } from "node:crypto";
import Type, { type Static } from "typebox";
import { isObject, type JsonObject, text } from "#core/admission.ts";
import type { AgentMatcher } from "#core/agents.ts";
import { Entry, OutcomeEntry } from "#core/ledger/entry.ts";
import { facetValues, namespaceOf, usernameOf } from "#core/ledger/facets.ts";
import type { Search } from "#core/ledger/search.ts";
import { unsealPayload } from "#core/log/payload.ts";
import { ownName } from "#core/session/extras.ts";
import { defineResource, type KubeObject } from "#kit/resource.ts";
import type { Line, Store } from "#kit/storage.ts";
import { GROUP, VERSION } from "./group.ts";
import { ledgerReader } from "./ledger-reader.ts";
import { withOutcomes } from "./record-outcomes.ts";
import { RECORD_CONDITIONS, recordQuery } from "./record-query.ts";

export interface RecordsPorts {
  store: Store;
  search: Search;
  agents: AgentMatcher;
  installationNamespace: string;
}

const Status = Type.Object(
  {
    outcome: Type.Object(
      {
        record: Type.String({ description: "Which record says so." }),
        ...Type.Omit(OutcomeEntry, ["schema", "kind", "of"]).properties,
      },
      { description: "What came of a request that was let through." },
    ),
  },
  { description: "What is told of it later. A watch has none: the outcome is a record of its own." },
);

export type RecordObject = KubeObject & {
  kind: "Record";
  spec: Entry;
  status?: Static<typeof Status>;
  payload?: unknown;
};

export function records(ports: RecordsPorts) {
  const reader = ledgerReader(ports.store, (line) => toRecord(line, ports.installationNamespace), {
    search: ports.search,
    query: (selection) => recordQuery(selection, ports),
  });
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
      status: Type.Optional(Status),
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
        cell: ({ spec }) => usernameOf(json(spec)),
      },
      { name: "Event", type: "string", description: "What happened.", cell: ({ spec }) => eventText(spec) },
      {
        name: "Operation",
        type: "string",
        description: "What was asked.",
        cell: ({ spec }) => facetValues.operation(json(spec))[0] ?? "",
      },
      {
        name: "Target",
        type: "string",
        description: "Of what.",
        cell: ({ spec }) => targetText(json(spec), spec.kind),
      },
      {
        name: "Approval",
        type: "string",
        description: "By whose leave.",
        cell: ({ spec }) => text(json(spec)["approval"], "name"),
      },
      {
        name: "Rules",
        type: "string",
        priority: 1,
        description: "Which rules fired.",
        cell: ({ spec }) => rulesText(spec),
      },
      {
        name: "Outcome",
        type: "string",
        priority: 1,
        description: "What came of it; open: nothing is told yet.",
        cell: ({ spec, status }) => status?.outcome.result ?? text(json(spec), "effect").replace("none", ""),
      },
    ],
    fields: {
      "spec.agent.username": ({ spec }) => usernameOf(json(spec)),
      "spec.kind": ({ spec }) => spec.kind,
      "spec.answer": ({ spec }) => text(json(spec), "answer"),
      "spec.session.name": ({ spec }) => facetValues.session(json(spec)).at(-1) ?? "",
      "spec.approval.name": ({ spec }) => text(json(spec)["approval"], "name"),
    },
    conditions: RECORD_CONDITIONS,
    visible: (caller) =>
      ports.agents.identify(caller).kind === "agent"
        ? ({ spec }) => usernameOf(json(spec)) === ownName(caller)
        : undefined,
    storage: {
      ...reader,
      async get(namespace, name, version) {
        const record = await reader.get(namespace, name, version);
        if (record === undefined) return undefined;
        const [told = record] = await withOutcomes(ports, [record], await ports.store.revision());
        return withPayload(ports.store, told);
      },
      async list(request) {
        const page = await reader.list(request);
        const asker = { name: request.caller.username, signal: request.signal };
        return { ...page, items: await withOutcomes(ports, page.items, Number(page.resourceVersion), asker) };
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
    case "outcome":
      return entry.result;
    case "request":
      return entry.code === undefined ? entry.stage : `answered ${entry.code}`;
    case "session":
      return `session ${entry.event}`;
    case "brokered":
      return entry.code === undefined ? entry.event : `${entry.event} ${entry.code}`;
    default:
      return entry.kind;
  }
}

function targetText({ of, session, target }: JsonObject, kind: string): string {
  if (kind === "outcome") return `record ${of}`;
  if (kind === "session") return `sessions/${text(session, "name")}`;
  if (!isObject(target)) return "";
  const [resource, subresource, name] = ["resource", "subresource", "name"].map((key) => text(target, key));
  return `${resource}${subresource === "" ? "" : `/${subresource}`}/${name}`;
}

function rulesText(entry: Entry): string {
  return entry.kind === "admission" ? entry.rules.map(({ name }) => name).join(",") : "";
}

function toRecord(line: Line, installationNamespace: string): RecordObject {
  const spec = JSON.parse(line.line) as Entry;
  const namespace = namespaceOf(json(spec)) ?? installationNamespace;
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

/** For those who go by what an entry has, whatever its schema. */
function json(entry: Entry): JsonObject {
  return entry as unknown as JsonObject;
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

/** What goes through a session, in the ledger: each request before it is passed on, and what came back. */
import { createHash } from "node:crypto";
import type { Json, JsonObject } from "#core/admission.ts";
import { isObject } from "#core/admission.ts";
import { parseJson } from "#core/json.ts";
import type { BrokeredEntry } from "#core/ledger/entry.ts";
import { lineOf, lineWithPayload } from "#core/ledger/line.ts";
import { maskObject, maskText } from "#core/mask.ts";
import type { Clock, Log, Random, Store } from "#core/ports.ts";
import type { Session } from "#core/session/session.ts";
import { micros } from "#core/times.ts";
import type { Connection } from "#kit/resource.ts";
import { readYaml } from "#kit/yaml.ts";
import type { Inner } from "./inner.ts";

export interface RecordPorts {
  store: Store;
  clock: Clock;
  random: Random;
  log: Log;
}

/** Of one body, so much is kept; of all of it the hash. */
export const KEPT_BYTES = 256 * 1024;

export interface Ended {
  code: number;
  bytes: number;
  sha256: string;
  /** As the client got it. */
  body?: Json;
  truncated?: boolean;
  message?: string;
}

/** The record of one request. */
export interface CallRecord {
  /** Rejects where it is not durable: then nothing may be passed on. */
  request(body: Buffer | undefined): Promise<void>;
  /** A part of what went to and fro. Rejects where it could not be written. */
  part(content: JsonObject): Promise<void>;
  /** How it ended: the first time that it is said, of what was recorded as begun. Never rejects. */
  response(end: Ended): Promise<void>;
}

export function recordOf(
  ports: RecordPorts,
  session: Session,
  inner: Inner,
  { headers, caller }: Pick<Connection, "headers" | "caller">,
): CallRecord {
  const began = ports.clock.now();
  const header = (name: string) => headers.find(([found]) => found === name)?.[1];
  const { subject, doorway } = session.status;
  const credentialID = doorway?.credentialID ?? subject.credentialID;
  const agent = doorway === undefined ? caller : subject;
  const about: Omit<BrokeredEntry, "time" | "event"> = {
    schema: "hoop.dev/brokered/v1",
    kind: "brokered",
    call: ports.random.uuid(),
    session: {
      namespace: session.metadata.namespace,
      name: session.metadata.name,
      uid: session.metadata.uid,
    },
    profile: session.spec.profile,
    agent: {
      username: agent.username,
      groups: [...agent.groups],
      ...(credentialID === undefined ? {} : { credentialID }),
    },
    method: inner.method,
    uri: maskText(inner.target),
    verb: inner.way === "exec" ? "create" : inner.info.verb,
    ...(inner.info.isResource ? { target: targetOf(inner) } : {}),
  };
  let isOpen = false;
  const commit = async (entry: BrokeredEntry, payload: JsonObject | undefined) => {
    const line = payload === undefined ? lineOf(entry) : lineWithPayload(entry, payload, ports.random);
    await ports.store.commit({ lines: [line] });
  };
  return {
    async request(body) {
      await commit(
        {
          ...about,
          event: "request",
          time: micros(began),
          ...optional("command", masked(header("kubectl-command"))),
          ...optional("userAgent", header("user-agent")),
          ...optional("auditID", header("audit-id")),
          ...(body === undefined ? {} : { bytes: body.length, sha256: sha256(body) }),
          ...(body !== undefined && body.length > KEPT_BYTES ? { truncated: true } : {}),
        },
        body === undefined || body.length === 0 ? undefined : { body: readable(body) },
      );
      isOpen = true;
    },
    part: (content) => commit({ ...about, event: "stream", time: micros(ports.clock.now()) }, content),
    async response({ body, ...end }) {
      if (!isOpen) return;
      isOpen = false;
      const now = ports.clock.now();
      const entry: BrokeredEntry = {
        ...{ ...about, ...end, event: "response", time: micros(now) },
        milliseconds: Math.round(now - began),
      };
      try {
        await commit(entry, body === undefined ? undefined : { body });
      } catch (error) {
        ports.log.error({ err: error, call: about.call }, "an answer could not be recorded");
      }
    },
  };
}

function targetOf({ info }: Inner): NonNullable<BrokeredEntry["target"]> {
  const { group, version, resource, subresource, namespace, name } = info;
  return {
    ...{ group, version, resource },
    ...(subresource === "" ? {} : { subresource }),
    ...(namespace === "" ? {} : { namespace }),
    ...(name === "" ? {} : { name }),
  };
}

/**
 * Masked, and as long as is kept. What is no object is told as text. In protobuf and CBOR a value stands without the name
 * by which it would be known as a secret: the entry has their hash, and the object is in the admission entry.
 */
function readable(body: Buffer): Json {
  const text = body.toString();
  if (text.includes("\0") || text.includes("\uFFFD")) return "[not kept: no text]";
  const value = objectIn(body);
  if (value === undefined) return cut(maskText(text));
  const masked = maskObject(value);
  return body.length <= KEPT_BYTES ? masked : cut(JSON.stringify(masked));
}

function objectIn(body: Buffer): JsonObject | undefined {
  const value = asJson(body.toString()) ?? asYaml(body);
  return isObject(value) ? value : undefined;
}

function asJson(text: string): Json | undefined {
  try {
    return parseJson(text);
  } catch {
    return undefined;
  }
}

function asYaml(body: Buffer): Json | undefined {
  const reading = readYaml(body.toString(), KEPT_BYTES);
  return reading.outcome === "read" ? (reading.value as Json) : undefined;
}

function cut(text: string): string {
  return text.length <= KEPT_BYTES ? text : `${text.slice(0, KEPT_BYTES).toWellFormed()}…`;
}

export function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

function masked(text: string | undefined): string | undefined {
  return text === undefined ? undefined : maskText(text);
}

function optional<N extends string>(name: N, value: string | undefined): { [K in N]?: string } {
  return (value === undefined ? {} : { [name]: value }) as { [K in N]?: string };
}

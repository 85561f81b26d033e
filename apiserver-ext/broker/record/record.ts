/**
 * What goes through a session, in the ledger: each request before it is passed on, and what came back. A request that only
 * reads does nothing until it is answered: it is recorded before anything of the answer is shown, or together with it.
 */
import { createHash } from "node:crypto";
import type { Json, JsonObject } from "#core/admission.ts";
import { lineKeepingAll, lineWithPayload } from "#core/ledger/line.ts";
import type { BrokeredEntry } from "#core/ledger/session-entry.ts";
import { type KnownValues, withoutValues } from "#core/mask/values.ts";
import { maskText } from "#core/mask.ts";
import type { Clock, Log, Random, Store } from "#core/ports.ts";
import type { SessionTerms } from "#core/session/profile.ts";
import type { Session } from "#core/session/session.ts";
import { micros } from "#core/times.ts";
import type { RequestInfo } from "#kit/request-info.ts";
import type { Connection } from "#kit/resource.ts";
import { StatusError } from "#kit/status.ts";
import { readable } from "./body.ts";

export interface RecordPorts {
  store: Store;
  clock: Clock;
  random: Random;
  log: Log;
}

/** What was asked for. */
export interface Asked {
  method: string;
  /** Path and query, as they came. */
  target: string;
  verb: string;
  /** Undefined: the path is none. */
  info: RequestInfo | undefined;
}

export interface Ended {
  code: number;
  bytes: number;
  sha256: string;
  /** As the client got it. */
  body?: Json;
  truncated?: boolean;
  message?: string;
}

export interface Sent {
  /** Undefined: there is none, or it is recorded elsewhere. */
  body: Buffer | undefined;
  /** The values of Secrets that the request may repeat, */
  known: KnownValues;
  /** and how many it does. */
  knownValues: number;
}

/** The record of one request. */
export interface CallRecord {
  /** What is asked for, in all its parts: before anything else. */
  sent(sent: Sent): void;
  /** Once. Rejects where it is not durable: then nothing may be passed on, nor shown. */
  request(): Promise<void>;
  /**
   * A part of what went to and fro, and that it was asked for where that is not recorded yet. One after the other.
   * Rejects where it could not be written.
   */
  part(content: JsonObject): Promise<void>;
  /**
   * How it ended: the first time that it is said. Of what was not recorded as begun, that it was asked for, too. Never
   * rejects; false: it could not be written.
   */
  response(end: Ended): Promise<boolean>;
}

type Entry = Omit<BrokeredEntry, "schema" | "kind">;

export function recordOf(
  ports: RecordPorts,
  session: Session,
  asked: Asked,
  { headers, caller }: Pick<Connection, "headers" | "caller">,
  keep: SessionTerms["keep"],
): CallRecord {
  const began = ports.clock.now();
  const header = (name: string) => headers.find(([found]) => found === name)?.[1];
  const about = aboutCall(ports, session, asked, caller);
  let state: "new" | "begun" | "over" = "new";
  let said: Sent | undefined;
  const line = (entry: Omit<Entry, keyof typeof about>, payload?: JsonObject) => {
    const whole: BrokeredEntry = { ...about, ...entry };
    return payload === undefined
      ? lineKeepingAll(whole, ports.random)
      : lineWithPayload(whole, payload, ports.random);
  };
  const shown = (text: string) =>
    said === undefined ? maskText(text) : withoutValues(said.known, maskText(text));
  const requestLine = () => {
    const { body, known, knownValues = 0 } = said ?? {};
    const keeping = known === undefined || body === undefined || body.length === 0 ? undefined : { known };
    return line(
      {
        ...{ event: "request" as const, time: micros(began), uri: shown(asked.target) },
        ...optional("command", header("kubectl-command"), shown),
        ...optional("userAgent", header("user-agent"), shown),
        ...optional("auditID", idIn(header("audit-id")), shown),
        ...(body === undefined ? {} : { bytes: body.length, sha256: sha256(body) }),
        ...(body !== undefined && body.length > keep.requestBytes ? { truncated: true } : {}),
        ...(knownValues === 0 ? {} : { knownValues }),
      },
      keeping && body && { body: readable(body, { ...keeping, most: keep.requestBytes }) },
    );
  };
  return {
    sent(sent) {
      said = sent;
    },
    async request() {
      if (state !== "new") return;
      await ports.store.commit({ lines: [requestLine()] });
      state = "begun";
    },
    async part(content) {
      const entry = {
        event: "stream" as const,
        time: micros(ports.clock.now()),
        uri: shown(asked.target),
      };
      const first = state === "new" ? [requestLine()] : [];
      await ports.store.commit({ lines: [...first, line(entry, content)] });
      if (state === "new") state = "begun";
    },
    async response({ body, ...end }) {
      if (state === "over") return true;
      const first = state === "new" ? [requestLine()] : [];
      state = "over";
      const now = ports.clock.now();
      const entry = {
        ...{ ...end, event: "response" as const, time: micros(now), uri: shown(asked.target) },
        milliseconds: Math.round(now - began),
      };
      try {
        await ports.store.commit({
          lines: [...first, line(entry, body === undefined ? undefined : { body })],
        });
        return true;
      } catch (error) {
        ports.log.error({ err: error, call: about.call }, "an answer could not be recorded");
        return false;
      }
    },
  };
}

/** Clients may say anything. */
function idIn(said: string | undefined): string | undefined {
  return said !== undefined && /^[\w.-]{1,128}$/.test(said) ? said : undefined;
}

function aboutCall(
  ports: RecordPorts,
  { metadata, spec, status }: Session,
  { method, verb, info }: Asked,
  caller: Connection["caller"],
) {
  const { subject, doorway } = status;
  const credentialID = doorway?.credentialID ?? subject.credentialID;
  const agent = doorway === undefined ? caller : subject;
  return {
    ...{ schema: "hoop.dev/brokered/v1" as const, kind: "brokered" as const, call: ports.random.uuid() },
    session: { namespace: metadata.namespace, name: metadata.name, uid: metadata.uid },
    profile: spec.profile,
    agent: {
      username: agent.username,
      groups: [...agent.groups],
      ...(credentialID === undefined ? {} : { credentialID }),
    },
    ...{ method, verb },
    ...(info?.isResource === true ? { target: targetOf(info) } : {}),
  };
}

function targetOf(info: RequestInfo): NonNullable<BrokeredEntry["target"]> {
  const { group, version, resource, subresource, namespace, name } = info;
  return {
    ...{ group, version, resource },
    ...(subresource === "" ? {} : { subresource }),
    ...(namespace === "" ? {} : { namespace }),
    ...(name === "" ? {} : { name }),
  };
}

export function notRecorded(): StatusError {
  return new StatusError(
    "InternalError",
    "what came back cannot be recorded, and so is not shown; what was asked is done, if it could be",
  );
}

export function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

function optional<N extends string>(
  name: N,
  value: string | undefined,
  shown: (text: string) => string,
): { [K in N]?: string } {
  return (value === undefined ? {} : { [name]: shown(value) }) as { [K in N]?: string };
}

/** `sessions`: just-in-time access. Made and deleted by agents, used through the subresource `proxy` alone. */
import Type from "typebox";
import type { AgentMatcher } from "#core/agents.ts";
import { printable } from "#core/printable.ts";
import { type ApprovalPorts, askFor, type Beside } from "#core/session/approval.ts";
import { sessionLine } from "#core/session/entries.ts";
import { ownName } from "#core/session/extras.ts";
import { unasked } from "#core/session/finish.ts";
import { type BeginPorts, begin, ended, extended, phaseAt } from "#core/session/life.ts";
import type { LiveSessions } from "#core/session/live.ts";
import { allSessions, SESSIONS, sessionKey } from "#core/session/rows.ts";
import { isOpenPhase, type Session, SessionSpec, SessionStatus } from "#core/session/session.ts";
import { inTurn } from "#core/session/turns.ts";
import {
  type Caller,
  type ConnectSubresource,
  defineResource,
  type KubeObject,
  type WriteContext,
} from "#kit/resource.ts";
import { forbiddenObject, invalid, StatusError } from "#kit/status.ts";
import { stored } from "#kit/stored.ts";
import { GROUP, VERSION } from "./group.ts";

export interface SessionsPorts extends BeginPorts, ApprovalPorts {
  agents: AgentMatcher;
  live: LiveSessions;
  /** Whether a namespace of this uid exists now. */
  namespaceExists: (uid: string) => boolean;
}

export type SessionObject = Session & KubeObject;

const RESOURCE = { group: GROUP, plural: "sessions" };

export function sessions(ports: SessionsPorts, proxy: ConnectSubresource) {
  return defineResource<SessionObject>({
    ...{ group: GROUP, version: VERSION, kind: "Session", plural: "sessions", singular: "session" },
    scope: "Namespaced",
    shortNames: ["sess"],
    categories: [],
    description:
      "A Session lets an agent act as the ServiceAccount of its AgentProfile for the length of one task: kubectl with " +
      "status.path behind the API server's address does all it does, masked and recorded. Deleting it ends it at once.",
    schema: Type.Object({ spec: SessionSpec, status: Type.Optional(SessionStatus) }),
    columns: [
      {
        name: "Agent",
        type: "string",
        description: "Whose it is.",
        cell: ({ status }) => printable(status.subject.username),
      },
      { name: "Profile", type: "string", description: "By which profile.", cell: ({ spec }) => spec.profile },
      {
        name: "Phase",
        type: "string",
        description: "Whether it may be used.",
        cell: (session) => phaseAt(session, ports.clock.now()),
      },
      { name: "Expires", type: "string", description: "Until when.", cell: ({ status }) => status.expiresAt },
      {
        name: "Age",
        type: "date",
        description: "Since when.",
        cell: ({ metadata }) => metadata.creationTimestamp,
      },
      {
        name: "Acts-As",
        type: "string",
        priority: 1,
        description: "As which ServiceAccount.",
        cell: ({ status: { serviceAccount } }) => `${serviceAccount.namespace}/${serviceAccount.name}`,
      },
      {
        name: "Approval",
        type: "string",
        priority: 1,
        description: "What it waits for, or has begun by.",
        cell: ({ status }) => status.approval ?? "",
      },
      {
        name: "Reason",
        type: "string",
        priority: 1,
        description: "What for.",
        cell: ({ spec }) => printable(spec.reason ?? ""),
      },
      {
        name: "Message",
        type: "string",
        priority: 1,
        description: "Why it is over.",
        cell: ({ status }) => status.message ?? "",
      },
    ],
    fields: {
      "spec.profile": ({ spec }) => spec.profile,
      "status.phase": ({ status }) => status.phase,
      "status.subject.username": ({ status }) => status.subject.username,
    },
    visible: (caller) =>
      ports.agents.identify(caller).kind === "agent"
        ? ({ status }) => status.subject.username === ownName(caller)
        : undefined,
    strategy: {
      prepareForCreate: (session, caller) => begun(ports, ofSize(session), caller),
      prepareForUpdate: (session, old) => changed(ports, ofSize(session), old),
      validateUpdate: unchangeable,
    },
    storage: storageOf(ports),
    subresources: { proxy },
  });
}

/** All of them are read every second: what is written to one must not be long. */
const LONGEST_METADATA = 16 * 1024;

function ofSize(session: SessionObject): SessionObject {
  const { managedFields: _, ...metadata } = session.metadata;
  if (Buffer.byteLength(JSON.stringify(metadata)) <= LONGEST_METADATA) return session;
  throw invalid({ group: GROUP, kind: "Session", name: metadata.name }, [
    {
      ...{ reason: "FieldValueTooLong", field: "metadata" },
      message: `Too long: may not be more than ${LONGEST_METADATA} bytes`,
    },
  ]);
}

const CURRENT = "current";

/** Whatever a caller says of the status is replaced. */
function begun(ports: SessionsPorts, session: SessionObject, caller: Caller): SessionObject {
  const { name } = session.metadata;
  if (name === CURRENT)
    throw invalid({ group: GROUP, kind: "Session", name }, [
      {
        ...{ reason: "FieldValueInvalid", field: "metadata.name" },
        message: `Invalid value: ${CURRENT} is another word for the session that a token is of`,
      },
    ]);
  const outcome = begin(ports, caller, session, ports.clock.now());
  if ("status" in outcome) return { ...session, status: outcome.status };
  const { refused, field } = outcome;
  if (field === undefined) throw forbiddenObject(RESOURCE, name, refused);
  const message = `Invalid value: ${refused}`;
  throw invalid({ group: GROUP, kind: "Session", name }, [{ reason: "FieldValueInvalid", message, field }]);
}

function storageOf(ports: SessionsPorts) {
  const { store, clock, live } = ports;
  const oneByOne = inTurn();
  /** What else is committed with the object that is about to be written. */
  const more = new WeakMap<SessionObject, Beside>();
  const told = (object: SessionObject, line: string[], beside = NOTHING) => {
    more.set(object, { ...beside, lines: [...beside.lines, ...line] });
    return object;
  };
  const rows = stored<SessionObject>(store, {
    prefix: SESSIONS,
    prefixOf: (namespace) => uidOf(ports, namespace),
    accept: (key) => ports.namespaceExists(key.split("/")[1] ?? ""),
    lines: ({ object }) => more.get(object)?.lines ?? [],
    beside: ({ object }) => more.get(object) ?? NOTHING,
  });
  return {
    ...rows,
    create: (object: SessionObject, context: WriteContext) =>
      oneByOne(`${object.status.subject.username}\0${object.spec.profile}`, async () => {
        await checkNumber(ports, object);
        const by = context.caller.username;
        if (object.status.phase !== "Pending")
          return rows.create(told(object, [sessionLine(object, "begun", clock.now(), by)]), context);
        const { session, beside } = await asked(ports, object);
        return rows.create(told(session, [sessionLine(session, "asked", clock.now(), by)], beside), context);
      }),
    async replace(object: SessionObject, expected: string, context: WriteContext) {
      const { metadata, status } = object;
      // Somebody has deleted it, and a finalizer keeps what is shown of it.
      const isDeleted = metadata.deletionTimestamp !== undefined && isOpenPhase(status.phase);
      const over = isDeleted ? deleted(object, context, clock.now()) : undefined;
      const line = over?.line ?? sessionLine(object, "extended", clock.now(), context.caller.username);
      const before = await rows.get(metadata.namespace, metadata.name, { kind: "latest" });
      const isTold = isDeleted || before?.status.expiresAt !== status.expiresAt;
      const beside = isDeleted ? await unaskedBy(ports, object) : NOTHING;
      const result = await rows.replace(
        told(over?.session ?? object, isTold ? [line] : [], beside),
        expected,
        context,
      );
      if (isDeleted && result.outcome === "stored" && !context.dryRun) live.end(metadata.uid);
      return result;
    },
    async remove(object: SessionObject, expected: string, context: WriteContext) {
      // What is over was told when it ended.
      const isOpen = isOpenPhase(object.status.phase);
      const line = isOpen ? [deleted(object, context, clock.now()).line] : [];
      told(object, line, await unaskedBy(ports, object));
      const result = await rows.remove(object, expected, context);
      if (result.outcome === "stored" && !context.dryRun) live.end(object.metadata.uid);
      return result;
    },
  };
}

const NOTHING: Beside = { puts: [], deletes: [], lines: [] };

async function uidOf({ cluster }: SessionsPorts, namespace: string): Promise<string | undefined> {
  const lookup = await cluster.namespaceUid(namespace);
  return lookup.known ? lookup.uid : undefined;
}

/** With the question to people, which is written with it. */
async function asked(
  ports: SessionsPorts,
  object: SessionObject,
): Promise<{ session: SessionObject; beside: Beside }> {
  const approval = ports.profile(object.spec.profile)?.session?.approval;
  const uid = await uidOf(ports, object.metadata.namespace);
  // It is not as it was when it began: to ask once more tells what it is.
  if (approval === undefined || uid === undefined)
    throw new StatusError("ServiceUnavailable", "its AgentProfile is being changed", {
      retryAfterSeconds: 1,
    });
  const question = await askFor(ports, object, uid, approval);
  if ("refused" in question) throw forbiddenObject(RESOURCE, object.metadata.name, question.refused);
  const session = { ...object, status: { ...object.status, approval: question.name } };
  return { session, beside: question.beside };
}

async function unaskedBy(ports: SessionsPorts, session: SessionObject): Promise<Beside> {
  const { namespace, name } = session.metadata;
  const uid = await uidOf(ports, namespace);
  if (uid === undefined) return NOTHING;
  return unasked(ports.store, sessionKey(uid, name), session, "its session was deleted", ports.clock.now());
}

/** How it is over for having been deleted, and what is told of it. */
function deleted(session: SessionObject, { caller }: WriteContext, now: number) {
  const by = caller.username;
  const isOwn = by === session.status.subject.username;
  const message = `deleted by ${printable(by)}`;
  const over = { ...session, ...ended(session, { phase: isOwn ? "Ended" : "Revoked", message }, now) };
  return { session: over, line: sessionLine(over, isOwn ? "ended" : "revoked", now, by) };
}

/** Of a change, only another end counts. */
function changed(ports: SessionsPorts, session: SessionObject, old: SessionObject): SessionObject {
  const same = { ...session, status: old.status };
  if (session.spec.duration === old.spec.duration) return same;
  const outcome = extended(ports, old, session.spec.duration, ports.clock.now());
  if ("status" in outcome) return { ...same, status: outcome.status };
  throw forbiddenObject(RESOURCE, old.metadata.name, outcome.refused);
}

function unchangeable({ spec }: SessionObject, old: SessionObject) {
  const fields = ["profile", "reason"] as const;
  return fields
    .filter((field) => spec[field] !== old.spec[field])
    .map((field) => ({
      ...{ reason: "FieldValueForbidden", message: "Forbidden: does not change" },
      field: `spec.${field}`,
    }));
}

/** Asked in turn: of several made at the same moment, none gets past it. */
async function checkNumber(ports: SessionsPorts, { metadata, spec, status }: SessionObject): Promise<void> {
  const most = ports.profile(spec.profile)?.session?.maxSessions ?? 0;
  const now = ports.clock.now();
  const own = (await allSessions(ports.store)).filter(
    ({ session }) =>
      session.status.subject.username === status.subject.username &&
      session.spec.profile === spec.profile &&
      isOpenPhase(phaseAt(session, now)),
  );
  if (own.length >= most)
    throw forbiddenObject(
      RESOURCE,
      metadata.name,
      `you have ${own.length} sessions, and may have ${most} at once: delete one (kubectl delete session), or wait`,
    );
}

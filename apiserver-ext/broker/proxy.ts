/** `sessions/NAME/proxy`: what an unmodified kubectl uses as its `server:`. */

import { serviceAccountUser } from "#core/agents.ts";
import { authorize } from "#core/authorize.ts";
import { exempting } from "#core/mask/exempt.ts";
import { Looks } from "#core/mask/look.ts";
import { extrasOf } from "#core/session/extras.ts";
import type { SessionTerms } from "#core/session/profile.ts";
import type { Session } from "#core/session/session.ts";
import { header } from "#kit/request.ts";
import type { Connection, ConnectSubresource } from "#kit/resource.ts";
import { StatusError, statusOf } from "#kit/status.ts";
import { toldPlainly } from "./answer/plain.ts";
import { type BrokerCall, sessionOver } from "./call.ts";
import { ToldAgain } from "./connection/refused-before.ts";
import { upgraded } from "./connection/upgrade.ts";
import { forward } from "./forward.ts";
import type { BrokerPorts, BrokerState } from "./ports.ts";
import { type Asked, type CallRecord, recordOf } from "./record/record.ts";
import { Guesses } from "./request/guesses.ts";
import { LOOP } from "./request/headers.ts";
import { denied, type Inner, innerOf, isUpgrade, targetOf, type Way } from "./request/inner.ts";
import { Room } from "./room.ts";
import { usable } from "./usable.ts";

export function sessionProxy(ports: BrokerPorts): ConnectSubresource {
  const now = () => ports.clock.now();
  const rooms = { sent: new Room("sent"), read: new Room("read") };
  const kept = { looks: new Looks(), guesses: new Guesses(now), toldAgain: new ToldAgain(now) };
  const state = { ...ports, ...kept, rooms };
  return {
    kind: "SessionProxy",
    methods: ["GET", "POST", "PUT", "PATCH", "DELETE"],
    connect: (connection) =>
      connect(state, connection).catch((error: unknown) => toldPlainly(connection, error)),
  };
}

async function connect(ports: BrokerState, connection: Connection): Promise<void> {
  const { info, caller, closing } = connection;
  const { session, terms } = await usable(ports, info.namespace, info.name, caller);
  const inner = allowed(ports, session, connection);
  const use = inner instanceof StatusError || !lasts(inner.way) ? "call" : "stream";
  const left = timeLeft(ports, session);
  const { uid } = session.metadata;
  const entered = ports.live.enter(uid, use, terms.requestsPerSecond, session.status.subject.username);
  if (entered.kind === "too-many")
    throw new StatusError("TooManyRequests", `the session has ${entered.why}`, { retryAfterSeconds: 1 });
  const { signal: cut, ...place } = entered;
  const remaining = new AbortController();
  const timer = setTimeout(() => remaining.abort(), left);
  try {
    const record = recordOf(ports, session, askedOf(connection, inner), connection, terms.keep);
    const over = AbortSignal.any([cut, remaining.signal]);
    await run(record, over, () => {
      if (inner instanceof StatusError) throw inner;
      const signal = AbortSignal.any([over, closing]);
      const masks = masksOf(ports, session, terms, inner);
      const call = { connection, inner, session, terms, signal, cut: over, record, place, masks };
      return isUpgrade(inner.way) ? upgraded(ports, call) : forward(ports, call);
    });
  } finally {
    clearTimeout(timer);
    place.leave();
  }
}

/** What is asked for; or why no session may. */
function allowed(ports: BrokerPorts, session: Session, connection: Connection): Inner | StatusError {
  try {
    if (header(connection.request, LOOP) !== "") return denied("a session is not used through another one");
    const inner = innerOf(connection);
    checkProhibitions(ports, session, inner);
    return inner;
  } catch (error) {
    if (error instanceof StatusError) return error;
    throw error;
  }
}

function lasts(way: Way): boolean {
  return way !== "objects" && way !== "document";
}

function askedOf(connection: Connection, inner: Inner | StatusError): Asked {
  const { method = "" } = connection.request;
  if (inner instanceof StatusError)
    return { method, target: targetOf(connection), verb: "", info: undefined };
  const { target, info, way } = inner;
  return { method, target, info, verb: isUpgrade(way) ? "create" : info.verb };
}

/** What goes on for long begins with the values as they are at that moment. */
function masksOf(
  { known, looks }: BrokerState,
  { metadata: { namespace } }: Session,
  { reveal, exempt }: SessionTerms,
  { secrets, way, info }: Inner,
): BrokerCall["masks"] {
  let isFresh = way === "log" || way === "exec";
  return async () => {
    const fresh = isFresh;
    isFresh = false;
    const values = await known.of(info.namespace, fresh, { namespace, reveal });
    return { ofSecrets: secrets, known: values, looks, ...(secrets ? {} : { exempt: exempting(exempt) }) };
  };
}

/** What ends with an error is recorded as that. */
async function run(record: CallRecord, cut: AbortSignal, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    const code = error instanceof StatusError ? statusOf(error).code : 0;
    await record.response({ code, bytes: 0, sha256: "", message });
    throw error;
  }
  // Broken off, or never answered.
  const message = cut.aborted ? "the session ended" : "the client left";
  await record.response({ code: 0, bytes: 0, sha256: "", message });
}

/** Longer than this a timer cannot be set; nobody's session is that long. */
const LONGEST_TIMER = 2 ** 31 - 1;

function timeLeft({ clock }: BrokerPorts, { status }: Session): number {
  const left = Date.parse(status.expiresAt) - clock.now();
  if (left <= 0) throw sessionOver();
  return Math.min(left, LONGEST_TIMER);
}

const SECURE_SECRETS = { group: "hoop.dev", resource: "secure-secrets", subresource: "" };

/** What agents are denied by authorization, they are here too, whether or not the API server asks us. */
function checkProhibitions(
  ports: BrokerPorts,
  session: Session,
  { info, method, way, secrets }: Inner,
): void {
  const { namespace, name } = session.status.serviceAccount;
  const user = {
    username: serviceAccountUser(`${namespace}/${name}`),
    ...{ uid: "", groups: [] },
    extra: new Map(Object.entries(extrasOf(session)).map(([key, value]) => [key, [value]])),
  };
  const { group, resource, subresource } = secrets ? SECURE_SECRETS : info;
  const verb = isUpgrade(way) ? "create" : info.verb;
  const asked = info.isResource
    ? { user, resource: { verb, group, resource, subresource, namespace: info.namespace, name: info.name } }
    : { user, path: info.path };
  const verdict = authorize(ports.agents, asked, ports.installationNamespace);
  if (verdict.kind === "denied") throw denied(`${method} ${info.path}: ${verdict.reason}`);
}

/** `sessions/NAME/proxy`: what an unmodified kubectl uses as its `server:`. */

import { serviceAccountUser } from "#core/agents.ts";
import { authorize } from "#core/authorize.ts";
import { knownValues } from "#core/mask/values.ts";
import type { Session } from "#core/session/session.ts";
import { header } from "#kit/request.ts";
import type { Connection, ConnectSubresource } from "#kit/resource.ts";
import { StatusError } from "#kit/status.ts";
import { type BrokerCall, sessionOver } from "./call.ts";
import { forward } from "./forward.ts";
import { LOOP } from "./headers.ts";
import { denied, type Inner, innerOf } from "./inner.ts";
import type { BrokerPorts } from "./ports.ts";
import { recordOf } from "./record.ts";
import { upgraded } from "./upgrade.ts";
import { usable } from "./usable.ts";

export function sessionProxy(ports: BrokerPorts): ConnectSubresource {
  return {
    kind: "SessionProxy",
    methods: ["GET", "POST", "PUT", "PATCH", "DELETE"],
    connect: (connection) => connect(ports, connection),
  };
}

async function connect(ports: BrokerPorts, connection: Connection): Promise<void> {
  const { info, caller, closing } = connection;
  if (header(connection.request, LOOP) !== "") throw denied("a session is not used through another one");
  const inner = innerOf(connection);
  const { session, terms } = await usable(ports, info.namespace, info.name, caller);
  checkProhibitions(ports, session, inner);
  const lasts = inner.way !== "objects" && inner.way !== "document";
  const entered = ports.live.enter(session.metadata.uid, lasts ? "stream" : "call", terms.requestsPerSecond);
  if (entered.kind === "too-many")
    throw new StatusError("TooManyRequests", `the session has ${entered.why}`, { retryAfterSeconds: 1 });
  const { signal: cut, leave } = entered;
  const remaining = new AbortController();
  const timer = setTimeout(() => remaining.abort(), timeLeft(ports, session));
  try {
    const over = AbortSignal.any([cut, remaining.signal]);
    const record = recordOf(ports, session, inner, connection);
    const call = {
      ...{ connection, inner, session, terms, cut: over },
      signal: AbortSignal.any([over, closing]),
      record,
      masks: async () => ({
        ofSecrets: inner.secrets,
        known: inner.secrets
          ? NOTHING
          : await ports.known.of(inner.info.namespace, inner.way === "log" || inner.way === "exec"),
      }),
    };
    await run(call, () => (inner.way === "exec" ? upgraded(ports, call) : forward(ports, call)));
  } finally {
    clearTimeout(timer);
    leave();
  }
}

const NOTHING = knownValues([]);

/** What ends with an error is recorded as that. */
async function run({ record, cut }: BrokerCall, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    await record.response({ code: 0, bytes: 0, sha256: "", message });
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
  { status }: Session,
  { info, method, way, secrets }: Inner,
): void {
  const { namespace, name } = status.serviceAccount;
  const user = {
    username: serviceAccountUser(`${namespace}/${name}`),
    ...{ uid: "", groups: [], extra: new Map() },
  };
  const { group, resource, subresource } = secrets ? SECURE_SECRETS : info;
  const verb = way === "exec" ? "create" : info.verb;
  const asked = info.isResource
    ? { user, resource: { verb, group, resource, subresource, namespace: info.namespace, name: info.name } }
    : { user, path: info.path };
  const verdict = authorize(ports.agents, asked, ports.installationNamespace);
  if (verdict.kind === "denied") throw denied(`${method} ${info.path}: ${verdict.reason}`);
}

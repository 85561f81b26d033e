/** Sessions and their broker over real sockets, before a server that plays what stands behind and keeps what it was sent. */
import { once } from "node:events";
import { createServer, type IncomingMessage, request, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import type { Duplex } from "node:stream";
import { buffer } from "node:stream/consumers";
import type { BrokerPorts } from "#apiserver-ext/broker/ports.ts";
import { sessionProxy } from "#apiserver-ext/broker/proxy.ts";
import { sessions } from "#apiserver-ext/resources/sessions.ts";
import { agentMatcher } from "#core/agents.ts";
import { Waiters } from "#core/hold/waiters.ts";
import type { Entry } from "#core/ledger/entry.ts";
import { knownValues } from "#core/mask/values.ts";
import { begin } from "#core/session/life.ts";
import { LiveSessions } from "#core/session/live.ts";
import type { Profile, SessionTerms } from "#core/session/profile.ts";
import { sessionKey } from "#core/session/rows.ts";
import type { Session } from "#core/session/session.ts";
import type { Authentication } from "#kit/authn.ts";
import { header } from "#kit/request.ts";
import { memoryStore } from "#store/memory.ts";
import { random } from "../../../system.ts";
import { ManualClock } from "../../support/clock.ts";
import { asking, sessionTerms } from "../../support/terms.ts";
import { type Served, startMachines } from "../kit/machines.ts";

/** What arrived behind. */
export interface Arrived {
  method: string;
  url: string;
  /** As lines, in lower case. */
  lines: string[];
  body: string;
}

export interface Bed extends Served {
  ports: Served["ports"];
  broker: BrokerPorts;
  clock: ManualClock;
  profiles: Map<string, Profile>;
  session: Session;
  /** Below it everything goes through the session. */
  path: string;
  arrived: Arrived[];
  /** What is answered behind; JSON by default. */
  behind: { answer: (request: IncomingMessage, response: ServerResponse) => void };
  upgrades: { answer: (request: IncomingMessage, socket: Duplex) => void };
  entries(): Promise<Entry[]>;
}

const TERMS = sessionTerms({ requestsPerSecond: 1000, exec: { stdin: true, tty: false } });

/** The value of a Secret of the namespace. */
export const KNOWN = "correct-horse";

export const EMPTY = { kind: "ConfigMapList", apiVersion: "v1", metadata: {}, items: [] };

export function json(response: ServerResponse, body: unknown, code = 200): void {
  response.writeHead(code, { "Content-Type": "application/json", "Audit-Id": "x", Warning: '299 - "mind"' });
  response.end(JSON.stringify(body));
}

/** The header `user` is who asks, `credential` by which credential. */
async function authenticate(request: Parameters<typeof header>[0]): Promise<Authentication> {
  const extra = new Map<string, readonly string[]>();
  const credential = header(request, "credential") || "one";
  extra.set("authentication.kubernetes.io/credential-id", [credential]);
  const caller = { username: header(request, "user"), uid: "", groups: [], extra };
  return { outcome: "authenticated", caller, frontProxied: true };
}

export async function startBed(terms: Partial<SessionTerms> = {}): Promise<Bed> {
  const arrived: Arrived[] = [];
  const behind: Bed["behind"] = { answer: (_request, response) => json(response, EMPTY) };
  const upgrades: Bed["upgrades"] = { answer: (_request, socket) => socket.end() };
  const keep = async (message: IncomingMessage) => {
    const lines: string[] = [];
    for (let at = 0; at < message.rawHeaders.length; at += 2)
      lines.push(`${message.rawHeaders[at]?.toLowerCase()}: ${message.rawHeaders[at + 1]}`);
    const body = message.headers.upgrade === undefined ? (await buffer(message)).toString() : "";
    arrived.push({ method: message.method ?? "", url: message.url ?? "", lines, body });
  };
  const server = createServer((message, response) => {
    void keep(message).then(() => behind.answer(message, response));
  });
  server.on("upgrade", (message, socket: Socket) => {
    socket.on("error", () => socket.destroy());
    void keep(message).then(() => upgrades.answer(message, socket));
  });
  const sockets = new Set<Socket>();
  server.on("connection", (socket) => sockets.add(socket));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;

  const clock = new ManualClock();
  const store = memoryStore();
  const named = { groups: [], users: ["ann", "bob"], serviceAccounts: [], extras: {} };
  const profiles = new Map([["ci", { name: "ci", agents: named, session: { ...TERMS, ...terms } }]]);
  const log = { info: () => {}, warn: () => {}, error: () => {} };
  const broker: BrokerPorts = {
    ...{ store, clock, random, log },
    cluster: {
      namespaceUid: async (name) =>
        name === "demo" ? { known: true, uid: "ns-1" } : { known: false, why: "there is none" },
      referent: async () => ({ known: false, why: "not here" }),
    },
    agents: agentMatcher({ ...named, serviceAccounts: ["work/bot"] }, ""),
    waiters: new Waiters(store, log, 10),
    live: new LiveSessions(() => clock.now()),
    profile: (name) => profiles.get(name),
    installationNamespace: "hoop-system",
    known: { of: async () => knownValues([Buffer.from(KNOWN)]) },
    upstream: {
      request: async ({ method, path, headers, signal }) =>
        request({ host: "127.0.0.1", port, method, path, headers, signal, agent: false }),
    },
  };
  await broker.waiters.start();
  const session = await begun(broker, "task");
  const proxy = sessionProxy(broker);
  const resource = sessions({ ...asking(), ...broker, namespaceExists: () => true }, proxy);
  const served = await startMachines({ resources: [resource], authenticate });
  return {
    ...served,
    ...{ broker, clock, profiles, session, path: session.status.path, arrived, behind, upgrades },
    entries: async () => (await store.lines(0)).map(({ line }) => JSON.parse(line) as Entry),
    async close() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await served.close();
      broker.waiters.stop();
    },
  };
}

/** A session of ann's, in the store. */
async function begun(ports: BrokerPorts, name: string): Promise<Session> {
  const caller = {
    ...{ username: "ann", uid: "", groups: [] },
    extra: new Map([["authentication.kubernetes.io/credential-id", ["one"]]]),
  };
  const metadata = { name, namespace: "demo", uid: `uid-${name}`, creationTimestamp: "2026-01-01T00:00:00Z" };
  const spec = { profile: "ci" };
  const outcome = begin(ports, caller, { metadata, spec }, ports.clock.now());
  if ("refused" in outcome) throw new Error(outcome.refused);
  const session = {
    apiVersion: "hoop.dev/v1alpha1",
    kind: "Session",
    metadata,
    spec,
    status: outcome.status,
  };
  await ports.store.commit({ puts: [{ key: sessionKey("ns-1", name), value: JSON.stringify(session) }] });
  return session;
}

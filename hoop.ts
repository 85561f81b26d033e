import { certificatesIn } from "#certs/ca.ts";
import { type Certificates, servingCertificate } from "#certs/directory.ts";
import { serviceNames } from "#certs/leaf.ts";
import { keepRenewed, type Renewal } from "#certs/renewal.ts";
import { type Client, connect } from "#cluster/client.ts";
import { doctorProbe } from "#cluster/doctor-probe.ts";
import { postEvent } from "#cluster/events.ts";
import { frontProxy } from "#cluster/front-proxy.ts";
import { isGoing, removeApiService } from "#cluster/going.ts";
import { namespaceCache } from "#cluster/namespaces.ts";
import { ownRegistrations, type Registrations } from "#cluster/registrations.ts";
import { upstream } from "#cluster/upstream.ts";
import { ADMISSION_FIELDS, type AgentMatcher, AUTHORIZATION_FIELDS, agentMatcher } from "#core/agents.ts";
import { authorizationFilter } from "#core/authorize.ts";
import { type DoctorEvent, keepExamining } from "#core/doctor/keep-examining.ts";
import { keepExpiring } from "#core/hold/expire.ts";
import type { LogKeys } from "#core/log/appender.ts";
import type { Catalogue } from "#core/policy/catalogue.ts";
import type { Log } from "#core/ports.ts";
import type { ReviewPorts } from "#core/review.ts";
import { LiveSessions } from "#core/session/live.ts";
import { keepSweeping } from "#core/session/sweep.ts";
import type { Store } from "#kit/storage.ts";
import { ledgerKeys, passingKeys } from "#ledger/key-file.ts";
import { startTelling } from "#notify/telling.ts";
import { memoryStore } from "#store/memory.ts";
import { sqliteStore } from "#store/sqlite.ts";
import type { Metrics } from "#web/metrics.ts";
import { serveWeb, type WebPorts } from "#web/server.ts";
import type { Callers } from "#webhook/callers.ts";
import { webhookHandler } from "#webhook/server.ts";
import { type LiveAgents, liveAgents } from "./agents.ts";
import { openDoors } from "./doors.ts";
import { exchangeOf, secureExchange } from "./exchange.ts";
import {
  apiOf,
  channelsOf,
  ledgerKeyFile,
  meters,
  reviewPorts,
  searchOf,
  telling,
  tended,
  VERSION,
} from "./parts.ts";
import { livePolicies, shippedCatalogue } from "./policies.ts";
import { loadSettings, type Settings } from "./settings.ts";
import { clock } from "./system.ts";

export interface Hoop {
  ports: { api: number; webhook: number; web: number; exchange?: number };
  /** Reads the certificates again now, and not only at the end of the minute. */
  look(): void;
  /** Makes a backup, where settings say to which directory; how that went is logged. */
  backUp(): void;
  /**
   * Drains and ends it: reviews under way are answered, watches end cleanly. Where its namespace is being deleted, it
   * takes its APIService along.
   */
  stop(): Promise<void>;
}

/** What the caller gives; tests give more than `main.ts` does. */
export interface Given {
  log: Log;
  catalogue?: Catalogue;
  /** The store is lost: nothing can be recorded any more, so the process must end. */
  onLost?: (cause: Error) => void;
  /** Tells the Hoop that serves on the same ports and store to end. From before until after, requests wait here. */
  takeOver?: () => void;
}

/** Starts everything, and resolves when both servers answer. */
export async function startHoop(settings: Settings, given: Given): Promise<Hoop> {
  const { log } = given;
  const stops: (() => Promise<void>)[] = [];
  try {
    const catalogue = given.catalogue ?? (await shippedCatalogue());
    let store: Store | undefined;
    stops.push(async () => store?.close());
    const keys = await keysOf(settings);
    if (given.takeOver === undefined) store = await openStore(settings, given, keys, 0);
    const client = connect(settings.kubeconfig);
    stops.push(() => client.close());
    const loadCertificates = () =>
      servingCertificate(settings.certificates, serviceNames(settings.service, settings.namespace, true));
    let certificates = await loadCertificates();
    const followed = followedIn(settings, catalogue, client, log);
    const { namespaces, proxy, agents, policies } = followed;
    for (const one of Object.values(followed)) stops.push(() => one.stop());
    await Promise.all(Object.values(followed).map((one) => one.ready()));
    const doors = await openDoors(settings.listen, certificates, given.takeOver !== undefined);
    stops.push(doors.stop);
    given.takeOver?.();
    store ??= await openStore(settings, given, keys, HANDOVER_MILLISECONDS);
    const search = searchOf(settings, store, log);
    stops.push(() => search.close());

    const counting = meters(
      store,
      search,
      () => certificates,
      () => ports.waiters.size,
      () => api.load(),
    );
    const judging = { ...namespaces, ...agents, policies: policies.ports };
    const ports = await reviewPorts(settings, log, store, client, judging, counting);
    stops.push(async () => ports.waiters.stop());
    const ledger = tended(settings, ports, keys, followed, search);
    await ledger.recordConfiguration();
    policies.whenChanged(ledger.configurationChanged);
    const expiring = (signal: AbortSignal) => keepExpiring(ports, signal);
    const looking = (signal: AbortSignal) => examining(settings, client, counting, log, signal);
    const outcomes = await telling(settings, ports, client, counting);
    for (const task of [...ledger.tasks, outcomes.task, expiring, looking]) stops.push(background(task));
    const noticing = { ...ports, told: counting.told };
    for (const one of await startTelling(noticing, await channelsOf(settings, client, log)))
      stops.push(() => one.stop());

    const sessions = sessionsOf(settings, agents, ports, stops);
    const { toldWrites } = outcomes;
    const behind = { client, namespaces, proxy, search, toldWrites, ...sessions };
    const api = apiOf(settings, ports, counting, behind);
    const callers = liveCallers(settings, () => certificates);
    const checkWritten = policies.checker(agents.matcher, settings.identity);
    const webhook = webhookHandler({ ...ports, checkWritten, audit: outcomes.audit }, callers);
    doors.open(api, webhook, ports.waiters);
    const registrations = ownRegistrations(client, registrationNames(), wanted(ports, certificates), log);
    stops.push(() => registrations.stop());
    await agents.register((matcher) => {
      remindOfAuthorization(matcher, settings, log);
      ledger.configurationChanged();
      return registrations.want(conditionOf(matcher));
    });
    const use = (now: Certificates) => {
      certificates = now;
      doors.setCertificate(now);
    };
    const renewal = renewalOf(loadCertificates, registrations, use, log);
    const renewing = keepRenewed(certificates, renewal);
    stops.push(() => renewing.stop());
    let stopping = false;
    const notReady = () => [
      ...(proxy.current() === undefined ? ["the front proxy's certificates are not known"] : []),
      ...(stopping ? ["stopping"] : []),
    ];
    const exchange = exchanging(settings, client, { ...ports, ...sessions }, stops);
    const webs = await openWebs(settings, { metrics: counting, notReady, exchange }, () => certificates, log);
    const served = { ...doors.ports, ...webs.ports };
    log.info({ ...served, version: VERSION }, "hoop serves");
    // First of all: from here on requests go to whoever takes over, and wait there until all of this has ended.
    stops.push(webs.stop, doors.stop, () => removeWhereGoing(client, settings, log));
    const stop = async () => {
      stopping = true;
      await api.drain(settings.shutdown.waitSeconds * 1000);
      await inReverse(stops);
    };
    return { ports: served, look: () => [renewing.look(), webs.look()], backUp: ledger.backUp, stop };
  } catch (error) {
    await inReverse(stops);
    throw error;
  }
}

function exchanging(
  settings: Settings,
  client: Client,
  ports: Parameters<typeof exchangeOf>[2],
  stops: (() => Promise<void>)[],
) {
  const { exchange, tasks } = exchangeOf(settings, client, ports);
  stops.push(...tasks.map(background));
  return exchange;
}

/** Plain HTTP, and HTTPS where the settings name a port for it. */
async function openWebs(settings: Settings, ports: WebPorts, current: () => Certificates, log: Log) {
  const { host, web: port } = settings.listen;
  const web = await serveWeb(ports, { host, port });
  const secure = await secureExchange(settings, ports.exchange, current, log).catch(
    async (error: unknown) => {
      await web.stop();
      throw error;
    },
  );
  return {
    ports: { web: web.port, ...(secure && { exchange: secure.port }) },
    look: () => secure?.look(),
    stop: async () => void (await Promise.all([web.stop(), secure?.stop()])),
  };
}

/** The further parts that sessions and their broker need. */
function sessionsOf(
  settings: Settings,
  { profile }: LiveAgents,
  ports: ReviewPorts,
  stops: (() => Promise<void>)[],
) {
  const through = upstream(settings.kubeconfig);
  const sessions = { profile, live: new LiveSessions(clock.now), upstream: through };
  stops.push(
    async () => through.close(),
    background((signal) => keepSweeping({ ...ports, ...sessions }, signal)),
  );
  return sessions;
}

/** Begins to follow what of the cluster must be known at every moment. */
function followedIn(settings: Settings, catalogue: Catalogue, client: Client, log: Log) {
  const namespaces = namespaceCache(client, log);
  return {
    namespaces,
    proxy: frontProxy(client, log),
    agents: liveAgents(settings, client, log),
    policies: livePolicies(catalogue, client, namespaces, log),
  };
}

/** Milliseconds after the start: until then Hoop and the API server have enough else to do. */
const FIRST_EXAMINATION = 60_000;

async function examining(
  { doctor: { everySeconds }, namespace, service: name }: Settings,
  client: Client,
  { doctor: counted }: Metrics,
  log: Log,
  signal: AbortSignal,
): Promise<void> {
  const about = { apiVersion: "v1", kind: "Service", namespace, name };
  const event = (told: DoctorEvent) => postEvent(client, { ...told, about, action: "Examined" });
  await clock.sleep(Math.min(everySeconds * 1000, FIRST_EXAMINATION), signal);
  await keepExamining({ doctor: doctorProbe(client), clock, log, everySeconds, counted, event }, signal);
}

/** As long as the API server waits for a webhook. Who takes over later than that has no waiting request left to answer. */
const HANDOVER_MILLISECONDS = 30_000;

/** A store in memory begins a new ledger at each start, and so has new keys each time. */
function keysOf(settings: Settings): Promise<LogKeys> {
  return settings.store.driver === "memory"
    ? Promise.resolve(passingKeys())
    : ledgerKeys(ledgerKeyFile(settings));
}

async function openStore(
  { store }: Settings,
  { onLost, takeOver }: Given,
  keys: LogKeys,
  patience: number,
): Promise<Store> {
  if (store.driver === "memory" && takeOver === undefined) return memoryStore({ keys });
  if (store.driver === "memory") throw new Error("what is in memory cannot be taken over");
  return sqliteStore(store.file, { keys, patience, ...(onLost === undefined ? {} : { onLost }) });
}

function renewalOf(
  load: () => Promise<Certificates>,
  registrations: Registrations,
  use: (now: Certificates) => void,
  log: Log,
): Renewal {
  return {
    load,
    failed: (error) => log.error({ err: error }, "certificates cannot be renewed; those in use stay"),
    apply: async (now, before, signal) => {
      await believeBoth(registrations, now, before, signal);
      use(now);
      // Whoever has the key of a CA that was replaced is not believed any longer than needed.
      await registrations.want({ caBundle: now.caBundle });
      log.info({ written: now.written }, "certificates replaced");
    },
  };
}

/** Who is believed to be the API server, by the certificates in use now. */
function liveCallers(settings: Settings, current: () => Certificates): () => Callers {
  let known = { of: current(), callers: callersOf(settings, current()) };
  return () => {
    if (known.of !== current()) known = { of: current(), callers: callersOf(settings, current()) };
    return known.callers;
  };
}

/** The API server's own configuration file names agents, too, and is not ours to write. Where it should name more, say so. */
function remindOfAuthorization(agents: AgentMatcher, { identity, namespace }: Settings, log: Log): void {
  const expression = agents.expression(AUTHORIZATION_FIELDS);
  const isThere =
    expression === agentMatcher(loadSettings({}).agents, identity).expression(AUTHORIZATION_FIELDS);
  const confined = agents.confinedExpression(AUTHORIZATION_FIELDS);
  if (isThere && confined === "") return;
  log.warn(
    { expression, filter: authorizationFilter(namespace, confined) },
    "there are other agents than deploy/apiserver/authorization-config.yaml names, or such as are to work in sessions " +
      "alone: its matchConditions must be these",
  );
}

/** How long the API server may take to notice a changed caBundle. */
const NOTICE_MILLISECONDS = 5_000;

/** Before anybody sees a new CA's certificate, the API server believes both the new CA and the old one. */
async function believeBoth(
  registrations: Registrations,
  now: Certificates,
  before: Certificates,
  signal: AbortSignal,
): Promise<void> {
  if (now.caBundle === before.caBundle) return;
  await registrations.want({ caBundle: `${now.caBundle.trimEnd()}\n${before.caBundle}` });
  await clock.sleep(NOTICE_MILLISECONDS, signal);
}

function callersOf({ callers }: Settings, { clientAuthority, client }: Certificates): Callers {
  if (callers.mode === "unguessable-path") return callers;
  return {
    mode: "client-certificate",
    authorities: certificatesIn(clientAuthority),
    commonName: client.commonName,
  };
}

const API_SERVICE = "v1alpha1.hoop.dev";

function registrationNames() {
  return {
    validating: ["hoop"],
    forEverybody: ["config.hoop.dev"],
    mutating: ["hoop"],
    policies: ["hoop"],
    validatingPolicies: ["net.hoop.dev"],
    apiService: API_SERVICE,
  };
}

/**
 * Removes the APIService when Hoop's own namespace is being deleted. A group that nobody answers for would keep Kubernetes
 * from deleting any namespace to its end.
 */
async function removeWhereGoing(client: Client, { namespace }: Settings, log: Log): Promise<void> {
  try {
    if (!(await isGoing(client, namespace))) return;
    const removed = await removeApiService(client, API_SERVICE);
    log.info({ namespace, removed }, "the namespace is being deleted, and with it the APIService");
  } catch (error) {
    log.warn({ namespace, error: String(error) }, "whether the namespace is being deleted is not known");
  }
}

function wanted({ agents }: ReviewPorts, { caBundle }: Certificates) {
  return { caBundle, ...conditionOf(agents) };
}

function conditionOf(agents: AgentMatcher) {
  return { matchCondition: { name: "agents", expression: agents.expression(ADMISSION_FIELDS) } };
}

function background(run: (signal: AbortSignal) => Promise<void>): () => Promise<void> {
  const controller = new AbortController();
  const running = run(controller.signal);
  return async () => {
    controller.abort();
    await running;
  };
}

/** What was started last ends first. */
async function inReverse(stops: (() => Promise<void>)[]): Promise<void> {
  for (const stop of stops.splice(0).reverse()) await stop();
}

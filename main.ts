/**
 * The composition root: settings → store, cluster, certificates → the two servers. The only place that knows all
 * parts, and the only one that reads the process's arguments and environment.
 */
import { randomBytes, X509Certificate } from "node:crypto";
import { readFile } from "node:fs/promises";
import { isDeepStrictEqual, parseArgs } from "node:util";
import { pino } from "pino";
import { aggregatedApi } from "#apiserver-ext/server.ts";
import { certificatesIn } from "#certs/ca.ts";
import { type Certificates, servingCertificate } from "#certs/directory.ts";
import { serviceNames } from "#certs/leaf.ts";
import { keepRenewed, type Renewal } from "#certs/renewal.ts";
import { subjectAccessReview } from "#cluster/access-review.ts";
import { type Client, connect } from "#cluster/client.ts";
import { connectTargetUid } from "#cluster/connect-target.ts";
import { postEvent } from "#cluster/events.ts";
import { type FrontProxy, frontProxy } from "#cluster/front-proxy.ts";
import { isGoing, removeApiService } from "#cluster/going.ts";
import { type NamespaceCache, namespaceCache } from "#cluster/namespaces.ts";
import { ownRegistrations, type Registrations } from "#cluster/registrations.ts";
import { secretsBackend } from "#cluster/secrets.ts";
import { tokenReview } from "#cluster/token-review.ts";
import { ADMISSION_FIELDS, AUTHORIZATION_FIELDS, agentMatcher } from "#core/agents.ts";
import { keepExpiring } from "#core/hold/expire.ts";
import { OPEN } from "#core/hold/rows.ts";
import { Streaks } from "#core/hold/streaks.ts";
import { Waiters } from "#core/hold/waiters.ts";
import type { Log, Meter } from "#core/ports.ts";
import type { ReviewPorts } from "#core/review.ts";
import { CATALOGUE } from "#core/rules/catalogue.ts";
import type { Rule } from "#core/rules/rule.ts";
import { accessLine } from "#kit/access-log.ts";
import { liveAuthenticationConfig } from "#kit/authentication-config.ts";
import type { AccessReviewSpec } from "#kit/authz.ts";
import type { ApiHandler } from "#kit/server.ts";
import type { Store } from "#kit/storage.ts";
import { callback } from "#notify/callback.ts";
import { eventNotice } from "#notify/events.ts";
import { type Channel, startTelling } from "#notify/telling.ts";
import { memoryStore } from "#store/memory.ts";
import { sqliteStore } from "#store/sqlite.ts";
import type { ReviewEvent } from "#web/api-metrics.ts";
import { type Gauges, type Metrics, metrics } from "#web/metrics.ts";
import { serveWeb } from "#web/server.ts";
import type { Callers } from "#webhook/callers.ts";
import { webhookHandler } from "#webhook/server.ts";
import { openDoors } from "./doors.ts";
import { loadSettings, type Settings, settingsHelp } from "./settings.ts";
import { clock, random } from "./system.ts";

const VERSION = "v0.1.0";

export interface Hoop {
  ports: { api: number; webhook: number; web: number };
  /** Looks at the certificates now, and not only when the minute is over. */
  look(): void;
  /**
   * Drains and ends it: reviews under way are answered, watches end cleanly. Where its namespace is being deleted, it
   * takes its APIService along.
   */
  stop(): Promise<void>;
}

/** What tests put in place of the defaults. */
export interface Given {
  log: Log;
  rules?: readonly Rule[];
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
    let store: Store | undefined;
    stops.push(async () => store?.close());
    if (given.takeOver === undefined) store = await openStore(settings, given, 0);
    const client = connect(settings.kubeconfig);
    stops.push(() => client.close());
    const loadCertificates = () =>
      servingCertificate(settings.certificates, serviceNames(settings.service, settings.namespace, true));
    let certificates = await loadCertificates();
    const namespaces = namespaceCache(client, log);
    const proxy = frontProxy(client, log);
    stops.push(
      () => namespaces.stop(),
      () => proxy.stop(),
    );
    await Promise.all([namespaces.ready(), proxy.ready()]);
    const doors = await openDoors(settings.listen, certificates, given.takeOver !== undefined);
    stops.push(doors.stop);
    given.takeOver?.();
    store ??= await openStore(settings, given, HANDOVER_MILLISECONDS);

    const counting = meters(
      store,
      () => certificates,
      () => ports.waiters.size,
      () => api.load(),
    );
    const ports = await reviewPorts(settings, given, store, client, namespaces.uid, counting);
    stops.push(async () => ports.waiters.stop());
    stops.push(background((signal) => keepExpiring(ports, signal)));
    const telling = { ...ports, told: counting.told };
    for (const one of await startTelling(telling, await channelsOf(settings, client, log)))
      stops.push(() => one.stop());

    const api = apiOf(settings, ports, counting, { client, namespaces, proxy });
    const callers = liveCallers(settings, () => certificates);
    doors.open(api, webhookHandler(ports, callers), ports.waiters);
    const registrations = ownRegistrations(client, registrationNames(), wanted(ports, certificates), log);
    stops.push(() => registrations.stop());
    for (const { kind, name, problem } of await registrations.assert())
      if (problem !== "") log.warn({ kind, name, problem }, "a registration is not as it should be");
    remindOfAuthorization(settings, ports);
    const renewal: Renewal = {
      load: loadCertificates,
      failed: (error) => log.error({ err: error }, "certificates cannot be renewed; those in use stay"),
      apply: async (now, before, signal) => {
        await believeBoth(registrations, now, before, signal);
        certificates = now;
        doors.setCertificate(now);
        // Whoever has the key of a CA that was replaced is not believed any longer than needed.
        await registrations.want({ caBundle: now.caBundle });
        log.info({ written: now.written }, "certificates replaced");
      },
    };
    const renewing = keepRenewed(certificates, renewal);
    stops.push(() => renewing.stop());
    let stopping = false;
    const notReady = () => [
      ...(proxy.current() === undefined ? ["the front proxy's certificates are not known"] : []),
      ...(stopping ? ["stopping"] : []),
    ];
    const web = await serveWeb(
      { metrics: counting, notReady },
      { host: settings.listen.host, port: settings.listen.web },
    );
    stops.push(web.stop);
    const served = { ...doors.ports, web: web.port };
    log.info({ ...served, version: VERSION }, "hoop serves");
    // First of all: from here on requests go to whoever takes over, and wait there until all of this has ended.
    stops.push(doors.stop, () => removeWhereGoing(client, settings, log));
    const stop = async () => {
      stopping = true;
      await api.drain(settings.shutdown.waitSeconds * 1000);
      await inReverse(stops);
    };
    return { ports: served, look: renewing.look, stop };
  } catch (error) {
    await inReverse(stops);
    throw error;
  }
}

/** As long as the API server waits for a webhook: who takes over later than that has nobody left to answer. */
const HANDOVER_MILLISECONDS = 30_000;

async function openStore({ store }: Settings, { onLost, takeOver }: Given, patience: number): Promise<Store> {
  if (store.driver === "memory" && takeOver === undefined) return memoryStore();
  if (store.driver === "memory") throw new Error("what is in memory cannot be taken over");
  return sqliteStore(store.file, { patience, ...(onLost === undefined ? {} : { onLost }) });
}

async function reviewPorts(
  settings: Settings,
  { log, rules = CATALOGUE }: Given,
  store: Store,
  client: Client,
  namespaceUid: ReviewPorts["cluster"]["namespaceUid"],
  meter: Meter,
): Promise<ReviewPorts> {
  const waiters = new Waiters(store, log, settings.hold.maxWaiters);
  await waiters.start();
  return {
    store,
    clock,
    random,
    log,
    meter,
    waiters,
    streaks: new Streaks(),
    cluster: { namespaceUid, connectTargetUid: (request) => connectTargetUid(client, request) },
    agents: agentMatcher(settings.agents, settings.identity),
    rules,
    terms: settings.hold,
    installationNamespace: settings.namespace,
    volatilePaths: settings.digest.volatilePaths,
    installationKey: await installationKey(store),
  };
}

/** Made once, when the store is new, and kept in it: digests are keyed with it. */
async function installationKey(store: Store): Promise<string> {
  const key = "installation/key";
  const row = await store.get(key);
  if (row !== undefined) return row.value;
  const value = randomBytes(32).toString("hex");
  await store.commit({ puts: [{ key, value, expect: 0 }] });
  return (await store.get(key))?.value ?? value;
}

/** What of the cluster is followed all the time. */
interface Followed {
  client: Client;
  namespaces: NamespaceCache;
  proxy: FrontProxy;
}

function apiOf(
  settings: Settings,
  ports: ReviewPorts,
  counting: Metrics,
  { client, namespaces, proxy }: Followed,
): ApiHandler {
  const { log } = ports;
  return aggregatedApi({
    ...ports,
    secrets: secretsBackend(client),
    reveal: settings.secrets.reveal,
    namespaceExists: (uid) => namespaces.nameOf(uid) !== undefined,
    authenticationConfig: liveAuthenticationConfig(proxy.current, log),
    tokenReview: timed(counting, "authn", (token: string) => tokenReview(client, token)),
    subjectAccessReview: timed(counting, "authz", (spec: AccessReviewSpec) =>
      subjectAccessReview(client, spec),
    ),
    namespaces: namespaces.state,
    version: VERSION,
    checks: { "front-proxy": () => proxy.current() !== undefined },
    onRequest: (event) => {
      counting.api.request(event);
      if (settings.log.requests) log.info(accessLine(event), "request");
    },
  });
}

/** Tells how long the API server took to answer. */
function timed<Q, A>(
  counting: Metrics,
  kind: ReviewEvent["kind"],
  ask: (question: Q) => Promise<A>,
): (question: Q) => Promise<A> {
  return async (question) => {
    const started = performance.now();
    const told = (code: string) =>
      counting.api.reviewed({ kind, code, seconds: (performance.now() - started) / 1000 });
    try {
      const answer = await ask(question);
      told("200");
      return answer;
    } catch (error) {
      told("error");
      throw error;
    }
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

/** Whom the API server's own file calls agents is not ours to write: where the settings differ from it, say so. */
function remindOfAuthorization({ agents }: Settings, ports: ReviewPorts): void {
  if (isDeepStrictEqual(agents, loadSettings({}).agents)) return;
  const expression = ports.agents.expression(AUTHORIZATION_FIELDS);
  ports.log.warn(
    { expression },
    "the settings name other agents than deploy/apiserver/authorization-config.yaml: its first matchCondition must be this",
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
  return { validating: ["hoop"], mutating: ["hoop"], policies: ["hoop"], apiService: API_SERVICE };
}

/** An uninstalled Hoop would leave a group behind that nobody answers for, and no namespace be deleted to its end. */
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
  return { caBundle, matchCondition: { name: "agents", expression: agents.expression(ADMISSION_FIELDS) } };
}

function meters(
  store: Store,
  current: () => Certificates,
  waiting: () => number,
  apiLoad: Gauges["apiLoad"],
): Metrics {
  return metrics({
    pending: async () => (await store.list(OPEN)).rows.length,
    waiting,
    apiLoad,
    ledgerEntries: async () => store.firstLineAfter(await store.revision()),
    certificateExpiry: () => new X509Certificate(current().certificate).validToDate.getTime(),
    version: VERSION,
  });
}

async function channelsOf(settings: Settings, client: Client, log: Log): Promise<Channel[]> {
  const events = {
    name: "events",
    tell: eventNotice({ post: (event) => postEvent(client, event), clock, log }),
  };
  if (settings.callback === undefined) return [events];
  const secret = (await readFile(settings.callback.secretFile, "utf8")).trim();
  return [events, { name: "callback", tell: callback({ url: settings.callback.url, secret, clock, log }) }];
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

const HELP = `hoop [--config FILE] [--set PATH=VALUE]… [--take-over PID]

Serves Hoop's admission webhook and its aggregated API. Settings come from FILE (YAML or JSON), then from environment
variables (HOOP_SET_HOLD_MAX_WAIT_SECONDS=50), then from --set (hold.maxWaitSeconds=50); what comes later wins.

With --take-over, Hoop takes the place of the one in process PID, on the same ports and store, without a refused request
(Linux): it opens the ports, sends that one SIGTERM, and lets requests wait until it has let go of the store.

SIGTERM and SIGINT end it once all that is under way is answered; SIGHUP has it look at its certificates at once.

Settings:
${settingsHelp()}
`;

interface Asked {
  settings: Settings;
  /** The process whose place to take. */
  takeOver?: number;
}

async function readAsked(): Promise<Asked | undefined> {
  const { values } = parseArgs({
    options: {
      config: { type: "string" },
      set: { type: "string", multiple: true },
      "take-over": { type: "string" },
      help: { type: "boolean", short: "h" },
    },
  });
  if (values.help) return undefined;
  const { config, set: sets = [], "take-over": pid } = values;
  const file = config === undefined ? {} : { file: { text: await readFile(config, "utf8"), name: config } };
  const settings = loadSettings({ ...file, env: process.env, sets });
  if (pid === undefined) return { settings };
  if (!/^[1-9]\d*$/.test(pid)) throw new Error(`--take-over ${pid}: the number of a process is wanted`);
  return { settings, takeOver: Number(pid) };
}

async function main(): Promise<void> {
  const asked = await readAsked();
  if (asked === undefined) return void process.stdout.write(HELP);
  const { settings, takeOver: pid } = asked;
  // Many lines a write, none more than a tenth of a second late; a fatal one, and the last ones, at once.
  const lines = pino.destination({ sync: true, minLength: 4096, periodicFlush: 100 });
  process.once("exit", () => lines.flushSync());
  const log = pino({ level: settings.log.level, redact: ["err.config", "err.request"] }, lines);
  const onLost = (cause: Error) => {
    log.fatal({ err: cause }, "the store is lost; ending, so that nothing is answered without its record");
    process.exit(1);
  };
  const takeOver = pid === undefined ? {} : { takeOver: () => end(pid) };
  const hoop = await startHoop(settings, { log, onLost, ...takeOver });
  const stop = (signal: string) => {
    log.info({ signal }, "stopping");
    hoop.stop().then(
      () => process.exit(0),
      (error) => {
        log.error({ err: error }, "could not stop cleanly");
        process.exit(1);
      },
    );
  };
  process.once("SIGTERM", stop);
  process.once("SIGINT", stop);
  process.on("SIGHUP", hoop.look);
}

function end(pid: number): void {
  try {
    process.kill(pid, "SIGTERM");
  } catch (cause) {
    throw new Error(`--take-over ${pid}: that process cannot be ended: ${cause}`, { cause });
  }
}

if (import.meta.main)
  main().catch((error: unknown) => {
    process.stderr.write(`hoop: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(1);
  });

/**
 * The composition root: settings → store, cluster, certificates → the two servers. The only place that knows all
 * parts, and the only one that reads the process's arguments and environment.
 */
import { randomBytes, X509Certificate } from "node:crypto";
import { readFile } from "node:fs/promises";
import { isDeepStrictEqual, parseArgs } from "node:util";
import { pino } from "pino";
import { type AggregatedApiPorts, aggregatedApi } from "#apiserver-ext/server.ts";
import { type Certificates, servingCertificate } from "#certs/directory.ts";
import { serviceNames } from "#certs/leaf.ts";
import { keepRenewed, type Renewal } from "#certs/renewal.ts";
import { subjectAccessReview } from "#cluster/access-review.ts";
import { type Client, connect } from "#cluster/client.ts";
import { connectTargetUid } from "#cluster/connect-target.ts";
import { postEvent } from "#cluster/events.ts";
import { frontProxy } from "#cluster/front-proxy.ts";
import { namespaceCache } from "#cluster/namespaces.ts";
import { ownRegistrations, type Registrations } from "#cluster/registrations.ts";
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
import { listen } from "#kit/listen.ts";
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
import { loadSettings, type Settings, settingsHelp } from "./settings.ts";
import { clock, random } from "./system.ts";

const VERSION = "v0.1.0";

export interface Hoop {
  ports: { api: number; webhook: number; web: number };
  /** Drains and ends it: reviews under way are answered, watches end cleanly. */
  stop(): Promise<void>;
}

/** What tests put in place of the defaults. */
export interface Given {
  log: Log;
  rules?: readonly Rule[];
  /** The store is lost: nothing can be recorded any more, so the process must end. */
  onLost?: (cause: Error) => void;
}

/** Starts everything, and resolves when both servers answer. */
export async function startHoop(settings: Settings, given: Given): Promise<Hoop> {
  const { log } = given;
  const stops: (() => Promise<void>)[] = [];
  try {
    const store = await openStore(settings, given.onLost ?? (() => {}));
    stops.push(() => store.close());
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

    const api = await serveApi(settings, certificates, {
      ...ports,
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
    stops.push(api.stop);
    const webhook = await serveWebhook(settings, () => certificates, ports);
    stops.push(webhook.stop);
    const registrations = ownRegistrations(client, registrationNames(), wanted(ports, certificates), log);
    stops.push(() => registrations.stop());
    for (const { kind, name, problem } of await registrations.assert())
      if (problem !== "") log.warn({ kind, name, problem }, "a registration is not as it should be");
    remindOfAuthorization(settings, ports);
    const renewal: Renewal = {
      load: loadCertificates,
      failed: (error) => log.error({ err: error }, "certificates cannot be renewed; those in use stay"),
      apply: async (now, before) => {
        await believeBoth(registrations, now, before);
        certificates = now;
        for (const server of [api, webhook]) server.setCertificate({ key: now.key, cert: now.certificate });
        log.info({ written: now.written }, "certificates replaced");
      },
    };
    stops.push(background((signal) => keepRenewed(certificates, renewal, signal)));
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
    const served = { api: api.port, webhook: webhook.port, web: web.port };
    log.info({ ...served, version: VERSION }, "hoop serves");
    const stop = async () => {
      stopping = true;
      await api.drain(settings.shutdown.waitSeconds * 1000);
      await inReverse(stops);
    };
    return { ports: served, stop };
  } catch (error) {
    await inReverse(stops);
    throw error;
  }
}

async function openStore({ store }: Settings, onLost: (cause: Error) => void): Promise<Store> {
  return store.driver === "memory" ? memoryStore() : sqliteStore(store.file, { onLost });
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

async function serveApi(
  settings: Settings,
  { key, certificate: cert }: Certificates,
  ports: AggregatedApiPorts,
) {
  const handler = aggregatedApi(ports);
  const { host, api: port } = settings.listen;
  const listening = await listen({ key, cert, host, port, handler });
  const { load, drain } = handler;
  return { ...listening, load, drain, stop: () => listening.close(() => handler.close(), 5_000) };
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

/** `current`: the certificates in use now; they may be replaced while it serves. */
async function serveWebhook(settings: Settings, current: () => Certificates, ports: ReviewPorts) {
  let known = { of: current(), callers: callersOf(settings, current()) };
  const callers = () => {
    if (known.of !== current()) known = { of: current(), callers: callersOf(settings, current()) };
    return known.callers;
  };
  const { key, certificate: cert } = current();
  const { host, webhook: port } = settings.listen;
  const listening = await listen({ key, cert, host, port, handler: webhookHandler(ports, callers) });
  // Who waits is sent away to ask again; the approvals stay.
  const drain = async () => ports.waiters.stop();
  return { ...listening, stop: () => listening.close(drain, 5_000) };
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
): Promise<void> {
  if (now.caBundle === before.caBundle) return;
  await registrations.want({ caBundle: `${now.caBundle.trimEnd()}\n${before.caBundle}` });
  await clock.sleep(NOTICE_MILLISECONDS);
}

function callersOf({ callers }: Settings, { clientAuthority, client }: Certificates): Callers {
  if (callers.mode === "unguessable-path") return callers;
  return {
    mode: "client-certificate",
    authority: new X509Certificate(clientAuthority),
    commonName: client.commonName,
  };
}

function registrationNames() {
  return { validating: ["hoop"], mutating: ["hoop"], policies: ["hoop"], apiService: "v1alpha1.hoop.dev" };
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

const HELP = `hoop [--config FILE] [--set PATH=VALUE]…

Serves Hoop's admission webhook and its aggregated API. Settings come from FILE (YAML or JSON), then from environment
variables (HOOP_SET_HOLD_MAX_WAIT_SECONDS=50), then from --set (hold.maxWaitSeconds=50); what comes later wins.

Settings:
${settingsHelp()}
`;

async function readSettings(): Promise<Settings | undefined> {
  const { values } = parseArgs({
    options: {
      config: { type: "string" },
      set: { type: "string", multiple: true },
      help: { type: "boolean", short: "h" },
    },
  });
  if (values.help) return undefined;
  const { config, set: sets = [] } = values;
  const file = config === undefined ? {} : { file: { text: await readFile(config, "utf8"), name: config } };
  return loadSettings({ ...file, env: process.env, sets });
}

async function main(): Promise<void> {
  const settings = await readSettings();
  if (settings === undefined) return void process.stdout.write(HELP);
  const log = pino({ level: settings.log.level, redact: ["err.config", "err.request"] });
  const onLost = (cause: Error) => {
    log.fatal({ err: cause }, "the store is lost; ending, so that nothing is answered without its record");
    process.exit(1);
  };
  const hoop = await startHoop(settings, { log, onLost });
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
}

if (import.meta.main)
  main().catch((error: unknown) => {
    process.stderr.write(`hoop: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(1);
  });

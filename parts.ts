/** What Hoop is made of, each part from the settings and the parts before it. */
import { randomBytes, X509Certificate } from "node:crypto";
import { readFile } from "node:fs/promises";
import { dirname, join, parse, resolve } from "node:path";
import { KnownSecrets } from "#apiserver-ext/broker/mask/known.ts";
import { aggregatedApi } from "#apiserver-ext/server.ts";
import type { Certificates } from "#certs/directory.ts";
import { subjectAccessReview } from "#cluster/access-review.ts";
import type { Client } from "#cluster/client.ts";
import { postEvent } from "#cluster/events.ts";
import type { FrontProxy } from "#cluster/front-proxy.ts";
import type { NamespaceCache } from "#cluster/namespaces.ts";
import { objectNow } from "#cluster/objects.ts";
import { referent } from "#cluster/referents.ts";
import { secretsBackend } from "#cluster/secrets.ts";
import { tokenReview } from "#cluster/token-review.ts";
import type { Upstream } from "#cluster/upstream.ts";
import type { JsonObject } from "#core/admission.ts";
import { ADMISSION_FIELDS } from "#core/agents.ts";
import { Feed, feedState } from "#core/audit/feed.ts";
import { Intake } from "#core/audit/intake.ts";
import { ToldWrites } from "#core/audit/told.ts";
import { OPEN } from "#core/hold/rows.ts";
import { Streaks } from "#core/hold/streaks.ts";
import { Waiters } from "#core/hold/waiters.ts";
import { recordConfiguration } from "#core/ledger/configuration.ts";
import { keepErasing } from "#core/ledger/retention.ts";
import type { LogKeys } from "#core/log/appender.ts";
import { maskObject } from "#core/mask.ts";
import { keepFindingOutcomes } from "#core/outcome/finder.ts";
import { OpenWrites } from "#core/outcome/open.ts";
import { podSpecPaths } from "#core/policy/facts/workload.ts";
import type { PolicyPorts } from "#core/policy/ports.ts";
import type { HoldTerms } from "#core/policy/verdict.ts";
import type { Log, Meter } from "#core/ports.ts";
import type { ReviewPorts } from "#core/review.ts";
import type { LiveSessions } from "#core/session/live.ts";
import { accessLine } from "#kit/access-log.ts";
import { liveAuthenticationConfig } from "#kit/authentication-config.ts";
import type { AccessReviewSpec } from "#kit/authz.ts";
import type { ApiHandler } from "#kit/server.ts";
import type { Store } from "#kit/storage.ts";
import { keepBackingUp, makeBackup } from "#ledger/backups.ts";
import { verifierKeys } from "#ledger/key-file.ts";
import { keepPublishing, Publisher } from "#ledger/publish.ts";
import { callback } from "#notify/callback.ts";
import { eventNotice } from "#notify/events.ts";
import type { Channel } from "#notify/telling.ts";
import { type SearchIndex, searchIndex } from "#search/index.ts";
import type { SqliteStore } from "#store/sqlite.ts";
import type { ReviewEvent } from "#web/api-metrics.ts";
import { type Gauges, type Metrics, metrics } from "#web/metrics.ts";
import type { AuditSink } from "#webhook/audit.ts";
import type { LiveAgents } from "./agents.ts";
import type { LivePolicies } from "./policies.ts";
import type { Settings } from "./settings.ts";
import { clock, random } from "./system.ts";

export const VERSION = "v0.1.0";

/** The parts that follow the cluster, as far as judging needs them. */
type Judging = Pick<NamespaceCache, "uid"> &
  Pick<LiveAgents, "matcher" | "profile"> & { policies: PolicyPorts };

export async function reviewPorts(
  settings: Settings,
  log: Log,
  store: Store,
  client: Client,
  { uid: namespaceUid, matcher, profile, policies }: Judging,
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
    cluster: {
      namespaceUid,
      referent: (reference) => referent(client, reference),
    },
    maxPendingPerAgent: settings.hold.maxPendingPerAgent,
    agents: matcher,
    policies,
    workloads: podSpecPaths(settings.workloads),
    forwardedPorts: (name) => profile(name)?.session?.forwardedPorts,
    terms: termsOf(settings.hold),
    installationNamespace: settings.namespace,
    volatilePaths: settings.digest.volatilePaths,
    installationKey: await installationKey(store),
  };
}

/** The terms of a hold where a rule has none of its own. */
function termsOf({ approvers, ...times }: Settings["hold"]): HoldTerms {
  return { ...times, approvers: [approvers] };
}

/** The key of all digests. It is made when the store is new, and kept in it. */
async function installationKey(store: Store): Promise<string> {
  const key = "installation/key";
  const row = await store.get(key);
  if (row !== undefined) return row.value;
  const value = randomBytes(32).toString("hex");
  await store.commit({ puts: [{ key, value, expect: 0 }] });
  return (await store.get(key))?.value ?? value;
}

/** The parts that follow the cluster all the time. */
export interface Followed {
  client: Client;
  namespaces: NamespaceCache;
  proxy: FrontProxy;
  /** The AgentProfile of a name. */
  profile: LiveAgents["profile"];
  live: LiveSessions;
  upstream: Upstream;
}

export function apiOf(
  settings: Settings,
  ports: ReviewPorts,
  counting: Metrics,
  {
    client,
    namespaces,
    proxy,
    search,
    ...sessions
  }: Followed & { search: SearchIndex; toldWrites: ToldWrites },
): ApiHandler {
  const { log } = ports;
  const secrets = secretsBackend(client);
  return aggregatedApi({
    ...ports,
    search,
    ...sessions,
    secrets,
    known: new KnownSecrets(secrets, clock.now),
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

export function meters(
  store: Store,
  search: SearchIndex,
  current: () => Certificates,
  waiting: () => number,
  apiLoad: Gauges["apiLoad"],
): Metrics {
  return metrics({
    pending: async () => (await store.list(OPEN)).rows.length,
    waiting,
    apiLoad,
    ledgerEntries: async () => (await store.head()).size,
    searchBehind: () => search.behind(),
    storeUsage: () => store.usage(),
    certificateExpiry: () => new X509Certificate(current().certificate).validToDate.getTime(),
    version: VERSION,
  });
}

/** Where the keys that sign the ledger are, unless settings say otherwise. */
export function ledgerKeyFile({ ledger, certificates }: Settings): string {
  return ledger.key ?? join(dirname(certificates), "ledger.key");
}

/** The search index. Its file lies beside the store's unless settings say otherwise; a store in memory has its index there, too. */
export function searchOf(
  { store: { driver, ...where }, search }: Settings,
  store: Store,
  log: Log,
): SearchIndex {
  const { dir, name } = parse("file" in where ? where.file : "");
  const beside = driver === "memory" ? ":memory:" : join(dir, `${name}-search.db`);
  const file = search.file ?? beside;
  if ("file" in where && resolve(file) === resolve(where.file))
    throw new Error(`search.file is the store's own file: ${file}`);
  return searchIndex({ store, clock, log }, { file });
}

/** Settings as they are recorded: without secrets. */
function recordable({ callers, ...settings }: Settings): JsonObject {
  const shown = JSON.parse(JSON.stringify({ ...settings, callers: { mode: callers.mode } })) as JsonObject;
  return maskObject(shown);
}

/** The parts that find out what came of requests: from the API server's audit events or, where none come, by a look at the object. */
export async function telling(
  { audit: { waitSeconds } }: Settings,
  ports: ReviewPorts,
  client: Client,
  { audited: counted }: Metrics,
): Promise<{ audit: AuditSink; toldWrites: ToldWrites; task: (signal: AbortSignal) => Promise<void> }> {
  const feed = new Feed(await feedState(ports.store));
  const open = await OpenWrites.begin(ports.store, () => feed.known);
  const toldWrites = new ToldWrites();
  const all = { ...ports, feed, open, toldWrites };
  const finder = {
    ...all,
    objectNow: (place: Parameters<typeof objectNow>[1]) => objectNow(client, place),
  };
  return {
    audit: new Intake({ ...all, counted }),
    toldWrites,
    task: (signal) => keepFindingOutcomes(finder, waitSeconds, signal),
  };
}

/** The AgentPolicies and AgentProfiles of the cluster, as they are now. */
interface Written {
  policies: Pick<LivePolicies, "written">;
  agents: Pick<LiveAgents, "written">;
}

export interface Tended {
  /** Records the configuration in force, unless the last record says the same. */
  recordConfiguration(): Promise<void>;
  /** Does the same, but only logs where that fails. */
  configurationChanged(): void;
  /** Makes a backup now, and logs how that went. */
  backUp(): void;
  /** What runs beside, each until the signal aborts. */
  tasks: readonly ((signal: AbortSignal) => Promise<void>)[];
}

/** The parts that look after the ledger: record the configuration, erase what is due, publish, back up. */
export function tended(
  settings: Settings,
  ports: ReviewPorts,
  keys: LogKeys,
  written: Written,
  search: SearchIndex,
): Tended {
  const { store, log, agents, policies } = ports;
  const { publish, publishSeconds: everySeconds } = settings.ledger;
  const publishing =
    publish === undefined
      ? []
      : [
          (signal: AbortSignal) =>
            keepPublishing(new Publisher(store, publish), { clock, log, everySeconds }, signal),
        ];
  const record = () =>
    recordConfiguration(ports, {
      version: VERSION,
      keys: verifierKeys(keys),
      agents: agents.expression(ADMISSION_FIELDS),
      rules: [...policies.current().rules],
      policies: written.policies.written(),
      profiles: written.agents.written(),
      settings: recordable(settings),
    });
  return {
    recordConfiguration: record,
    configurationChanged: () =>
      void record().catch((error: unknown) => log.error({ err: error }, "what is in force is not recorded")),
    ...backing(settings, ports, [
      (signal) => keepErasing({ ...ports, erased: () => search.catchUp() }, settings.ledger, signal),
      ...publishing,
    ]),
  };
}

function backing(
  { backups: { directory, ...options } }: Settings,
  { store, log }: ReviewPorts,
  tasks: Tended["tasks"],
): Pick<Tended, "backUp" | "tasks"> {
  if (directory === undefined || !isBackedUp(store))
    return { tasks, backUp: () => log.warn({}, "no backup is made: backups.directory is not set") };
  const ports = { backup: (file: string) => store.backup(file), clock, log };
  const all = { ...options, directory };
  return {
    tasks: [...tasks, (signal) => keepBackingUp(ports, all, signal)],
    backUp: () =>
      void makeBackup(ports, all).then(
        (file) => log.info({ file }, "the store is backed up"),
        (error: unknown) => log.error({ err: error }, "the store could not be backed up"),
      ),
  };
}

function isBackedUp(store: Store): store is SqliteStore {
  return "backup" in store;
}

export async function channelsOf(settings: Settings, client: Client, log: Log): Promise<Channel[]> {
  const events = {
    name: "events",
    tell: eventNotice({ post: (event) => postEvent(client, event), clock, log }),
  };
  if (settings.callback === undefined) return [events];
  const secret = (await readFile(settings.callback.secretFile, "utf8")).trim();
  return [events, { name: "callback", tell: callback({ url: settings.callback.url, secret, clock, log }) }];
}

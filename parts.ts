/** What Hoop is made of, each part from the settings and the parts before it. */
import { randomBytes, X509Certificate } from "node:crypto";
import { readFile } from "node:fs/promises";
import { aggregatedApi } from "#apiserver-ext/server.ts";
import type { Certificates } from "#certs/directory.ts";
import { subjectAccessReview } from "#cluster/access-review.ts";
import type { Client } from "#cluster/client.ts";
import { postEvent } from "#cluster/events.ts";
import type { FrontProxy } from "#cluster/front-proxy.ts";
import type { NamespaceCache } from "#cluster/namespaces.ts";
import { referent } from "#cluster/referents.ts";
import { secretsBackend } from "#cluster/secrets.ts";
import { connectTargetUid } from "#cluster/subresource-target.ts";
import { tokenReview } from "#cluster/token-review.ts";
import { OPEN } from "#core/hold/rows.ts";
import { Streaks } from "#core/hold/streaks.ts";
import { Waiters } from "#core/hold/waiters.ts";
import { podSpecPaths } from "#core/policy/facts/workload.ts";
import type { PolicyPorts } from "#core/policy/ports.ts";
import type { HoldTerms } from "#core/policy/verdict.ts";
import type { Log, Meter } from "#core/ports.ts";
import type { ReviewPorts } from "#core/review.ts";
import { accessLine } from "#kit/access-log.ts";
import { liveAuthenticationConfig } from "#kit/authentication-config.ts";
import type { AccessReviewSpec } from "#kit/authz.ts";
import type { ApiHandler } from "#kit/server.ts";
import type { Store } from "#kit/storage.ts";
import { callback } from "#notify/callback.ts";
import { eventNotice } from "#notify/events.ts";
import type { Channel } from "#notify/telling.ts";
import type { ReviewEvent } from "#web/api-metrics.ts";
import { type Gauges, type Metrics, metrics } from "#web/metrics.ts";
import type { LiveAgents } from "./agents.ts";
import type { Settings } from "./settings.ts";
import { clock, random } from "./system.ts";

export const VERSION = "v0.1.0";

/** What of the cluster judging goes by. */
type Judging = Pick<NamespaceCache, "uid"> & Pick<LiveAgents, "matcher"> & { policies: PolicyPorts };

export async function reviewPorts(
  settings: Settings,
  log: Log,
  store: Store,
  client: Client,
  { uid: namespaceUid, matcher, policies }: Judging,
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
      connectTargetUid: (request) => connectTargetUid(client, request),
      referent: (reference) => referent(client, reference),
    },
    maxPendingPerAgent: settings.hold.maxPendingPerAgent,
    agents: matcher,
    policies,
    workloads: podSpecPaths(settings.workloads),
    terms: termsOf(settings.hold),
    installationNamespace: settings.namespace,
    volatilePaths: settings.digest.volatilePaths,
    installationKey: await installationKey(store),
  };
}

/** Where a rule says nothing else. */
function termsOf({ approvers, ...times }: Settings["hold"]): HoldTerms {
  return { ...times, approvers: [approvers] };
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
export interface Followed {
  client: Client;
  namespaces: NamespaceCache;
  proxy: FrontProxy;
}

export function apiOf(
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

export function meters(
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

export async function channelsOf(settings: Settings, client: Client, log: Log): Promise<Channel[]> {
  const events = {
    name: "events",
    tell: eventNotice({ post: (event) => postEvent(client, event), clock, log }),
  };
  if (settings.callback === undefined) return [events];
  const secret = (await readFile(settings.callback.secretFile, "utf8")).trim();
  return [events, { name: "callback", tell: callback({ url: settings.callback.url, secret, clock, log }) }];
}

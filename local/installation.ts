/** Brings up everything of a local installation that does not run, and says what it does. */
import { randomBytes } from "node:crypto";
import { delimiter, join, resolve } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { claim, claimant, release } from "#controlplane/claim.ts";
import type { Component, Lifetime } from "#controlplane/component.ts";
import { claimPort } from "#controlplane/ports.ts";
import { type Cluster, foreignCluster, ownCluster, type Say } from "./cluster.ts";
import { hoopProcess } from "./hoop-process.ts";
import { issuerProcess, writeToken } from "./issuer-process.ts";
import { replaceLink } from "./links.ts";
import { localManifests, type StampBy, stampWay, tourManifests, tourSecret } from "./manifests.ts";
import {
  sessionGround,
  sessionNamespace,
  sessionProfile,
  TOUR_NAMESPACE,
  writeSessionKubeconfig,
} from "./session-tour.ts";
import { type Layout, prepareDirectory, type Remembered, remember, remembered } from "./state-directory.ts";
import { whatRuns } from "./status.ts";

export interface Installation {
  humanKubeconfig: string;
  /** `$PATH` with the installation's bin first. */
  path: string;
  /** The API server is not ours: these ways around Hoop are open in it. */
  foreign: boolean;
  /** Resolves, saying what, when something ends by itself. */
  ended: Promise<string>;
  stop(): Promise<void>;
}

/** `parent`: it ends with this process, however that ends. `detached`: it stays, and this process has no more part in it. */
export async function install(
  state: Layout,
  lifetime: Lifetime,
  kubeconfig: string | undefined,
  say: Say,
): Promise<Installation> {
  await prepareDirectory(state);
  if (!(await claim(state.owner)))
    throw new Error(
      `process ${await claimant(state.owner)} is starting or holding what is in ${state.directory}`,
    );
  try {
    const installation = await installClaimed(state, lifetime, kubeconfig, say);
    if (lifetime === "detached") await release(state.owner);
    return installation;
  } catch (error) {
    await release(state.owner);
    throw error;
  }
}

async function installClaimed(
  state: Layout,
  lifetime: Lifetime,
  kubeconfig: string | undefined,
  say: Say,
): Promise<Installation> {
  const memory = await memoryOf(state, kubeconfig);
  const foreign = memory.foreign && (await foreignCluster(state, memory.foreign.kubeconfig, say));
  await remember(state, memory);
  const cluster = foreign ?? (await ownCluster(state, memory, lifetime, say));
  let hoop: Component | undefined;
  const issuer = foreign === undefined ? await issuerProcess(state, memory, lifetime) : undefined;
  const stop = async () => {
    // Hoop first: it drains while the API server still answers.
    await hoop?.stop();
    await issuer?.stop();
    await cluster.stop();
  };
  try {
    await prepareBin(state, cluster.kubectlPath);
    say("applying the manifests of deploy/");
    const options = { secret: memory.foreign?.secret, stampBy: await stampWayOf(cluster) };
    await apply(cluster, await localManifests(memory.ports, options));
    const isTourThere = foreign !== undefined || (await applyTour(cluster));
    say("starting hoop");
    hoop = await hoopProcess(state, memory, cluster.hoopKubeconfig, lifetime);
    await Promise.all([hoop.start(), issuer?.start()]);
    say("waiting until agents' requests go through Hoop");
    await untilReady(cluster);
    if (!isTourThere) await putTourBack(cluster, say);
    if (issuer !== undefined) await prepareSession(state, memory, cluster);
    return {
      humanKubeconfig: memory.foreign?.kubeconfig ?? state.kubeconfig.human,
      path: `${state.bin}${delimiter}${process.env["PATH"] ?? ""}`,
      foreign: foreign !== undefined,
      ended: firstToEnd(
        new Map([...cluster.components, ...(issuer ? [["issuer", issuer] as const] : []), ["hoop", hoop]]),
      ),
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** False where its namespace is being deleted: what is put into that would go with it. */
async function applyTour(cluster: Cluster): Promise<boolean> {
  await apply(cluster, await sessionGround());
  if (await isTourLeaving(cluster)) return false;
  for (const objects of [tourManifests(), tourSecret(), sessionNamespace()]) await apply(cluster, objects);
  return true;
}

async function isTourLeaving({ kubectl }: Cluster): Promise<boolean> {
  const found = await kubectl([
    ...["get", "namespace", TOUR_NAMESPACE, "--ignore-not-found"],
    ...["-o", "jsonpath={.metadata.deletionTimestamp}"],
  ]);
  if (found.code !== 0) throw new Error(`the tour's namespace: ${found.stderr.trim()}`);
  return found.stdout !== "";
}

const LEAVING_SECONDS = 120;

/** Who follows the tour deletes its namespace; that ends only when Hoop is back, since Hoop serves a part of what is in it. */
async function putTourBack(cluster: Cluster, say: Say): Promise<void> {
  say(`waiting until the deletion of the tour's namespace ${TOUR_NAMESPACE} has ended, to put it back`);
  const gone = await cluster.kubectl(
    ["wait", "--for=delete", `namespace/${TOUR_NAMESPACE}`, `--timeout=${LEAVING_SECONDS}s`],
    { timeout: (LEAVING_SECONDS + 30) * 1000 },
  );
  if (gone.code === 0 && (await applyTour(cluster))) return;
  say(
    `the namespace ${TOUR_NAMESPACE} is still being deleted, and the tour needs it. What that waits for: ` +
      `kubectl get namespace ${TOUR_NAMESPACE} -o yaml. Once it is gone: npm stop && npm start`,
  );
}

/** A session begins when its kubeconfig is used. */
async function prepareSession(state: Layout, memory: Remembered, cluster: Cluster): Promise<void> {
  await apply(cluster, sessionProfile(memory));
  await writeToken(state, memory);
  await writeSessionKubeconfig(state, memory);
}

async function memoryOf(state: Layout, given: string | undefined): Promise<Remembered> {
  const before = await remembered(state);
  const kubeconfig = given === undefined ? undefined : resolve(given);
  if (before !== undefined && kubeconfig !== undefined && kubeconfig !== before.foreign?.kubeconfig) {
    const other = before.foreign?.kubeconfig ?? "a control plane of its own";
    throw new Error(`${state.directory} belongs to ${other}; give another directory: --state DIR`);
  }
  const foreign =
    before?.foreign ??
    (kubeconfig === undefined ? undefined : { kubeconfig, secret: randomBytes(24).toString("hex") });
  return { ports: await portsFor(state, before?.ports), ...(foreign === undefined ? {} : { foreign }) };
}

/**
 * The ports stand in manifests, and in files that the API server reads as it starts: so they stay, also while Hoop
 * itself is gone. Only where nothing runs others may take the place of ports that somebody has taken.
 */
async function portsFor(
  state: Layout,
  before: Remembered["ports"] | undefined,
): Promise<Remembered["ports"]> {
  const { components } = await whatRuns(state);
  const runs = (name: string) => components.some((one) => one.name === name && one.pid !== undefined);
  const ours = await issuerPorts(before, runs);
  if (before === undefined) return { api: await claimPort(), webhook: await claimPort(), ...ours };
  if (runs("hoop")) return before;
  const ports = { api: await claimPort(before.api), webhook: await claimPort(before.webhook), ...ours };
  if (!components.some(({ pid }) => pid !== undefined)) return ports;
  for (const [own, now] of [
    [before.api, ports.api],
    [before.webhook, ports.webhook],
  ])
    if (own !== now)
      throw new Error(`port ${own} of Hoop is taken by another process; end that one, or npm stop first`);
  return { ...before, ...ours };
}

/** Nothing that is not written anew at each start names these two. */
async function issuerPorts(
  before: Remembered["ports"] | undefined,
  runs: (name: string) => boolean,
): Promise<Pick<Remembered["ports"], "issuer" | "exchange">> {
  const again = (port: number | undefined) => claimPort(port === 0 ? undefined : port);
  return {
    issuer: before && (runs("issuer") || runs("hoop")) ? before.issuer : await again(before?.issuer),
    exchange: before && runs("hoop") ? before.exchange : await again(before?.exchange),
  };
}

/** kubectl finds its plugin beside it, and what completes the plugin's words. */
async function prepareBin(state: Layout, kubectl: string): Promise<void> {
  await replaceLink(kubectl, join(state.bin, "kubectl"));
  for (const plugin of ["kubectl-hoop", "kubectl_complete-hoop"])
    await replaceLink(join(import.meta.dirname, "..", "cli", plugin), join(state.bin, plugin));
}

async function stampWayOf(cluster: Cluster): Promise<StampBy> {
  const asked = await cluster.kubectl(["get", "--raw", "/apis/admissionregistration.k8s.io/v1"]);
  if (asked.code !== 0) throw new Error(`the API server's discovery: ${asked.stderr.trim()}`);
  return stampWay(asked.stdout);
}

async function apply(cluster: Cluster, manifests: string): Promise<void> {
  const args = ["apply", "--server-side", "--force-conflicts", "--field-manager=npm-start", "-f", "-"];
  const applied = await cluster.kubectl(args, { input: manifests });
  if (applied.code !== 0) throw new Error(`kubectl apply: ${applied.stderr.trim()}`);
}

/**
 * Ready is: kubectl finds the aggregated API by discovery, and it answers. The APIService's condition alone would not
 * do: it is looked at every 30 s, so it may still speak of a Hoop that has ended since.
 */
async function untilReady(cluster: Cluster): Promise<void> {
  const deadline = Date.now() + 90_000;
  for (;;) {
    const asked = await cluster.kubectl(["get", "approvals.hoop.dev", "-A"], { timeout: 15_000 });
    if (asked.code === 0) return;
    if (Date.now() > deadline)
      throw new Error(
        `hoop.dev did not become available (does the API server run on this host?): ${asked.stderr.trim()}`,
      );
    await delay(500);
  }
}

function firstToEnd(components: ReadonlyMap<string, Component>): Promise<string> {
  return new Promise((resolve_) => {
    const timer = setInterval(() => {
      for (const [name, component] of components) {
        if (component.running()) continue;
        clearInterval(timer);
        resolve_(name);
      }
    }, 1000);
  });
}

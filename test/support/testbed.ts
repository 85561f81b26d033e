/**
 * Hoop in the request flow of a real control plane, set up as `npm start` does it: the files of deploy/, the API
 * server's own configuration, an agent that RBAC lets do everything, and an approver who may decide and nothing else.
 */
import type { ChildProcessWithoutNullStreams } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdir, mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { setTimeout as delay } from "node:timers/promises";
import { stringify } from "yaml";
import { servingCertificate } from "#certs/directory.ts";
import { serviceNames } from "#certs/leaf.ts";
import {
  type ControlPlane,
  type ControlPlaneOptions,
  startControlPlane,
} from "#controlplane/controlplane.ts";
import type { KubectlOptions, KubectlResult } from "#controlplane/kubectl.ts";
import { claimPort, releasePort } from "#controlplane/ports.ts";
import type { Approval } from "#core/approval.ts";
import type { Catalogue } from "#core/policy/catalogue.ts";
import { type Hoop, startHoop } from "../../hoop.ts";
import { apiServerFiles } from "../../local/apiserver-files.ts";
import { localManifests, type StampBy, tourManifests } from "../../local/manifests.ts";
import { parseSettings } from "../../settings.ts";
import { asUserOf, type Caller } from "./raw.ts";
import { untilStamped } from "./stamped.ts";

export type Who = "agent" | "approver" | "human" | { kubeconfig: string };

export interface TestbedOptions {
  /** Merged into the settings. */
  settings?: object;
  /** In place of the shipped one. */
  catalogue?: Catalogue;
  /** Whether the API server asks Hoop for authorization (default) and proves to be itself. */
  configured?: boolean;
  /** What becomes of the filter in its AuthorizationConfiguration, beside which everything is sent that this is true of. */
  alsoAuthorized?: string;
  controlPlane?: ControlPlaneOptions;
  /** Who stamps what agents make; by default the API server, by policy. */
  stampBy?: StampBy;
  /** Has the API server send its audit events to Hoop; and again after a second what could not be sent. */
  audited?: boolean;
  /** Adds the kwok node `node-1`, and the controllers. */
  node?: boolean;
  /** An open end of the logs, for tests that look into them. */
  onLog?: (level: string, fields: object, message: string) => void;
}

export interface Ended extends KubectlResult {
  /** Everything it printed. */
  output: string;
}

/** A kubectl that is still running. */
export interface Blocked {
  child: ChildProcessWithoutNullStreams;
  ended: Promise<Ended>;
  /** Whether it has ended. */
  over(): boolean;
}

export interface Testbed {
  controlPlane: ControlPlane;
  kubeconfig(who: Who): string;
  kubectl(who: Who, args: readonly string[], options?: KubectlOptions): Promise<Ended>;
  /** As `kubectl`, and throws unless it exits with 0. */
  must(who: Who, args: readonly string[], options?: KubectlOptions): Promise<string>;
  /** Starts a kubectl that is expected to wait. */
  start(who: Who, args: readonly string[], input?: string | object): Blocked;
  apply(objects: object | object[]): Promise<void>;
  /** Waits until a controller has made the ServiceAccount that pods of the namespace run as. */
  defaultAccount(namespace: string): Promise<void>;
  approvals(namespace?: string): Promise<Approval[]>;
  /** The first approval that fits; waits for it to appear. */
  approval(fits: (approval: Approval) => boolean): Promise<Approval>;
  /** The pending approval for a target name. */
  pending(targetName: string, operation?: string): Promise<Approval>;
  decide(approval: Approval, verdict: "Approve" | "Deny", comment?: string, who?: Who): Promise<Ended>;
  /** The specs of all records of what agents asked for, and of approvals. */
  records(): Promise<Record<string, unknown>[]>;
  /** Hoop itself, in this process. */
  stopHoop(): Promise<void>;
  startHoop(): Promise<void>;
  /** Where the webhook listens, and the settings file's content, for a Hoop in a process of its own. */
  settingsYaml: string;
  webhookPort: number;
  apiPort: number;
  certificates: string;
  stop(): Promise<void>;
}

const NAMESPACE = "hoop-system";

export async function startTestbed(options: TestbedOptions = {}): Promise<Testbed> {
  const [api, webhook] = [await claimPort(), await claimPort()];
  const configured = options.configured ?? true;
  const node = options.node ?? false;
  const scratch = await startedControlPlane(options, configured, node, webhook);
  const { controlPlane, certificates } = scratch;
  try {
    return await assembled(controlPlane, certificates, { api, webhook }, options, configured, node);
  } catch (error) {
    await controlPlane.stop();
    throw error;
  }
}

async function startedControlPlane(
  options: TestbedOptions,
  configured: boolean,
  node: boolean,
  webhook: number,
) {
  const scratch = await mkdtemp(join(tmpdir(), "hoop-testbed-"));
  const certificates = join(scratch, "certificates");
  const issued = await servingCertificate(certificates, serviceNames("hoop", NAMESPACE, true));
  const files = await apiServerFiles(join(scratch, "apiserver"), issued, {
    address: `127.0.0.1:${webhook}`,
    serverName: `hoop.${NAMESPACE}.svc`,
    servicePort: webhook,
  });
  const { auditWebhook, ...others } = files;
  const audited = options.audited ?? false;
  const controlPlane = await startControlPlane({
    controllerManager: node,
    ...(configured ? withFilter(others, options.alsoAuthorized) : {}),
    ...(audited ? { auditWebhook, flags: { "audit-webhook-initial-backoff": "1s" } } : {}),
    ...options.controlPlane,
  });
  return { controlPlane, certificates };
}

interface Authorizers {
  authorizers: { webhook?: { matchConditions: { expression: string }[] } }[];
}

function withFilter<T extends { authorizationConfig: object }>(files: T, also: string | undefined): T {
  const filter = (files.authorizationConfig as Authorizers).authorizers[0]?.webhook?.matchConditions[1];
  if (filter !== undefined && also !== undefined) filter.expression = `${filter.expression} || (${also})`;
  return files;
}

async function assembled(
  controlPlane: ControlPlane,
  certificates: string,
  ports: { api: number; webhook: number },
  options: TestbedOptions,
  configured: boolean,
  node: boolean,
): Promise<Testbed> {
  if (node) await controlPlane.addNode("node-1");
  const secret = configured ? undefined : randomBytes(24).toString("hex");
  const hoopGroups = ["system:serviceaccounts", `system:serviceaccounts:${NAMESPACE}`];
  const kubeconfigs = {
    human: controlPlane.adminKubeconfig,
    agent: await controlPlane.kubeconfig("agent", ["hoop:agents"]),
    approver: await controlPlane.kubeconfig("approver"),
    hoop: await controlPlane.kubeconfig(`system:serviceaccount:${NAMESPACE}:hoop`, hoopGroups),
  };
  const data = join(certificates, "..", "data");
  await mkdir(data, { recursive: true });
  const settingsYaml = stringify({
    kubeconfig: kubeconfigs.hoop,
    listen: { host: "127.0.0.1", ...ports, web: 0 },
    store: { driver: "sqlite", file: join(data, "hoop.db") },
    certificates,
    doctor: { everySeconds: 0 },
    ...(secret === undefined ? {} : { callers: { mode: "unguessable-path", secret } }),
    ...options.settings,
    // A test asks for more than any agent should.
    hold: { maxPendingPerAgent: 10_000, ...holdOf(options.settings) },
  });
  const bed = operations(controlPlane, kubeconfigs);
  const applyArgs = ["apply", "--server-side", "--force-conflicts", "-f", "-"];
  const manifests = await localManifests(ports, { secret, stampBy: options.stampBy ?? "policy" });
  const [first, registrations] = withRegistrationsLast(manifests);
  for (const input of [first, tourManifests()]) await bed.must("human", applyArgs, { input });
  // While nobody records yet: a test finds the ledger empty.
  if (first.includes('"MutatingAdmissionPolicy"')) await untilStamped(await asUserOf(kubeconfigs.agent));
  await bed.must("human", applyArgs, { input: registrations });

  let hoop: Hoop | undefined;
  const log = (level: string) => (fields: object, message: string) => options.onLog?.(level, fields, message);
  const start = async () => {
    hoop = await startHoop(parseSettings(settingsYaml, "the testbed"), {
      log: { info: log("info"), warn: log("warn"), error: log("error") },
      ...(options.catalogue === undefined ? {} : { catalogue: options.catalogue }),
    });
    await untilServed(bed);
  };
  const stopHoop = async () => {
    await hoop?.stop();
    hoop = undefined;
  };
  await start();
  return {
    ...bed,
    controlPlane,
    settingsYaml,
    certificates,
    webhookPort: ports.webhook,
    apiPort: ports.api,
    startHoop: start,
    stopHoop,
    stop: async () => {
      await stopHoop();
      await controlPlane.stop();
      await releasePort(ports.api);
      await releasePort(ports.webhook);
    },
  };
}

function holdOf(settings: object = {}): object {
  const { hold } = settings as { hold?: object };
  return hold ?? {};
}

function withRegistrationsLast(manifests: string): [first: string, registrations: string] {
  const { items, ...list } = JSON.parse(manifests) as { items: { kind: string }[] };
  const isRegistration = ({ kind }: { kind: string }) => kind.endsWith("WebhookConfiguration");
  const only = (some: object[]) => JSON.stringify({ ...list, items: some });
  return [only(items.filter((item) => !isRegistration(item))), only(items.filter(isRegistration))];
}

/** kubectl finds hoop.dev by discovery, and agents are sent to us. */
async function untilServed(bed: Pick<Testbed, "kubectl">): Promise<void> {
  for (let attempt = 0; ; attempt++) {
    const asked = await bed.kubectl("human", ["get", "approvals.hoop.dev", "-A"]);
    if (asked.code === 0) return;
    if (attempt > 1000) throw new Error(`hoop.dev is not served: ${asked.output}`);
    await delay(250);
  }
}

const MOST_ATTEMPTS = 10;

type Operations = Omit<
  Testbed,
  | "controlPlane"
  | "stopHoop"
  | "startHoop"
  | "settingsYaml"
  | "webhookPort"
  | "apiPort"
  | "certificates"
  | "stop"
>;

function operations(
  controlPlane: ControlPlane,
  kubeconfigs: Record<"human" | "agent" | "approver", string>,
): Operations {
  const kubeconfig = (who: Who) => (typeof who === "string" ? kubeconfigs[who] : who.kubeconfig);
  let admin: Caller | undefined;
  const kubectl = async (who: Who, args: readonly string[], given: KubectlOptions = {}): Promise<Ended> => {
    const result = await controlPlane.kubectl(args, { kubeconfig: kubeconfig(who), ...given });
    return { ...result, output: result.stdout + result.stderr };
  };
  const must = async (who: Who, args: readonly string[], given: KubectlOptions = {}): Promise<string> => {
    const result = await kubectl(who, args, given);
    if (result.code !== 0)
      throw new Error(`kubectl ${args.join(" ")} as ${JSON.stringify(who)}: ${result.output}`);
    return result.stdout;
  };
  /** Not by kubectl: what is asked until something comes of it would keep the machine busy with processes. */
  const read = async (path: string): Promise<string> => {
    admin ??= await asUserOf(kubeconfigs.human);
    for (let attempt = 0; ; attempt++) {
      const { code, text: said } = await admin({ path }).catch((error: unknown) => ({
        ...{ code: 0, text: String(error) },
      }));
      if (code === 200) return said;
      // As any client does: there is too much to do, or an API server that ended has left a connection behind.
      if ((code !== 429 && code !== 0) || attempt >= MOST_ATTEMPTS)
        throw new Error(`GET ${path}: ${code} ${said}`);
      await delay(code === 429 ? 1_000 : 0);
    }
  };
  const listed = async (resource: string, namespace?: string): Promise<unknown[]> => {
    const where = namespace === undefined ? "" : `/namespaces/${namespace}`;
    return (JSON.parse(await read(`/apis/hoop.dev/v1alpha1${where}/${resource}`)) as { items: unknown[] })
      .items;
  };
  const approvals = async (namespace?: string) => (await listed("approvals", namespace)) as Approval[];
  const approval = async (fits: (approval: Approval) => boolean): Promise<Approval> => {
    for (let attempt = 0; attempt < 1000; attempt++) {
      const found = (await approvals()).find(fits);
      if (found !== undefined) return found;
      await delay(100);
    }
    throw new Error(`no such approval; there are: ${JSON.stringify(await approvals())}`);
  };
  return {
    kubeconfig,
    kubectl,
    must,
    defaultAccount: async (namespace) => {
      const until = ["--for=create", "--timeout=300s"];
      await must("human", ["wait", ...until, "serviceaccount/default", "-n", namespace]);
    },
    start: (who, args, input) => {
      const child = controlPlane.spawnKubectl(args, { kubeconfig: kubeconfig(who) });
      child.stdin.on("error", () => undefined);
      child.stdin.end(typeof input === "object" ? JSON.stringify(input) : (input ?? ""));
      let over = false;
      const ended = (async (): Promise<Ended> => {
        const closed = new Promise<number>((resolve) => child.once("close", (code) => resolve(code ?? 128)));
        const [stdout, stderr, code] = await Promise.all([text(child.stdout), text(child.stderr), closed]);
        over = true;
        return { code, stdout, stderr, output: stdout + stderr };
      })();
      return { child, ended, over: () => over };
    },
    apply: async (objects) => {
      const items = Array.isArray(objects) ? objects : [objects];
      const input = JSON.stringify({ apiVersion: "v1", kind: "List", items });
      await must("human", ["apply", "--server-side", "--force-conflicts", "-f", "-"], { input });
    },
    approvals,
    approval,
    pending: (targetName, operation) =>
      approval(
        ({ spec, status }) =>
          status.phase === "Pending" &&
          spec.target.name === targetName &&
          (operation === undefined || spec.operation === operation),
      ),
    decide: ({ metadata: { name, namespace } }, verdict, comment = "", who = "approver") =>
      kubectl(who, [
        "patch",
        `approvals.hoop.dev/${name}`,
        "-n",
        namespace,
        "--subresource=approval",
        "--type=merge",
        "-p",
        JSON.stringify({ decision: { verdict, comment } }),
      ]),
    records: async () =>
      ((await listed("records")) as { spec: Record<string, unknown> }[])
        .map(({ spec }) => spec)
        .filter(({ kind }) => kind === "admission" || kind === "approval"),
  };
}

/**
 * What policies cost: the same expressions as AgentPolicies that Hoop judges and as ValidatingAdmissionPolicies that the
 * API server evaluates in its own process, beside a webhook that does nothing. None of them ever fires.
 */
import { setTimeout as delay } from "node:timers/promises";
import { until } from "../support/control-plane.ts";
import type { Testbed } from "../support/testbed.ts";
import { BODIES, type Body, LARGER_BODIES } from "./bodies.ts";
import { rotated, type Target, type Turn, turn } from "./measure.ts";
import { cpuSeconds } from "./processes.ts";
import { NAMESPACES } from "./registrations.ts";
import { cellOf } from "./report.ts";

export interface PolicyCell {
  policies: string;
  body: string;
  target: string;
  /** Microseconds of CPU a write: of the webhook's process, and of the API server's beyond what it takes without any. */
  webhookMicros: number | null;
  /** Of the API server, beyond what the write takes without a webhook or a policy. */
  apiserverMicros: number;
  /** Over the null webhook's. */
  ratio: number | null;
  /** As webhookMicros, with all that the process did in between and for a while after the last turn. */
  withRestMicros: number | null;
  writesPerSecond: number;
  failures: number;
}

export interface PolicyOptions {
  counts: readonly number[];
  /** Writes at once, in each turn; before the first, so many writes, or as many as so many seconds allow. */
  warmUp: { concurrency: number; writes: number; seconds: number };
  seconds: number;
  rounds: number;
  apiserver: number;
  wanted: (target: Target, body: Body) => boolean;
}

export interface Targets {
  none: Target;
  policy: Target;
  nothing: Target;
  hoop: Target;
}

const SPEC = "(has(object.spec.template) ? object.spec.template.spec : object.spec)";

/** As people write them; number `n` of them all. */
const KINDS: readonly ((n: number) => string)[] = [
  (n) => `${SPEC}.containers.exists(c, c.image == 'registry.example.com/never/${n}:1')`,
  (n) => `${SPEC}.containers.exists(c, c.image.matches('^never-${n}[.].*@sha256:[a-f0-9]{64}$'))`,
  (n) => `object.metadata.?labels[?'never-${n}'].orValue('') == 'yes'`,
  (n) =>
    `${SPEC}.containers.exists(c, c.?securityContext.?privileged.orValue(false) && c.name == 'never-${n}')`,
  (n) => `${SPEC}.?volumes.orValue([]).exists(v, v.name == 'never-${n}')`,
  (n) => `request.operation == 'DELETE' && request.namespace == 'never-${n}'`,
  (n) => `${SPEC}.containers.exists(c, c.?resources.?limits.?never${n}.hasValue())`,
  (n) => `request.userInfo.username == 'never-${n}' && object.metadata.name.startsWith('x')`,
  (n) => `${SPEC}.containers.size() > ${1_000 + n}`,
  (n) => `${SPEC}.containers.exists(c, c.?env.orValue([]).exists(e, e.name == 'NEVER_${n}'))`,
];

const expressionOf = (n: number): string => KINDS[n % KINDS.length]?.(n) ?? "false";

const RULES = [
  {
    apiGroups: ["", "apps"],
    apiVersions: ["v1"],
    resources: ["pods", "deployments"],
    operations: ["CREATE", "UPDATE"],
  },
];
const within = (namespace: string) => ({
  matchExpressions: [{ key: "kubernetes.io/metadata.name", operator: "In", values: [namespace] }],
});
const API = "admissionregistration.k8s.io/v1";
const nameOf = (n: number) => `bench-policy-${n}`;

const agentPolicy = (name: string, when: string): object => ({
  apiVersion: "policy.hoop.dev/v1alpha1",
  kind: "AgentPolicy",
  metadata: { name, labels: { bench: "policy" } },
  spec: {
    matchConstraints: { resourceRules: RULES, namespaceSelector: within(NAMESPACES.hoop) },
    rules: [{ name: "rule", action: "Deny", when }],
  },
});

/** Two objects: the policy, and its binding. */
const validatingPolicy = (name: string, expression: string): object[] => [
  {
    apiVersion: API,
    kind: "ValidatingAdmissionPolicy",
    metadata: { name, labels: { bench: "policy" } },
    spec: { matchConstraints: { resourceRules: RULES }, validations: [{ expression }] },
  },
  {
    apiVersion: API,
    kind: "ValidatingAdmissionPolicyBinding",
    metadata: { name, labels: { bench: "policy" } },
    spec: {
      policyName: name,
      validationActions: ["Deny"],
      matchResources: { namespaceSelector: within(NAMESPACES.policy) },
    },
  },
];

/** Applied by hundreds. */
async function apply(bed: Testbed, objects: readonly object[]): Promise<void> {
  for (let at = 0; at < objects.length; at += 200) await bed.apply(objects.slice(at, at + 200));
}

const LAST = "object.metadata.?annotations[?'bench'].orValue('') == 'last'";
const COLLECTIONS = [
  "policy.hoop.dev/v1alpha1/agentpolicies",
  `${API}/validatingadmissionpolicybindings`,
  `${API}/validatingadmissionpolicies`,
];

/** Installs so many of each; resolves when the last of them judges in both. */
async function install(bed: Testbed, count: number): Promise<void> {
  const numbers = Array.from({ length: count }, (_, n) => n);
  await Promise.all([
    apply(
      bed,
      numbers.map((n) => agentPolicy(nameOf(n), expressionOf(n))),
    ),
    installValidating(bed, count),
  ]);
  await apply(bed, [agentPolicy("bench-last", LAST)]);
  await untilInForce(bed, [["agent", NAMESPACES.hoop]]);
}

/** Of those alone that the API server evaluates itself. */
async function installValidating(bed: Testbed, count: number): Promise<void> {
  const numbers = Array.from({ length: count }, (_, n) => n);
  await apply(
    bed,
    numbers.flatMap((n) => validatingPolicy(nameOf(n), `!(${expressionOf(n)})`)),
  );
  await apply(bed, validatingPolicy("bench-last", `!(${LAST})`));
  await untilInForce(bed, [["human", NAMESPACES.policy]]);
}

async function untilInForce(bed: Testbed, where: readonly ["agent" | "human", string][]): Promise<void> {
  const pod = (namespace: string) => ({
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "last", namespace, annotations: { bench: "last" } },
    spec: { automountServiceAccountToken: false, containers: [{ name: "main", image: "app:1" }] },
  });
  for (const [who, namespace] of where)
    await until(
      `policies judge in ${namespace}`,
      async () => {
        const input = JSON.stringify(pod(namespace));
        const { output } = await bed.kubectl(who, ["create", "--dry-run=server", "-f", "-"], { input });
        return output.includes("bench-last");
      },
      120_000,
    );
}

/** In one request for each kind, or a few where it takes longer than a request may: kubectl takes one for each object. */
async function remove(bed: Testbed): Promise<void> {
  for (const path of COLLECTIONS)
    await until(
      `${path} are gone`,
      async () => {
        const all = `/apis/${path}?labelSelector=bench%3Dpolicy`;
        await bed.kubectl("human", ["delete", "--raw", all]);
        const { code, stdout } = await bed.kubectl("human", ["get", "--raw", all]);
        return code === 0 && (JSON.parse(stdout) as { items: object[] }).items.length === 0;
      },
      180_000,
    );
}

/** How the rows of {@link annotate} are called. */
export const ANNOTATED = "100 in annotations";

/** A hundred expressions in the annotations of Hoop's namespace. */
async function annotate(bed: Testbed, isThere: boolean): Promise<void> {
  const half = (from: number) =>
    Array.from({ length: 50 }, (_, n) => `(${expressionOf(from + n)})`).join(" || ");
  const value = (text: string) => (isThere ? text : null);
  const about = (text: string) => `request.resource.resource in ['pods', 'deployments'] && (${text})`;
  const annotations = {
    "hoop.dev/deny": value(about(half(0))),
    "hoop.dev/require-approval": value(about(half(50))),
  };
  const patch = JSON.stringify({ metadata: { annotations } });
  await bed.must("human", ["patch", "namespace", NAMESPACES.hoop, "--type=merge", "-p", patch]);
}

/** All rows, printed as they come. */
export async function policyCells(
  bed: Testbed,
  targets: Targets,
  options: PolicyOptions,
): Promise<PolicyCell[]> {
  const cells: PolicyCell[] = [];
  for (const count of options.counts) {
    console.log(`policies: ${count}, being installed`);
    await install(bed, count);
    cells.push(...(await measured(`${count}`, BODIES, targets, options)));
    await remove(bed);
  }
  if (options.counts.length === 0) return cells;
  console.log(`policies: ${ANNOTATED}, being installed`);
  await installValidating(bed, 100);
  await annotate(bed, true);
  cells.push(...(await measured(ANNOTATED, LARGER_BODIES, targets, options)));
  await annotate(bed, false);
  await remove(bed);
  return cells;
}

async function measured(
  policies: string,
  bodies: readonly Body[],
  targets: Targets,
  options: PolicyOptions,
): Promise<PolicyCell[]> {
  const cells: PolicyCell[] = [];
  for (const body of bodies) {
    const chosen = (Object.values(targets) as Target[]).filter((target) => options.wanted(target, body));
    cells.push(...cellsOf(policies, await turnsOf(policies, chosen, body, options), body, targets));
  }
  return cells;
}

/** Milliseconds after which a process has done what it puts off, such as its search index. */
const REST = 8_000;

interface Measured {
  turns: ReadonlyMap<Target, readonly Turn[]>;
  /** CPU seconds of a webhook from the first turn on, until some time after the last. */
  seconds: ReadonlyMap<Target, number>;
}

/** By target, in turns, after some to warm up. */
async function turnsOf(
  policies: string,
  targets: readonly Target[],
  body: Body,
  { warmUp, seconds, rounds, apiserver }: PolicyOptions,
): Promise<Measured> {
  const turns = new Map<Target, Turn[]>(targets.map((target) => [target, []]));
  const { concurrency } = warmUp;
  for (const target of targets) {
    const until = performance.now() + (target.pid === null ? 1 : warmUp.seconds) * 1000;
    for (let writes = 0; writes < warmUp.writes && performance.now() < until; )
      writes += (await turn(target, body, concurrency, 1, apiserver)).times.length;
  }
  await delay(REST);
  const used = () =>
    targets.flatMap((target) => (target.pid === null ? [] : [[target, cpuSeconds(target.pid)] as const]));
  const before = new Map(used());
  for (let round = 0; round < rounds; round++)
    for (const target of rotated(targets, round)) {
      console.log(`policies: ${policies}, ${target.name}, ${body.name}, round ${round + 1} of ${rounds}`);
      turns.get(target)?.push(await turn(target, body, concurrency, seconds, apiserver));
    }
  await delay(REST);
  const since = used().map(([target, now]) => [target, now - (before.get(target) ?? 0)] as const);
  return { turns, seconds: new Map(since) };
}

function cellsOf(
  policies: string,
  { turns, seconds }: Measured,
  { name: body }: Body,
  { none, nothing }: Targets,
): PolicyCell[] {
  const of = (target: Target) =>
    cellOf({ target: target.name, body, concurrency: 0 }, turns.get(target) ?? []);
  const floor = of(none).apiserverMicros;
  const least = of(nothing).webhookMicros;
  return [...turns.keys()].map((target) => {
    const { webhookMicros, apiserverMicros, throughput, failures } = of(target);
    const writes = (turns.get(target) ?? []).reduce((sum, { times }) => sum + times.length, 0);
    const spent = seconds.get(target);
    return {
      policies,
      body,
      target: target.name,
      webhookMicros,
      withRestMicros: spent === undefined ? null : (spent / Math.max(1, writes)) * 1e6,
      apiserverMicros: apiserverMicros - floor,
      ratio: webhookMicros === null || least === null ? null : webhookMicros / least,
      writesPerSecond: throughput,
      failures,
    };
  });
}

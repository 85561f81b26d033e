/**
 * What policies cost: the same expressions as AgentPolicies that Hoop judges and as ValidatingAdmissionPolicies that the
 * API server evaluates in its own process, beside a webhook that does nothing. None of them ever fires.
 */
import { until } from "../support/control-plane.ts";
import type { Testbed } from "../support/testbed.ts";
import { BODIES, type Body, LARGER_BODIES } from "./bodies.ts";
import { rotated, type Target, type Turn, turn } from "./measure.ts";
import { NAMESPACES } from "./registrations.ts";
import { aligned, cellOf } from "./report.ts";

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
  writesPerSecond: number;
  failures: number;
}

export interface PolicyOptions {
  counts: readonly number[];
  concurrency: number;
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
const KIND_NAMES = "agentpolicies,validatingadmissionpolicies,validatingadmissionpolicybindings";

/** Installs so many of each; resolves when the last of them judges in both. */
async function install(bed: Testbed, count: number): Promise<void> {
  const numbers = Array.from({ length: count }, (_, n) => n);
  await apply(
    bed,
    numbers.map((n) => agentPolicy(nameOf(n), expressionOf(n))),
  );
  await apply(
    bed,
    numbers.flatMap((n) => validatingPolicy(nameOf(n), `!(${expressionOf(n)})`)),
  );
  await apply(bed, [agentPolicy("bench-last", LAST), ...validatingPolicy("bench-last", `!(${LAST})`)]);
  await untilInForce(bed);
}

async function untilInForce(bed: Testbed): Promise<void> {
  const pod = (namespace: string) => ({
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "last", namespace, annotations: { bench: "last" } },
    spec: { automountServiceAccountToken: false, containers: [{ name: "main", image: "app:1" }] },
  });
  for (const [who, namespace] of [
    ["agent", NAMESPACES.hoop],
    ["human", NAMESPACES.policy],
  ] as const)
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

const remove = (bed: Testbed) => bed.must("human", ["delete", KIND_NAMES, "-l", "bench=policy"]);

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
    cells.push(...(await measured(`${count}`, Object.values(targets) as Target[], targets, options)));
    await remove(bed);
  }
  if (options.counts.length === 0) return cells;
  await annotate(bed, true);
  const { none, nothing, hoop } = targets;
  cells.push(...(await measured("100 in annotations", [none, nothing, hoop], targets, options)));
  await annotate(bed, false);
  return cells;
}

async function measured(
  policies: string,
  some: readonly Target[],
  targets: Targets,
  options: PolicyOptions,
): Promise<PolicyCell[]> {
  const cells: PolicyCell[] = [];
  for (const body of [...BODIES, ...LARGER_BODIES]) {
    const chosen = some.filter((target) => options.wanted(target, body));
    cells.push(...cellsOf(policies, await turnsOf(policies, chosen, body, options), body, targets));
  }
  return cells;
}

/** By target, in turns, after one to warm up. */
async function turnsOf(
  policies: string,
  targets: readonly Target[],
  body: Body,
  { concurrency, seconds, rounds, apiserver }: PolicyOptions,
): Promise<ReadonlyMap<Target, readonly Turn[]>> {
  const turns = new Map<Target, Turn[]>(targets.map((target) => [target, []]));
  for (const target of targets) await turn(target, body, concurrency, seconds, apiserver);
  for (let round = 0; round < rounds; round++)
    for (const target of rotated(targets, round)) {
      console.log(`policies: ${policies}, ${target.name}, ${body.name}, round ${round + 1} of ${rounds}`);
      turns.get(target)?.push(await turn(target, body, concurrency, seconds, apiserver));
    }
  return turns;
}

function cellsOf(
  policies: string,
  turns: ReadonlyMap<Target, readonly Turn[]>,
  { name: body }: Body,
  { none, nothing }: Targets,
): PolicyCell[] {
  const of = (target: Target) =>
    cellOf({ target: target.name, body, concurrency: 0 }, turns.get(target) ?? []);
  const floor = of(none).apiserverMicros;
  const least = of(nothing).webhookMicros;
  return [...turns.keys()].map((target) => {
    const { webhookMicros, apiserverMicros, throughput, failures } = of(target);
    return {
      policies,
      body,
      target: target.name,
      webhookMicros,
      apiserverMicros: apiserverMicros - floor,
      ratio: webhookMicros === null || least === null ? null : webhookMicros / least,
      writesPerSecond: throughput,
      failures,
    };
  });
}

const number = (value: number | null, digits: number) => value?.toFixed(digits) ?? "-";

export function policyTable(cells: readonly PolicyCell[]): string {
  const rows = cells.map((cell) => [
    cell.policies,
    cell.body,
    cell.target,
    number(cell.webhookMicros, 0),
    number(cell.ratio, 2),
    number(cell.apiserverMicros, 0),
    number(cell.writesPerSecond, 0),
    String(cell.failures),
  ]);
  const head = [
    "POLICIES",
    "BODY",
    "TARGET",
    "REVIEW µs",
    "x NULL",
    "API SERVER µs, OVER NONE",
    "WRITES/S",
    "FAILED",
  ];
  return aligned([head, ...rows]);
}

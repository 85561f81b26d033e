/**
 * `npm run bench`: what a write costs through Hoop, beside the field, on one real kube-apiserver. All targets are
 * registered at once, each for a namespace of its own, and take turns, so that a machine that grows slower does so
 * for all of them. Compare ratios of one run; absolute times are this machine's. `-- --seconds 2 --rounds 2` is quick;
 * `--stamp-by webhook` has objects stamped by Hoop's second webhook instead of the API server's policy.
 */
import { spawn, spawnSync } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { parseArgs } from "node:util";
import { parse } from "yaml";
import { createAuthority } from "#certs/ca.ts";
import { issueServing } from "#certs/leaf.ts";
import { claimPort } from "#controlplane/ports.ts";
import { processIdentity } from "#controlplane/process-identity.ts";
import { startTestbed, type Testbed } from "../support/testbed.ts";
import { BODIES, type Body } from "./bodies.ts";
import { Client, type Identity } from "./load.ts";
import { cpuSeconds, residentMebibytes } from "./processes.ts";
import { type Cell, percentile, table } from "./report.ts";

const { values: options } = parseArgs({
  options: {
    seconds: { type: "string", default: "3.5" },
    rounds: { type: "string", default: "3" },
    json: { type: "string", default: "" },
    concurrency: { type: "string", default: "1,16,64" },
    "stamp-by": { type: "string", default: "policy" },
  },
});
const SECONDS = Number(options.seconds);
const ROUNDS = Number(options.rounds);
const CONCURRENCY = options.concurrency.split(",").map(Number);

interface Target {
  name: string;
  namespace: string;
  client: Client;
  /** The webhook's process, where there is one. */
  pid: number | null;
}

const EXPRESSION =
  "!object.spec.?template.?spec.orValue(object.spec).containers.exists(c, c.?securityContext.?privileged.orValue(false))";

async function nullWebhook(
  scratch: string,
): Promise<{ pid: number; port: number; ca: string; stop: () => void }> {
  const source = join(import.meta.dirname, "null-webhook");
  const program = join(scratch, "null-webhook");
  const built = spawnSync("go", ["build", "-o", program, "."], { cwd: source, encoding: "utf8" });
  if (built.status !== 0) throw new Error(`go build: ${built.stderr}`);
  const authority = createAuthority("bench CA", 1);
  const pair = issueServing(authority, { dns: ["localhost"], ips: ["127.0.0.1"] }, 7);
  const [certificate, key] = [join(scratch, "null.crt"), join(scratch, "null.key")];
  await writeFile(certificate, pair.certificate);
  await writeFile(key, pair.key, { mode: 0o600 });
  const port = await claimPort();
  const child = spawn(program, [`127.0.0.1:${port}`, certificate, key], { stdio: "ignore" });
  if (child.pid === undefined) throw new Error("the null webhook did not start");
  return { pid: child.pid, port, ca: authority.certificate, stop: () => void child.kill() };
}

const inNamespace = (name: string) => ({ matchLabels: { "kubernetes.io/metadata.name": name } });
const RULES = [
  {
    apiGroups: ["", "apps"],
    apiVersions: ["v1"],
    resources: ["pods", "deployments"],
    operations: ["CREATE", "UPDATE"],
  },
];

async function register(bed: Testbed, webhook: { port: number; ca: string }): Promise<void> {
  await bed.apply([
    {
      apiVersion: "admissionregistration.k8s.io/v1",
      kind: "ValidatingAdmissionPolicy",
      metadata: { name: "bench" },
      spec: {
        failurePolicy: "Fail",
        matchConstraints: { resourceRules: RULES },
        validations: [{ expression: EXPRESSION }],
      },
    },
    {
      apiVersion: "admissionregistration.k8s.io/v1",
      kind: "ValidatingAdmissionPolicyBinding",
      metadata: { name: "bench" },
      spec: {
        policyName: "bench",
        validationActions: ["Deny"],
        matchResources: { namespaceSelector: inNamespace("bench-vap") },
      },
    },
    {
      apiVersion: "admissionregistration.k8s.io/v1",
      kind: "ValidatingWebhookConfiguration",
      metadata: { name: "bench-null" },
      webhooks: [
        {
          name: "null.bench.dev",
          admissionReviewVersions: ["v1"],
          clientConfig: {
            url: `https://127.0.0.1:${webhook.port}/`,
            caBundle: Buffer.from(webhook.ca).toString("base64"),
          },
          rules: RULES,
          namespaceSelector: inNamespace("bench-null"),
          sideEffects: "None",
          timeoutSeconds: 10,
        },
      ],
    },
  ]);
}

async function identity(url: string, kubeconfig: string): Promise<Identity> {
  interface Config {
    clusters: [{ cluster: Record<string, string> }];
    users: [{ user: Record<string, string> }];
  }
  const { clusters, users } = parse(await readFile(kubeconfig, "utf8")) as Config;
  const decode = (data: string | undefined) => Buffer.from(data ?? "", "base64").toString("utf8");
  return {
    url,
    ca: decode(clusters[0].cluster["certificate-authority-data"]),
    cert: decode(users[0].user["client-certificate-data"]),
    key: decode(users[0].user["client-key-data"]),
  };
}

/** Hoop in a process of its own, so that its CPU time is its own. */
async function hoopProcess(bed: Testbed, scratch: string): Promise<{ pid: number; stop: () => void }> {
  await bed.stopHoop();
  const settings = join(scratch, "hoop.yaml");
  await writeFile(settings, bed.settingsYaml, { mode: 0o600 });
  const main = join(import.meta.dirname, "..", "..", "main.ts");
  const child = spawn(process.execPath, [main, "--config", settings], {
    stdio: "ignore",
    env: { ...process.env, NODE_ENV: "production" },
  });
  if (child.pid === undefined) throw new Error("hoop did not start");
  const { pid } = child;
  for (let n = 0; n < 100 && processIdentity(pid) !== undefined; n++) {
    const asked = await bed.kubectl("agent", [
      "create",
      "configmap",
      "probe",
      "-n",
      "bench-hoop",
      "--dry-run=server",
    ]);
    if (asked.code === 0) return { pid, stop: () => void child.kill() };
    await delay(200);
  }
  throw new Error("hoop did not become ready");
}

async function measure(
  target: Target,
  body: Body,
  concurrency: number,
  cell: Cell,
  apiserver: number,
): Promise<void> {
  const before = {
    webhook: target.pid === null ? 0 : cpuSeconds(target.pid),
    apiserver: cpuSeconds(apiserver),
  };
  const load = await target.client.run(body.path(target.namespace), body.text, concurrency, SECONDS);
  const count = Math.max(1, load.times.length);
  const micros = (pid: number, since: number) => ((cpuSeconds(pid) - since) / count) * 1e6;
  cell.p50.push(percentile(load.times, 0.5));
  cell.p99.push(percentile(load.times, 0.99));
  cell.throughput.push(load.times.length / load.seconds);
  cell.failures += [...load.failures.values()].reduce((sum, n) => sum + n, 0);
  const share = 1 / ROUNDS;
  cell.apiserverMicros += micros(apiserver, before.apiserver) * share;
  if (target.pid === null) return;
  cell.webhookMicros = (cell.webhookMicros ?? 0) + micros(target.pid, before.webhook) * share;
  cell.residentMebibytes = residentMebibytes(target.pid);
}

async function main(): Promise<void> {
  const scratch = await mkdtemp(join(tmpdir(), "hoop-bench-"));
  const bed = await startTestbed({
    stampBy: options["stamp-by"] === "webhook" ? "webhook" : "policy",
    // Writing the audit log is no part of what is compared.
    controlPlane: {
      auditPolicy: { apiVersion: "audit.k8s.io/v1", kind: "Policy", rules: [{ level: "None" }] },
    },
  });
  const webhook = await nullWebhook(scratch);
  let hoop: { pid: number; stop: () => void } | undefined;
  try {
    const apiserver = Number(
      await readFile(join(bed.controlPlane.directory, "pids", "kube-apiserver.pid"), "utf8"),
    );
    for (const name of ["bench-none", "bench-vap", "bench-null", "bench-hoop"])
      await bed.controlPlane.createNamespace(name);
    await register(bed, webhook);
    hoop = await hoopProcess(bed, scratch);
    const person = await identity(bed.controlPlane.url, bed.kubeconfig("human"));
    const agent = await identity(bed.controlPlane.url, bed.kubeconfig("agent"));
    const targets: Target[] = [
      { name: "no webhook", namespace: "bench-none", client: new Client(person), pid: null },
      { name: "ValidatingAdmissionPolicy", namespace: "bench-vap", client: new Client(person), pid: null },
      { name: "null webhook in Go", namespace: "bench-null", client: new Client(person), pid: webhook.pid },
      { name: "hoop, an agent", namespace: "bench-hoop", client: new Client(agent), pid: hoop.pid },
      { name: "hoop, a person", namespace: "bench-hoop", client: new Client(person), pid: hoop.pid },
    ];
    const cells = await rounds(targets, apiserver);
    for (const { client } of targets) client.close();
    console.log(`\n${table(cells, "null webhook in Go")}`);
    if (options.json !== "") await writeFile(options.json, `${JSON.stringify(cells, null, 2)}\n`);
  } finally {
    hoop?.stop();
    webhook.stop();
    await bed.stop();
    await rm(scratch, { recursive: true, force: true });
  }
}

async function rounds(targets: readonly Target[], apiserver: number): Promise<Cell[]> {
  const cells: Cell[] = [];
  for (const body of BODIES)
    for (const concurrency of CONCURRENCY) {
      const row = targets.map(({ name }) => emptyCell(name, body, concurrency));
      for (let round = 0; round < ROUNDS; round++) {
        console.log(`${body.name}, ${concurrency} at once, round ${round + 1} of ${ROUNDS}`);
        // The order turns with each round.
        const turned = targets.map((_, n) => (n + round) % targets.length);
        for (const at of turned) await measureAt(targets[at], row[at], body, concurrency, apiserver);
      }
      cells.push(...row);
    }
  return cells;
}

async function measureAt(
  target: Target | undefined,
  cell: Cell | undefined,
  body: Body,
  concurrency: number,
  apiserver: number,
): Promise<void> {
  if (target !== undefined && cell !== undefined) await measure(target, body, concurrency, cell, apiserver);
}

function emptyCell(target: string, body: Body, concurrency: number): Cell {
  return {
    target,
    body: body.name,
    concurrency,
    p50: [],
    p99: [],
    throughput: [],
    webhookMicros: null,
    apiserverMicros: 0,
    residentMebibytes: null,
    failures: 0,
  };
}

await main();
process.exit();

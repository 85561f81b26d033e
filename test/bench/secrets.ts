/**
 * `npm run bench:secrets`: lists and watches of Secrets through `secure-secrets` beside the same of the Secrets
 * themselves, on one real kube-apiserver, in turn. Compare the two of one run; absolute numbers are this machine's.
 */
import { randomBytes } from "node:crypto";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { type ClientHttp2Session, connect } from "node:http2";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { parseArgs } from "node:util";
import { startTestbed, type Testbed } from "../support/testbed.ts";
import { type HoopProcess, hoopProcess } from "./hoop.ts";
import { identityOf } from "./identity.ts";
import { rotated } from "./measure.ts";
import { cpuSeconds, residentMebibytes } from "./processes.ts";
import { NAMESPACES } from "./registrations.ts";
import { aligned, median } from "./report.ts";
import type { Task } from "./watch-client.ts";
import { watched } from "./watching.ts";

const HELP = `npm run bench:secrets -- [OPTION…]

  --sizes LIST    Secrets in a list (100,1000,5000)
  --rounds N      lists of each (15)
  --watches N     (300; 0: none)
  --writes N      changes a second while they are watched (100)
  --seconds N     of the watches (10)
  --profile DIR   CPU profile of Hoop (*.cpuprofile)
`;

const { values: options } = parseArgs({
  options: {
    sizes: { type: "string", default: "100,1000,5000" },
    rounds: { type: "string", default: "15" },
    watches: { type: "string", default: "300" },
    writes: { type: "string", default: "100" },
    seconds: { type: "string", default: "10" },
    profile: { type: "string", default: "" },
    help: { type: "boolean", short: "h", default: false },
  },
});

const ROUNDS = Number(options.rounds);
const GROUPS = { raw: "/api/v1", "secure-secrets": "/apis/hoop.dev/v1alpha1" } as const;
const RESOURCES = { raw: "secrets", "secure-secrets": "secure-secrets" } as const;
type Kind = keyof typeof GROUPS;
const KINDS: readonly Kind[] = ["raw", "secure-secrets"];
const TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io";
/** Compressed is how client-go, and so kubectl, asks. */
const FORMS: Readonly<Record<string, Record<string, string>>> = {
  JSON: { accept: "application/json" },
  "JSON, gzip": { accept: "application/json", "accept-encoding": "gzip" },
  Table: { accept: TABLE },
  "Table, gzip": { accept: TABLE, "accept-encoding": "gzip" },
};

interface Machine {
  bed: Testbed;
  hoop: HoopProcess;
  apiserver: number;
  session: ClientHttp2Session;
}

/** One list. */
interface Once {
  milliseconds: number;
  bytes: number;
  hoopSeconds: number;
  apiserverSeconds: number;
}

async function main(): Promise<void> {
  const scratch = await mkdtemp(join(tmpdir(), "hoop-bench-"));
  const bed = await startTestbed();
  let hoop: HoopProcess | undefined;
  try {
    await bed.controlPlane.createNamespace(NAMESPACES.hoop);
    hoop = await hoopProcess(bed, scratch, options.profile);
    const { url, adminKubeconfig, directory } = bed.controlPlane;
    const { ca, cert, key } = await identityOf(url, adminKubeconfig);
    const session = connect(url, { ca, cert, key, maxSessionMemory: 1000 });
    const apiserver = Number(await readFile(join(directory, "pids", "kube-apiserver.pid"), "utf8"));
    const machine = { bed, hoop, apiserver, session };
    await untilServed(session);
    await lists(machine);
    if (options.watches !== "0") await watches(machine);
    session.destroy();
  } finally {
    await hoop?.stop();
    await bed.stop();
    await rm(scratch, { recursive: true, force: true });
  }
}

/** The API server looks now and then whether Hoop is there again. */
async function untilServed(session: ClientHttp2Session): Promise<void> {
  const path = `${GROUPS["secure-secrets"]}/namespaces/default/${RESOURCES["secure-secrets"]}`;
  for (let n = 0; n < 150; n++) {
    if ((await call(session, "GET", path, {})).status === 200) return;
    await delay(200);
  }
  throw new Error("secure-secrets are not served");
}

async function lists(machine: Machine): Promise<void> {
  const rows: string[][] = [];
  for (const size of options.sizes.split(",").map(Number)) {
    const namespace = `bench-${size}`;
    await machine.bed.controlPlane.createNamespace(namespace);
    await fill(machine, namespace, size);
    for (const [form, headers] of Object.entries(FORMS))
      rows.push(await compared(machine, { name: `${size}, ${form}`, namespace, headers }));
  }
  const titles = [
    "LIST",
    "FIRST MS",
    "x RAW",
    "MEDIAN MS",
    "x RAW",
    "MIB",
    "HOOP CPU MS",
    "API SERVER CPU MS",
  ];
  console.log(aligned([[...titles, "x RAW", "HOOP RSS MIB"], ...rows]));
}

/** So many of 1 KiB, with two keys. */
async function fill(machine: Machine, namespace: string, size: number): Promise<void> {
  const value = () => randomBytes(512).toString("base64");
  let next = 0;
  const one = async () => {
    while (next < size) {
      const metadata = {
        name: `secret-${String(next++).padStart(5, "0")}`,
        namespace,
        labels: { app: "bench" },
      };
      const body = {
        apiVersion: "v1",
        kind: "Secret",
        metadata,
        data: { username: value(), password: value() },
      };
      const { status } = await call(
        machine.session,
        "POST",
        `/api/v1/namespaces/${namespace}/secrets`,
        {},
        body,
      );
      if (status !== 201) throw new Error(`a Secret: ${status}`);
    }
  };
  await Promise.all(Array.from({ length: 16 }, one));
}

async function compared(
  machine: Machine,
  { name, namespace, headers }: { name: string; namespace: string; headers: Record<string, string> },
): Promise<string[]> {
  const taken: Record<Kind, Once[]> = { raw: [], "secure-secrets": [] };
  let resident = residentMebibytes(machine.hoop.pid);
  const looking = setInterval(() => {
    resident = Math.max(resident, residentMebibytes(machine.hoop.pid));
  }, 10);
  try {
    for (let round = 0; round <= ROUNDS; round++)
      for (const kind of rotated(KINDS, round)) {
        const path = `${GROUPS[kind]}/namespaces/${namespace}/${RESOURCES[kind]}`;
        taken[kind].push(await listed(machine, path, headers));
      }
  } finally {
    clearInterval(looking);
  }
  const { raw, "secure-secrets": secure } = taken;
  const of = (some: readonly Once[], what: keyof Once) => some.slice(1).map((each) => each[what]);
  const middle = (some: readonly Once[], what: keyof Once) => median(of(some, what));
  const mean = (some: readonly Once[], what: keyof Once) =>
    of(some, what).reduce((sum, value) => sum + value, 0) / (some.length - 1);
  const first = (some: readonly Once[]) => some[0]?.milliseconds ?? Number.NaN;
  const cpu = (some: readonly Once[]) => mean(some, "apiserverSeconds");
  return [
    name,
    first(secure).toFixed(0),
    (first(secure) / first(raw)).toFixed(2),
    middle(secure, "milliseconds").toFixed(1),
    (middle(secure, "milliseconds") / middle(raw, "milliseconds")).toFixed(2),
    `${mebibytes(middle(raw, "bytes"))} → ${mebibytes(middle(secure, "bytes"))}`,
    (mean(secure, "hoopSeconds") * 1000).toFixed(0),
    (cpu(secure) * 1000).toFixed(0),
    (cpu(secure) / cpu(raw)).toFixed(2),
    resident.toFixed(0),
  ];
}

function mebibytes(bytes: number): string {
  return (bytes / 2 ** 20).toFixed(1);
}

async function listed(
  { session, hoop, apiserver }: Machine,
  path: string,
  headers: Record<string, string>,
): Promise<Once> {
  const before = { hoop: cpuSeconds(hoop.pid), apiserver: cpuSeconds(apiserver) };
  const began = performance.now();
  const { status, bytes } = await call(session, "GET", path, headers);
  const milliseconds = performance.now() - began;
  if (status !== 200) throw new Error(`${path}: ${status}`);
  return {
    milliseconds,
    bytes,
    hoopSeconds: cpuSeconds(hoop.pid) - before.hoop,
    apiserverSeconds: cpuSeconds(apiserver) - before.apiserver,
  };
}

function call(
  session: ClientHttp2Session,
  method: string,
  path: string,
  headers: Record<string, string>,
  body?: object,
): Promise<{ status: number; bytes: number }> {
  return new Promise((resolve, reject) => {
    const type = { "content-type": "application/json" };
    const stream = session.request({ ":method": method, ":path": path, ...type, ...headers });
    let [status, bytes] = [0, 0];
    stream.on("response", (answer) => {
      status = Number(answer[":status"]);
    });
    stream.on("data", (chunk: Buffer) => {
      bytes += chunk.length;
    });
    stream.on("end", () => resolve({ status, bytes }));
    stream.on("error", reject);
    stream.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

/** Both are of the same Secrets, which are changed as Secrets. */
async function watches({ bed, hoop, apiserver }: Machine): Promise<void> {
  const { url, adminKubeconfig } = bed.controlPlane;
  const data = { password: randomBytes(512).toString("base64") };
  for (const kind of KINDS) {
    const namespace = `bench-watched-${kind}`;
    await bed.controlPlane.createNamespace(namespace);
    const task: Task = {
      ...{ url, kubeconfig: adminKubeconfig, watches: Number(options.watches) },
      ...{ writesPerSecond: Number(options.writes), seconds: Number(options.seconds) },
      path: `${GROUPS[kind]}/namespaces/${namespace}/${RESOURCES[kind]}`,
      written: `/api/v1/namespaces/${namespace}/secrets`,
      object: { ...{ apiVersion: "v1", kind: "Secret", metadata: {} }, data } as Task["object"],
    };
    const before = { hoop: cpuSeconds(hoop.pid), apiserver: cpuSeconds(apiserver) };
    const { events, missing, outOfOrder, ended, p50, p99, max } = await watched(task);
    if (events === 0) throw new Error(`${kind}: no events; ${ended} watches were ended`);
    const cpu = (process: keyof typeof before, pid: number) =>
      (((cpuSeconds(pid) - before[process]) / events) * 1e6).toFixed(0);
    console.log(
      [
        `${options.watches} watches, ${options.writes} changes a second, ${kind}:`,
        `  events ${events}, missing ${missing}, out of order ${outOfOrder}, watches that ended ${ended}`,
        `  change to event: p50 ${p50.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms, longest ${max.toFixed(1)} ms`,
        `  CPU an event: Hoop ${cpu("hoop", hoop.pid)} µs, kube-apiserver ${cpu("apiserver", apiserver)} µs`,
        `  Hoop's RSS ${residentMebibytes(hoop.pid).toFixed(0)} MiB`,
      ].join("\n"),
    );
  }
}

if (options.help) console.log(HELP);
else await main();
process.exit();

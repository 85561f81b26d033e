/**
 * `npm run bench:sessions`: what is done through a session beside the same done directly, by an agent, on one real
 * kube-apiserver, in turn. Compare the two of one run; absolute numbers are this machine's.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { startTestbed, type Testbed } from "../support/testbed.ts";
import { type HoopProcess, hoopProcess } from "./hoop.ts";
import { rotated } from "./measure.ts";
import { cpuSeconds, residentMebibytes } from "./processes.ts";
import { NAMESPACES } from "./registrations.ts";
import { aligned, median, percentile } from "./report.ts";
import { execIn } from "./sessions-exec.ts";
import { type Ground, NAMESPACE, prepared } from "./sessions-ground.ts";
import type { Http } from "./sessions-http.ts";
import { masking, recording, scanning } from "./sessions-shares.ts";
import type { Task } from "./watch-client.ts";
import { watched } from "./watching.ts";

const HELP = `npm run bench:sessions -- [OPTION…]

  --quick          in a minute
  --rounds N       calls of each kind, in pairs (300; lists: a tenth)
  --list N         MiB of a list (10)
  --values N       values of Secrets that are looked for (10000)
  --watches N      (300; 0: none)
  --seconds N      of the watches (10)
  --profile DIR    CPU profiles of Hoop (*.cpuprofile)
  --json           what was measured, as JSON, behind the tables
`;

const { values: options } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    rounds: { type: "string" },
    list: { type: "string", default: "10" },
    values: { type: "string", default: "10000" },
    watches: { type: "string", default: "300" },
    seconds: { type: "string" },
    profile: { type: "string", default: "" },
    json: { type: "boolean", default: false },
    help: { type: "boolean", short: "h", default: false },
  },
});

const ROUNDS = Number(options.rounds ?? (options.quick ? 100 : 300));
const SECONDS = Number(options.seconds ?? (options.quick ? 4 : 10));
/** So many streams one session may have. */
const STREAMS = 75;
const MAPS = `/api/v1/namespaces/${NAMESPACE}/configmaps`;

type Way = "direct" | "session";
const WAYS: readonly Way[] = ["direct", "session"];

interface Machine {
  bed: Testbed;
  hoop: HoopProcess;
  ground: Ground;
}

const told: Record<string, unknown> = {};

function tell(name: string, titles: readonly string[], rows: readonly (readonly string[])[]): void {
  console.log(`\n${aligned([titles, ...rows])}`);
  told[name] = rows.map((row) => Object.fromEntries(titles.map((title, at) => [title, row[at]])));
}

async function main(): Promise<void> {
  const scratch = await mkdtemp(join(tmpdir(), "hoop-bench-"));
  const bed = await startTestbed({ node: true });
  let hoop: HoopProcess | undefined;
  try {
    await bed.controlPlane.createNamespace(NAMESPACES.hoop);
    hoop = await hoopProcess(bed, scratch, options.profile);
    const sessions = Math.max(1, Math.ceil(Number(options.watches) / STREAMS));
    const size = { mebibytes: Number(options.list), values: Number(options.values), sessions };
    console.error(`making ${options.list} MiB of ConfigMaps and Secrets with ${options.values} values`);
    const ground = await prepared(bed, size);
    console.error("measuring: calls, commands in a pod, watches, masking");
    const machine = { bed, hoop, ground };
    const before = residentMebibytes(hoop.pid);
    await calls(machine);
    await commands(machine);
    if (options.watches !== "0") await watches(machine);
    values();
    const after = residentMebibytes(hoop.pid);
    tell("memory", ["HOOP RSS MIB", "BEFORE", "AFTER"], [["", before.toFixed(0), after.toFixed(0)]]);
    if (options.json) console.log(JSON.stringify(told));
    ground.inside.close();
    ground.direct.close();
  } finally {
    await hoop?.stop();
    await bed.stop();
    await rm(scratch, { recursive: true, force: true });
  }
}

interface Kind {
  name: string;
  rounds: number;
  method: string;
  path: (n: number) => string;
  body?: (n: number, way: Way) => object;
}

const KINDS: readonly Kind[] = [
  { name: "GET, 10 KiB", rounds: ROUNDS, method: "GET", path: () => `${MAPS}/settings-00007` },
  { name: `LIST, ${options.list} MiB`, rounds: Math.ceil(ROUNDS / 10), method: "GET", path: () => MAPS },
  {
    ...{ name: "create", rounds: ROUNDS, method: "POST" },
    path: () => MAPS,
    body: (n, way) => ({
      ...{ apiVersion: "v1", kind: "ConfigMap", metadata: { name: `${way}-${n}` } },
      data: { mode: "production" },
    }),
  },
];
/** Calls of each kind that are not counted. */
const WARM = 20;

interface Taken {
  /** Milliseconds. */
  direct: number[];
  session: number[];
  /** Of one answer. */
  text: string;
  /** Of Hoop, for both: it judges what is created directly, too. */
  cpuSeconds: number;
}

async function taken({ ground, hoop }: Machine, { rounds, method, path, body }: Kind): Promise<Taken> {
  const [session] = ground.sessions;
  const where: Readonly<Record<Way, { http: Http; below: string }>> = {
    direct: { http: ground.direct, below: "" },
    session: { http: ground.inside, below: session?.path ?? "" },
  };
  const times: Record<Way, number[]> = { direct: [], session: [] };
  let text = "";
  const call = async (n: number, way: Way) => {
    const { http, below } = where[way];
    const answer = await http.must(method, `${below}${path(n)}`, body?.(n, way), n === 0);
    if (way === "direct" && n === 0) text = answer.text;
    return answer.milliseconds;
  };
  for (let n = 0; n < Math.min(WARM, rounds); n++) for (const way of WAYS) await call(rounds + n, way);
  const before = cpuSeconds(hoop.pid);
  for (let n = 0; n < rounds; n++) for (const way of rotated(WAYS, n)) times[way].push(await call(n, way));
  return { ...times, text, cpuSeconds: cpuSeconds(hoop.pid) - before };
}

async function calls(machine: Machine): Promise<void> {
  const rows: string[][] = [];
  const records = await recording();
  for (const kind of KINDS) {
    const { direct, session, text, cpuSeconds: cpu } = await taken(machine, kind);
    const [outside, inside] = [median(direct), median(session)];
    const pairs = direct.map((one, n) => (session[n] ?? Number.NaN) / one);
    rows.push([
      ...[kind.name, outside.toFixed(1), inside.toFixed(1), (inside / outside).toFixed(2)],
      ...[
        median(pairs).toFixed(2),
        percentile(direct, 0.99).toFixed(1),
        percentile(session, 0.99).toFixed(1),
      ],
      `${((masking(text, Number(options.values)) / inside) * 100).toFixed(0)} %`,
      `${((records / inside) * 100).toFixed(0)} %`,
      ((cpu / kind.rounds) * 1000).toFixed(1),
    ]);
  }
  const titles = ["CALL", "DIRECT MS", "SESSION MS", "x DIRECT", "x IN PAIRS", "P99 DIRECT", "P99 SESSION"];
  tell("calls", [...titles, "MASKING", "RECORDING", "HOOP CPU MS"], rows);
}

function values(): void {
  const { megabytesPerSecond, buildMilliseconds, mebibytes } = scanning(Number(options.values));
  const row = [options.values, megabytesPerSecond, buildMilliseconds, mebibytes].map((each) =>
    typeof each === "number" ? each.toFixed(0) : each,
  );
  tell("values", ["VALUES", "MASKING MB/S", "TO BEGIN MS", "MIB"], [row]);
}

/** MB that a command prints. */
const PRINTED = 20;
const ECHOES = options.quick ? 50 : 200;

async function commands({ bed, ground }: Machine): Promise<void> {
  const [session] = ground.sessions;
  const pod = { namespace: NAMESPACE, name: "web" };
  const { admin, inside } = ground.identities;
  const run = async (way: Way, command: readonly string[]) => {
    if (way === "direct") return execIn(admin, "", pod, command);
    const asked = execIn(inside, session?.path ?? "", pod, command);
    const held = await bed.pending("web", "CONNECT");
    await bed.decide(held, "Approve");
    return asked;
  };
  const line = "2026-11-22T00:00:00Z INFO request handled path=/api/v1/things status=200 took=12ms";
  const printing = ["sh", "-c", `yes '${line}' | head -c ${PRINTED * 1e6}`];
  const rows: string[][] = [];
  for (const way of WAYS) {
    const command = await run(way, printing);
    const began = performance.now();
    let bytes = 0;
    for await (const chunk of command.output) {
      bytes += chunk.length;
      if (bytes >= PRINTED * 1e6) break;
    }
    const seconds = (performance.now() - began) / 1000;
    const echoes = await echoed(await run(way, ["cat"]));
    rows.push([
      ...[way, (bytes / 1e6 / seconds).toFixed(0)],
      ...[median(echoes).toFixed(2), percentile(echoes, 0.99).toFixed(2)],
    ]);
  }
  tell("exec", ["EXEC", "MB/S", "ECHO MS", "ECHO P99 MS"], rows);
}

/** Milliseconds from each line that is sent until it is there again. */
async function echoed(command: Awaited<ReturnType<typeof execIn>>): Promise<number[]> {
  const times: number[] = [];
  let sent = performance.now();
  const next = () => {
    sent = performance.now();
    command.send(`echo ${times.length}\n`);
  };
  next();
  let text = "";
  for await (const bytes of command.output) {
    text += bytes.toString();
    if (!text.endsWith("\n")) continue;
    times.push(performance.now() - sent);
    text = "";
    if (times.length === ECHOES) break;
    next();
  }
  command.close();
  return times;
}

async function watches({ bed, hoop, ground }: Machine): Promise<void> {
  const rows: string[][] = [];
  for (const way of WAYS) {
    const namespace = `bench-watched-${way}`;
    await bed.controlPlane.createNamespace(namespace);
    const path = `/api/v1/namespaces/${namespace}/configmaps`;
    const task: Task = {
      ...{
        url: bed.controlPlane.url,
        watches: Number(options.watches),
        writesPerSecond: 20,
        seconds: SECONDS,
      },
      kubeconfig: way === "direct" ? ground.kubeconfigs.admin : ground.kubeconfigs.inside,
      ...{ writer: ground.kubeconfigs.admin, written: path, path },
      ...(way === "direct" ? {} : { watched: ground.sessions.map((session) => `${session.path}${path}`) }),
      object: {
        ...{ apiVersion: "v1", kind: "ConfigMap", metadata: {} },
        data: { text: "x".repeat(500) },
      } as Task["object"],
    };
    const before = cpuSeconds(hoop.pid);
    const { events, missing, outOfOrder, ended, p50, p99, max } = await watched(task);
    const micros = ((cpuSeconds(hoop.pid) - before) / Math.max(1, events)) * 1e6;
    rows.push([
      ...[way, options.watches, String(events), String(missing), String(outOfOrder), String(ended)],
      ...[p50.toFixed(1), p99.toFixed(1), max.toFixed(1), way === "direct" ? "-" : micros.toFixed(0)],
      residentMebibytes(hoop.pid).toFixed(0),
    ]);
  }
  const titles = ["WATCHES", "AT ONCE", "EVENTS", "MISSING", "OUT OF ORDER", "ENDED", "P50 MS", "P99 MS"];
  tell("watches", [...titles, "LONGEST MS", "HOOP CPU µs AN EVENT", "HOOP RSS MIB"], rows);
}

if (options.help) console.log(HELP);
else await main();
process.exit();

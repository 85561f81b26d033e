/**
 * `npm run bench:sessions`: what is done through a session beside the same done directly, by an agent, on one real
 * kube-apiserver, in turn; calls also through a broker in Go that masks and records nothing, which is the floor. Compare
 * those of one run; absolute numbers are this machine's.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { startTestbed, type Testbed } from "../support/testbed.ts";
import { type HoopProcess, hoopProcess } from "./hoop.ts";
import { type NullBroker, startNullBroker } from "./null-broker.ts";
import { cpuSeconds, residentMebibytes } from "./processes.ts";
import { NAMESPACES } from "./registrations.ts";
import { aligned, median, percentile } from "./report.ts";
import { calls } from "./sessions-calls.ts";
import { execIn } from "./sessions-exec.ts";
import { type Ground, hoopIn, NAMESPACE, prepared } from "./sessions-ground.ts";
import { scanning } from "./sessions-shares.ts";
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
const WAYS = ["direct", "session"] as const;
type Way = (typeof WAYS)[number];

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
  let broker: NullBroker | undefined;
  try {
    await bed.controlPlane.createNamespace(NAMESPACES.hoop);
    hoop = await hoopProcess(bed, scratch, options.profile);
    const sessions = Math.max(1, Math.ceil(Number(options.watches) / STREAMS));
    const size = { mebibytes: Number(options.list), values: Number(options.values), sessions };
    console.error(`making ${options.list} MiB of ConfigMaps and Secrets with ${options.values} values`);
    const ground = await prepared(bed, size);
    broker = await startNullBroker(bed, scratch, await hoopIn(bed, ground));
    console.error("measuring: calls, commands in a pod, watches, masking");
    const machine = { bed, hoop, ground };
    const before = residentMebibytes(hoop.pid);
    const task = { rounds: ROUNDS, list: options.list, values: Number(options.values), hoop: hoop.pid };
    tell("calls", ...(await calls(ground, broker, task)));
    await commands(machine);
    if (options.watches !== "0") await watches(machine);
    await values();
    const after = residentMebibytes(hoop.pid);
    tell("memory", ["HOOP RSS MIB", "BEFORE", "AFTER"], [["", before.toFixed(0), after.toFixed(0)]]);
    if (options.json) console.log(JSON.stringify(told));
    for (const http of [ground.inside, ground.direct, ground.admin]) http.close();
  } finally {
    broker?.stop();
    await hoop?.stop();
    await bed.stop();
    await rm(scratch, { recursive: true, force: true });
  }
}

async function values(): Promise<void> {
  const { megabytesPerSecond, buildMilliseconds, mebibytes } = await scanning(Number(options.values));
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

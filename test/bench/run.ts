/**
 * `npm run bench`: what a write costs through Hoop, beside the field, on one real kube-apiserver. All targets are
 * registered at once, each for a namespace of its own, and take turns, so that a machine that grows slower does so
 * for all of them. Compare ratios of one run; absolute times are this machine's.
 */
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { parse } from "yaml";
import { startTestbed, type Testbed } from "../support/testbed.ts";
import { BODIES, type Body } from "./bodies.ts";
import { type HoopProcess, hoopProcess, sumOf } from "./hoop.ts";
import { Client } from "./load.ts";
import { rotated, type Target, type Turn, turn } from "./measure.ts";
import { LANGUAGES, type NullWebhook, startNullWebhook } from "./null-webhook.ts";
import { shares } from "./people.ts";
import { type PolicyCell, policyCells } from "./policies.ts";
import { aimTable, policyTable } from "./policy-report.ts";
import { profiled } from "./profile.ts";
import { NAMESPACES, NULL_HOST, register, STAMPED_GROUP } from "./registrations.ts";
import { type Cell, cellOf, type Floors, shareTable, table } from "./report.ts";

const HELP = `npm run bench -- [OPTION…]

  --seconds N         of each target's turn (2)
  --rounds N          turns of each target (3)
  --concurrency LIST  writes at once (1,16,64; "": none)
  --pairs N           rounds of what Hoop costs people (8; 0: none)
  --policies LIST     so many policies at a time (1,100,1000; "": none)
  --only TEXT         only targets and bodies whose "TARGET, BODY" contains one of these, given once or more
  --stamp-by WAY      policy (the API server's own) or webhook (Hoop's second)
  --null LANGUAGE     in what the webhook is written that does nothing: go, node (go)
  --json FILE         everything measured
  --profile DIR       CPU profiles: of the API server for each cell (go tool pprof), of Hoop (*.cpuprofile)

  --quick             nothing but reviews under 100 policies, and under 100 in annotations: 6 minutes

Some 20 minutes where nothing else runs.
`;

const { values: options } = parseArgs({
  options: {
    seconds: { type: "string", default: "2" },
    rounds: { type: "string", default: "3" },
    concurrency: { type: "string" },
    pairs: { type: "string" },
    policies: { type: "string" },
    quick: { type: "boolean", default: false },
    only: { type: "string", multiple: true, default: [""] },
    "stamp-by": { type: "string", default: "policy" },
    null: { type: "string", default: "go" },
    json: { type: "string", default: "" },
    profile: { type: "string", default: "" },
    help: { type: "boolean", short: "h", default: false },
  },
});
const SECONDS = Number(options.seconds);
const ROUNDS = Number(options.rounds);
const PAIRS = Number(options.pairs ?? (options.quick ? 0 : 8));
const numbers = (list: string) => list.split(",").filter(Boolean).map(Number);
const CONCURRENCY = numbers(options.concurrency ?? (options.quick ? "" : "1,16,64"));
const POLICIES = numbers(options.policies ?? (options.quick ? "100" : "1,100,1000"));
const WARM_UP = { concurrency: 16, seconds: 6 };
/** Under a hundred policies there is more to translate, and more to translate anew. */
const WARM_UP_POLICIES = { concurrency: 16, writes: 5_000, seconds: 25 };
/** Of the part about people, where many short turns tell more than few long ones. */
const PEOPLE = { concurrency: 16, seconds: 1.5 };

const NULL = options.null === "node" ? "node" : "go";

const FLOORS: Floors = {
  none: "no webhook",
  nothing: `null webhook in ${LANGUAGES[NULL]}`,
  stamped: `null webhook in ${LANGUAGES[NULL]}, stamped`,
};

type Machine = Record<"apiserver", number> & { bed: Testbed; admin: Client; hoop: HoopProcess };

async function client(bed: Testbed, user: string, ...groups: string[]): Promise<Client> {
  return clientOf(bed.controlPlane.url, await bed.controlPlane.kubeconfig(user, groups));
}

async function clientOf(url: string, kubeconfig: string): Promise<Client> {
  interface Config {
    clusters: [{ cluster: Record<string, string> }];
    users: [{ user: Record<string, string> }];
  }
  const { clusters, users } = parse(await readFile(kubeconfig, "utf8")) as Config;
  const decode = (data: string | undefined) => Buffer.from(data ?? "", "base64").toString("utf8");
  return new Client({
    url,
    ca: decode(clusters[0].cluster["certificate-authority-data"]),
    cert: decode(users[0].user["client-certificate-data"]),
    key: decode(users[0].user["client-key-data"]),
  });
}

async function targetsOf({ bed, hoop }: Machine, webhook: NullWebhook): Promise<Target[]> {
  const { none, policy, nothing, stamped } = NAMESPACES;
  const person = await client(bed, "bench-person", "bench");
  const likeAnAgent = await client(bed, "bench-like-an-agent", "bench", STAMPED_GROUP);
  const agent = await client(bed, "bench-agent", "bench", "hoop:agents");
  return [
    { name: FLOORS.none, namespace: none, client: person, pid: null },
    { name: "ValidatingAdmissionPolicy", namespace: policy, client: person, pid: null },
    { name: FLOORS.nothing, namespace: nothing, client: person, pid: webhook.pid },
    { name: FLOORS.stamped, namespace: stamped, client: likeAnAgent, pid: webhook.pid },
    { name: "hoop, an agent", namespace: NAMESPACES.hoop, client: agent, pid: hoop.pid },
  ];
}

/** What the API server is asked by whom, least first: nobody of Hoop's; its authorization conditions; all of them. */
async function peopleOf({ bed, admin }: Machine): Promise<[Target, ...Target[]]> {
  const person = await client(bed, "bench-person", "bench");
  const administrator = { client: admin, pid: null };
  const anybody = { client: person, pid: null };
  return [
    { name: "an administrator, no webhook", namespace: NAMESPACES.none, ...administrator },
    { name: "an administrator, hoop", namespace: NAMESPACES.hoop, ...administrator },
    { name: "a person with RBAC, hoop", namespace: NAMESPACES.hoop, ...anybody },
  ];
}

const wanted = (target: Target, { name }: Body) =>
  options.only.some((text) => `${target.name}, ${name}`.includes(text));

async function cellsOf(targets: readonly Target[], machine: Machine): Promise<Cell[]> {
  const cells: Cell[] = [];
  for (const body of BODIES)
    for (const concurrency of CONCURRENCY) {
      const some = targets.filter((target) => wanted(target, body));
      if (concurrency === CONCURRENCY[0]) await warmUp(some, body, machine);
      cells.push(...(await row(some, body, concurrency, machine)));
    }
  return cells;
}

/** Node.js translates what it runs while it runs: for its first two thousand reviews or so Hoop takes twice as long. */
async function warmUp(targets: readonly Target[], body: Body, { apiserver }: Machine): Promise<void> {
  console.log(`${body.name}, warming up`);
  for (const target of targets)
    if (target.pid !== null) await turn(target, body, WARM_UP.concurrency, WARM_UP.seconds, apiserver);
}

async function row(
  targets: readonly Target[],
  body: Body,
  concurrency: number,
  machine: Machine,
): Promise<Cell[]> {
  const turns = new Map<Target, Turn[]>(targets.map((target) => [target, []]));
  for (let round = 0; round < ROUNDS; round++)
    for (const target of rotated(targets, round)) {
      const what = `${target.name}, ${body.name}, ${concurrency} at once`;
      console.log(`${what}, round ${round + 1} of ${ROUNDS}`);
      const profile = { directory: options.profile, name: what, seconds: SECONDS };
      const took = await profiled(machine.admin, profile, () =>
        turn(target, body, concurrency, SECONDS, machine.apiserver),
      );
      turns.get(target)?.push(took);
    }
  return [...turns].map(([{ name: target }, of]) => cellOf({ target, body: body.name, concurrency }, of));
}

interface Calls {
  /** Reviews that Hoop says it was asked for, and that the API server says it asked for. */
  hoop: number;
  apiserver: number;
}

/** All calls until now. */
async function calls({ admin, hoop }: Machine): Promise<Calls> {
  const line =
    /^apiserver_admission_webhook_request_total\{.*name="agents-are-refused-while-hoop-is-unreachable\.hoop\.dev".*type="validating"\} (\S+)$/gm;
  const text = (await admin.get("/metrics")).toString("utf8");
  return { hoop: await hoop.reviews(), apiserver: sumOf(text, line) };
}

async function callsDuring<T>(machine: Machine, work: () => Promise<T>): Promise<[T, Calls]> {
  const before = await calls(machine);
  const done = await work();
  const after = await calls(machine);
  return [done, { hoop: after.hoop - before.hoop, apiserver: after.apiserver - before.apiserver }];
}

async function measured(machine: Machine, webhook: NullWebhook): Promise<void> {
  const targets = await targetsOf(machine, webhook);
  const said = ({ hoop, apiserver }: Calls) =>
    `Reviews meanwhile: ${hoop} by Hoop's count, ${apiserver} by the API server's.`;
  const [cells, agents] = await callsDuring(machine, () => cellsOf(targets, machine));
  if (cells.length > 0) console.log(`\n${table(cells, FLOORS)}\n\n${said(agents)}\n`);
  const policies = await policyRows(machine, targets);
  if (policies.length > 0) console.log(`\n${policyTable(policies)}\n\n${aimTable(policies)}\n`);
  const [nobody, ...people] = await peopleOf(machine);
  const share = { ...PEOPLE, bodies: BODIES, pairs: PAIRS, apiserver: machine.apiserver };
  const [costs, none] = await callsDuring(machine, async () =>
    PAIRS === 0 ? [] : shares(nobody, people, share),
  );
  if (PAIRS > 0) console.log(`\n${shareTable(costs)}\n\n${said(none)}`);
  if (options.json !== "") {
    const everything = { options, cells, reviews: agents, policies, people: { costs, reviews: none } };
    await writeFile(options.json, `${JSON.stringify(everything, null, 2)}\n`);
  }
  for (const { client: one } of [...targets, nobody, ...people]) one.close();
}

async function policyRows(
  { bed, apiserver }: Machine,
  [none, policy, nothing, , hoop]: readonly Target[],
): Promise<PolicyCell[]> {
  if (none === undefined || policy === undefined || nothing === undefined || hoop === undefined) return [];
  const given = {
    counts: POLICIES,
    warmUp: WARM_UP_POLICIES,
    seconds: SECONDS,
    rounds: ROUNDS,
    apiserver,
    wanted,
  };
  return policyCells(bed, { none, policy, nothing, hoop }, given);
}

async function main(): Promise<void> {
  const scratch = await mkdtemp(join(tmpdir(), "hoop-bench-"));
  if (options.profile !== "") await mkdir(options.profile, { recursive: true });
  const bed = await startTestbed({
    stampBy: options["stamp-by"] === "webhook" ? "webhook" : "policy",
    // Writing the audit log is no part of what is compared.
    controlPlane: {
      auditPolicy: { apiVersion: "audit.k8s.io/v1", kind: "Policy", rules: [{ level: "None" }] },
    },
  });
  const stops: (() => unknown)[] = [() => bed.stop(), () => rm(scratch, { recursive: true, force: true })];
  try {
    const { directory, url, adminKubeconfig } = bed.controlPlane;
    const apiserver = Number(await readFile(join(directory, "pids", "kube-apiserver.pid"), "utf8"));
    const webhook = await startNullWebhook(scratch, NULL_HOST, NULL);
    stops.unshift(webhook.stop);
    await register(bed, webhook);
    const hoop = await hoopProcess(bed, scratch, options.profile);
    stops.unshift(hoop.stop);
    await measured({ bed, apiserver, hoop, admin: await clientOf(url, adminKubeconfig) }, webhook);
  } finally {
    for (const stop of stops) await stop();
  }
}

if (options.help) process.stdout.write(HELP);
else await main();
process.exit();

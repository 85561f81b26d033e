/** Single calls: directly, through a broker that does nothing, and through a session, one after the other in turn. */
import { randomBytes, randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { rotated } from "./measure.ts";
import type { NullBroker } from "./null-broker.ts";
import { cpuSeconds } from "./processes.ts";
import { median, percentile } from "./report.ts";
import { type Ground, NAMESPACE } from "./sessions-ground.ts";
import type { Http } from "./sessions-http.ts";
import { type Answered, masking, recording } from "./sessions-shares.ts";

export interface CallsTask {
  /** Calls of each kind, in turn; lists: a tenth. */
  rounds: number;
  /** MiB of a list. */
  list: string;
  /** Of Secrets, that are looked for. */
  values: number;
  /** Hoop's process. */
  hoop: number;
}

const WAYS = ["direct", "floor", "session"] as const;
type Way = (typeof WAYS)[number];
type Where = Readonly<Record<Way, { http: Http; below: string }>>;

interface Kind {
  name: string;
  rounds: number;
  /** Calls before, that are not counted: until what is done is compiled. */
  warm: number;
  method: "GET" | "POST";
  path: string;
  answered: Answered;
  body?: (n: number, way: Way) => object;
  /** Done before each call, and not timed. */
  before?: () => Promise<void>;
}

/** Until Hoop has been told of it, and the machine is quiet again (milliseconds). */
const TOLD = 300;

/** One more Secret, and with it one more value: all that was looked through before is looked through again. */
async function anotherSecret({ admin }: Ground): Promise<void> {
  const data = { value: Buffer.from(randomBytes(24).toString("base64url")).toString("base64") };
  const metadata = { name: `another-${randomUUID()}` };
  const secret = { apiVersion: "v1", kind: "Secret", metadata, data };
  await admin.must("POST", `/api/v1/namespaces/${NAMESPACE}/secrets`, secret);
  await delay(TOLD);
}

function kinds({ rounds, list }: CallsTask, ground: Ground): readonly Kind[] {
  const maps = `/api/v1/namespaces/${NAMESPACE}/configmaps`;
  const created = (n: number, way: Way) => ({
    ...{ apiVersion: "v1", kind: "ConfigMap", metadata: { name: `${way}-${n}` } },
    data: { mode: "production" },
  });
  const one = { rounds, answered: "object" } as const;
  const lists = { rounds: Math.ceil(rounds / 10), method: "GET", path: maps } as const;
  return [
    { ...one, name: "GET, 10 KiB", warm: rounds * 3, method: "GET", path: `${maps}/settings-00007` },
    { ...lists, name: `LIST, ${list} MiB`, warm: 40, answered: "list" },
    { ...lists, name: "LIST, all new", warm: 5, answered: "new list", before: () => anotherSecret(ground) },
    { ...one, name: "create", warm: 50, method: "POST", path: maps, body: created },
  ];
}

interface Taken extends Record<Way, number[]> {
  /** Of one answer. */
  text: string;
  /** Of Hoop, for all ways: it judges what is created directly, too. */
  cpuSeconds: number;
}

async function taken(where: Where, kind: Kind, hoop: number): Promise<Taken> {
  const { rounds, warm, method, path, body } = kind;
  const times: Record<Way, number[]> = { direct: [], floor: [], session: [] };
  let text = "";
  const call = async (n: number, way: Way) => {
    const { http, below } = where[way];
    await kind.before?.();
    const answer = await http.must(method, `${below}${path}`, body?.(n, way), n === 0);
    if (way === "direct" && n === 0) text = answer.text;
    return answer.milliseconds;
  };
  for (let n = 0; n < warm; n++) for (const way of WAYS) await call(rounds + n, way);
  const before = cpuSeconds(hoop);
  for (let n = 0; n < rounds; n++) for (const way of rotated(WAYS, n)) times[way].push(await call(n, way));
  return { ...times, text, cpuSeconds: cpuSeconds(hoop) - before };
}

type Table = [titles: readonly string[], rows: readonly (readonly string[])[]];

const TITLES = ["CALL", "DIRECT MS", "FLOOR MS", "SESSION MS", "FLOOR x", "SESSION x", "P99 DIRECT"];
const SHARES = ["P99 SESSION", "FLOOR", "MASKING", "RECORDING", "HOOP CPU MS"];

/** `x`: in pairs. The shares are of what the call takes in a session. */
export async function calls(ground: Ground, floor: NullBroker, task: CallsTask): Promise<Table> {
  const where: Where = {
    direct: { http: ground.direct, below: "" },
    floor: { http: ground.inside, below: floor.path },
    session: { http: ground.inside, below: ground.sessions[0]?.path ?? "" },
  };
  const rows: string[][] = [];
  for (const kind of kinds(task, ground)) rows.push(await row(where, kind, task));
  return [[...TITLES, ...SHARES], rows];
}

async function row(where: Where, kind: Kind, { values, hoop }: CallsTask): Promise<string[]> {
  const times = await taken(where, kind, hoop);
  const [direct, floor, session] = WAYS.map((way) => median(times[way])) as [number, number, number];
  const inPairs = (way: Way) => median(times.direct.map((one, n) => (times[way][n] ?? Number.NaN) / one));
  const share = (milliseconds: number) => `${((milliseconds / session) * 100).toFixed(0)} %`;
  const bytes = Buffer.byteLength(times.text);
  return [
    ...[kind.name, direct.toFixed(1), floor.toFixed(1), session.toFixed(1)],
    ...[inPairs("floor").toFixed(2), inPairs("session").toFixed(2)],
    ...[percentile(times.direct, 0.99).toFixed(1), percentile(times.session, 0.99).toFixed(1)],
    ...[share(floor), share(await masking(times.text, kind.answered, values))],
    share(await recording({ atOnce: kind.method === "GET", bytes })),
    ((times.cpuSeconds / kind.rounds) * 1000).toFixed(1),
  ];
}

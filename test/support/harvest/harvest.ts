/** A harvest: random requests of an agent, and everything that is heard meanwhile, searched for values and tokens. */
import { setTimeout as delay } from "node:timers/promises";
import { type Chance, chance } from "../crash/chance.ts";
import type { Call } from "../raw.ts";
import { type Aim, type Api, aimed, CORE, pick, type Words } from "./aim.ts";
import { detector, type Leak } from "./detector.ts";
import type { Shown } from "./edits.ts";
import { type Heard, type Line, lineOf } from "./exchange.ts";
import { request } from "./requests.ts";
import { type Seed, seeds } from "./seeds.ts";

export interface Find extends Leak {
  /** Where it was heard: the request, the command or the place. */
  said: string;
}

export interface Basket {
  /** Every sign of a seeded value. */
  finds: Find[];
  /** Every text that could be a bearer token. */
  tokens: Set<string>;
  /** What stood in place of a value, in the answer to whatever request, by the places where it stood. */
  places: Map<string, Set<string>>;
  /** Looks through what was heard; `said` tells where. */
  take(said: string, ...heard: (Buffer | string)[]): void;
}

const JWT = /eyJ[\w-]{5,}\.[\w-]{5,}\.[\w-]*/g;
const BOOTSTRAP = /\b[a-z0-9]{6}\.[a-z0-9]{16}\b/g;

export function basket(look: (text: Buffer | string) => Leak[]): Basket {
  const finds: Find[] = [];
  const tokens = new Set<string>();
  return {
    finds,
    tokens,
    places: new Map(),
    take(said, ...heard) {
      for (const text of heard) {
        for (const leak of look(text)) finds.push({ said, ...leak });
        const readable = text.toString("latin1");
        for (const pattern of [JWT, BOOTSTRAP])
          for (const [token] of readable.matchAll(pattern)) tokens.add(token);
      }
    },
  };
}

/** The seeds of a run, and who finds them. */
export function sown(seed: string) {
  const sown = seeds(chance(seed, "values"));
  const hidden = sown.flatMap((one) => one.hidden);
  return { seeds: sown, hidden, ...detector(hidden) };
}

/** What the agent sends as a value, and what it sends elsewhere. */
export function wordsOf(seed: string): Words {
  const random = chance(seed, "words");
  const letters = () => Array.from({ length: 30 }, () => random.between(0, 36).toString(36)).join("");
  return { guess: `g${letters()}`, word: `w${letters()}` };
}

/** Puts the seeds, and all that they need, into the cluster. */
export async function sow(human: Line, all: readonly Seed[]): Promise<void> {
  const namespaces = [...new Set(all.map(({ manifest }) => manifest.metadata.namespace))];
  const made = async (path: string, body: object) => {
    const { code, body: said } = await human.send({ method: "POST", path, body });
    if (code !== 201 && code !== 409) throw new Error(`${path}: ${code} ${said}`);
  };
  for (const name of namespaces) {
    await made("/api/v1/namespaces", { apiVersion: "v1", kind: "Namespace", metadata: { name } });
    for (const account of ["default", "builder"])
      await made(`/api/v1/namespaces/${name}/serviceaccounts`, {
        apiVersion: "v1",
        kind: "ServiceAccount",
        metadata: { name: account },
      });
  }
  for (const { manifest } of all) await made(collection(manifest.metadata.namespace), manifest);
}

const collection = (namespace: string) => `${CORE.base}/namespaces/${namespace}/secrets`;

export interface Crop {
  seed: string;
  requests: number;
  agent: string;
  human: Line;
  apis: readonly Api[];
  seeds: readonly Seed[];
  basket: Basket;
}

/** How often which answer came, by `METHOD PLURAL CODE`; PLURAL is `other` where it is neither. */
export type Counts = Map<string, number>;

const AT_ONCE = 12;

/** Sends so many requests, while a person goes on changing and replacing Secrets. */
export async function harvest({
  seed,
  requests,
  agent,
  human,
  apis,
  seeds: all,
  basket: into,
}: Crop): Promise<Counts> {
  const words = wordsOf(seed);
  const line = await lineOf(agent);
  const counts: Counts = new Map();
  const over = new AbortController();
  const person = stir(human, all, seed, over.signal);
  const shown = new Map<string, Shown>();
  let sent = 0;
  let next = "";
  const hear = (call: Call, heard: Heard) => {
    into.take(toldOf(call, heard), heard.head, heard.body);
    for (const object of objectsIn(heard)) {
      shown.set(spotOf(object), object);
      for (const [key, value] of Object.entries(object.data)) place(into, value, `${spotOf(object)}[${key}]`);
    }
  };
  const worker = async () => {
    while (sent < requests) {
      // Each by its number, so that one can be had again whatever the others do.
      const random = chance(seed, "request", sent++);
      const aim = aimed(random, apis, all, { ...words, next });
      const call = request(random, aim, seen(random, aim, shown));
      const heard = await line.send(call);
      hear(call, heard);
      next = /"continue":"([^"]+)"/.exec(heard.body.toString("latin1"))?.[1] ?? next;
      count(counts, call, aim, heard);
    }
  };
  try {
    // All there is, once, however the rest falls out.
    for (const { base, plural } of new Set(apis)) {
      const call = { path: `${base}/${plural}` };
      hear(call, await line.send(call));
    }
    await Promise.all(Array.from({ length: AT_ONCE }, worker));
  } finally {
    over.abort();
    await person;
    line.close();
  }
  return counts;
}

const spotOf = ({ metadata: { namespace, name } }: Shown) => `${namespace}/${name}`;

function place({ places }: Basket, value: string, spot: string): void {
  const known = places.get(value);
  if (known === undefined) places.set(value, new Set([spot]));
  else known.add(spot);
}

/** Mostly of that very Secret, sometimes of another. */
function seen(
  random: Chance,
  { namespace, name }: Aim,
  shown: ReadonlyMap<string, Shown>,
): Shown | undefined {
  const own = shown.get(`${namespace}/${name}`);
  if (own !== undefined && random.sometimes(0.8)) return own;
  return shown.size === 0 ? undefined : pick(random, [...shown.values()]);
}

/** What can be sent back. */
function objectsIn({ code, body }: Heard): Shown[] {
  if ((code !== 200 && code !== 201) || body[0] !== "{".charCodeAt(0)) return [];
  try {
    const { items, ...object } = JSON.parse(body.toString()) as Shown & { items?: Shown[] };
    return (items ?? [object]).filter(
      ({ metadata, data }) => metadata?.name !== undefined && Object.keys(data ?? {}).length > 0,
    );
  } catch {
    // Of a watch there are many, one a line.
    return [];
  }
}

function count(counts: Counts, { method = "GET", path }: Call, { api }: Aim, { code }: Heard): void {
  const about = path.startsWith(api.base) && path.includes(api.plural.slice(1)) ? api.plural : "other";
  const what = about === api.plural && path.includes("watch") ? `${about} watch` : about;
  const key = `${method} ${what} ${code}`;
  counts.set(key, (counts.get(key) ?? 0) + 1);
}

function toldOf({ method = "GET", path, accept, type, body }: Call, { code }: Heard): string {
  const sent = body === undefined ? "" : ` < ${type ?? "json"} ${JSON.stringify(body)}`;
  return `${method} ${path} (${accept})${sent} → ${code}`;
}

/** Watches have something to tell: labels change, and one Secret after the other is made anew. */
async function stir(human: Line, all: readonly Seed[], seed: string, signal: AbortSignal): Promise<void> {
  const random = chance(seed, "person");
  for (let round = 0; !signal.aborted; round++) {
    const { manifest } = pick(random, all);
    const path = `${collection(manifest.metadata.namespace)}/${manifest.metadata.name}`;
    const body = { metadata: { labels: { round: `${round}` } } };
    await human.send({ method: "PATCH", path, type: "application/merge-patch+json", body });
    if (manifest.metadata.name === "twin-b") {
      await human.send({ method: "DELETE", path });
      await human.send({ method: "POST", path: collection(manifest.metadata.namespace), body: manifest });
    }
    await delay(30);
  }
}

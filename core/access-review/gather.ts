/** What the entries of a time say about agents, gathered along the ledger. Memory grows with what differs, not with the entries. */
import { isObject, type Json, type JsonObject, list, text } from "../admission.ts";
import { ruleIn } from "../authorize.ts";
import { type About, aboutOf } from "../export/about.ts";
import { REFUSED_IN_SESSION } from "../session/session.ts";
import {
  type Denied,
  type Held,
  newSeen,
  type Place,
  placeWords,
  see,
  type Told,
  type Used,
} from "./review.ts";
import { READS } from "./rights.ts";

/** RFC 3339 as entries have it; "" where the time has no such end. */
export interface Period {
  since: string;
  until: string;
}

/** What is told of one agent. */
export interface Gathered {
  entries: number;
  groups: string[];
  used: Used[];
  denied: Denied[];
  held: Held[];
}

class OfAgent {
  readonly used = new Map<string, Used>();
  readonly denied = new Map<string, Denied>();
  readonly held = new Map<string, Held>();
  groups: string[] = [];
  entries = 0;
}

export class Gathering {
  readonly gaps: Told[] = [];
  readonly erasures: Told[] = [];
  readonly configurations: Told[] = [];
  /** Of the first entry of all. */
  begins = "";
  readsRecorded = false;
  readonly #period: Period;
  readonly #wanted: (username: string) => boolean;
  readonly #agents = new Map<string, OfAgent>();
  /** Admissions that wait for their outcomes. */
  readonly #open = new Map<number, Used>();
  /** Requests that have begun: their ends are the same ones. */
  readonly #begun = new Set<string>();
  /** Whom each session acts as, by its uid. */
  readonly #sessions = new Map<string, string>();
  /** In force, by what was read last. */
  #rules: ReadonlyMap<string, string> | undefined;
  #expression: string | undefined;

  constructor(period: Period, wanted: (username: string) => boolean) {
    this.#period = period;
    this.#wanted = wanted;
  }

  get agents(): string[] {
    return [...this.#agents.keys()].sort();
  }

  of(agent: string): Gathered {
    const { used, denied, held, groups, entries } = this.#agents.get(agent) ?? new OfAgent();
    const sorted = <T extends Place>(places: Map<string, T>) =>
      [...places].sort(([one], [other]) => (one < other ? -1 : 1)).map(([, place]) => place);
    return { entries, groups, used: sorted(used), denied: sorted(denied), held: [...held.values()] };
  }

  add(index: number, entry: JsonObject): void {
    const about = aboutOf(entry);
    if (this.begins === "") this.begins = about.time;
    if (about.kind === "session") this.#session(entry);
    // Rules that were taken away in that time are those of before.
    if (about.kind === "configuration") this.#configuration(index, entry, about);
    else if (about.kind === "gap") this.#gap(index, entry, about);
    else if (this.#isWithin(about.time)) this.#within(index, entry, about);
  }

  #isWithin(time: string): boolean {
    const { since, until } = this.#period;
    return time >= since && (until === "" || time < until);
  }

  #within(index: number, entry: JsonObject, about: About): void {
    if (about.kind === "request") this.readsRecorded = true;
    if (about.kind === "erasure") this.#erasure(index, entry, about);
    else if (about.kind === "outcome") this.#outcome(entry);
    else if (about.agent.username !== "" && this.#wanted(about.agent.username))
      this.#agent(index, entry, about);
  }

  #agent(index: number, entry: JsonObject, about: About): void {
    const { username, groups } = about.agent;
    const agent = this.#agents.get(username) ?? new OfAgent();
    this.#agents.set(username, agent);
    agent.entries += 1;
    if (groups.length > 0) agent.groups = groups;
    if (about.kind === "admission") this.#admission(agent, index, entry, about);
    else if (about.kind === "request") this.#request(agent, index, entry, about);
    else if (about.kind === "brokered") this.#brokered(agent, index, entry, about);
    if (about.approval.name !== "") addStep(agent, index, about);
  }

  #admission(agent: OfAgent, index: number, entry: JsonObject, about: About): void {
    if (entry["dryRun"] === true) return;
    const place = placeOf(about, about.operation.toLowerCase(), entry);
    const used = this.#use(agent, index, place, about.time);
    if (about.answer === "allowed") used.allowed += 1;
    if (about.answer === "held" && isFirstWait(agent, about)) used.held += 1;
    if (about.answer === "denied") this.#deny(agent, index, place, about.time, used, about.rules);
    if (entry["effect"] === "open") this.#open.set(index, used);
  }

  /** One that admission has seen too is told by that. */
  #request(agent: OfAgent, index: number, entry: JsonObject, about: About): void {
    const id = text(entry, "auditID");
    if (typeof entry["of"] === "number" || this.#begun.delete(id)) return;
    if (text(entry, "stage") === "ResponseStarted") this.#begun.add(id);
    this.#answered(agent, index, placeOf(withUrl(entry, about), about.operation), entry, "(the API server)");
  }

  #session({ session, serviceAccount }: JsonObject): void {
    const [namespace, name] = [text(serviceAccount, "namespace"), text(serviceAccount, "name")];
    this.#sessions.set(text(session, "uid"), `system:serviceaccount:${namespace}:${name}`);
  }

  /** A read in a session, or what none may. What else is done in one is judged, and told by that. */
  #brokered(agent: OfAgent, index: number, entry: JsonObject, about: About): void {
    const isRefused = about.message.startsWith(REFUSED_IN_SESSION);
    if (about.event !== "response" || !(isRefused || READS.has(about.operation))) return;
    const actingAs = this.#sessions.get(text(entry["session"], "uid")) ?? "a session";
    const verb = about.operation || text(entry, "method").toLowerCase();
    const place = placeOf(withUrl(entry, about), verb, { actingAs });
    this.#answered(agent, index, place, entry, isRefused ? "(the session)" : "(the API server)");
  }

  /** Without being judged. `by`: who has denied it, where no rule of ours has. */
  #answered(agent: OfAgent, index: number, place: Place, entry: JsonObject, by: string): void {
    const { code, time } = entry;
    const used = this.#use(agent, index, place, String(time));
    if (code === 401 || code === 403)
      this.#deny(agent, index, place, String(time), used, [ruleIn(text(entry, "message")) ?? by]);
    else {
      // Told to ask again, or its client has left: nobody has looked at it.
      if (code !== 429 && code !== 503) used.allowed += 1;
      if (typeof code === "number" && code >= 400) used.refused += 1;
    }
  }

  #use(agent: OfAgent, index: number, place: Place, time: string): Used {
    const key = keyOf(place);
    const counts = { allowed: 0, held: 0, denied: 0, refused: 0, unknown: 0 };
    const used = agent.used.get(key) ?? { ...place, ...newSeen(time), ...counts };
    agent.used.set(key, used);
    see(used, index, time);
    return used;
  }

  #deny(agent: OfAgent, index: number, place: Place, time: string, used: Used, rules: string[]): void {
    used.denied += 1;
    const key = `${keyOf(place)} ${rules.join(" ")}`;
    const denied = agent.denied.get(key) ?? { ...place, ...newSeen(time), rules };
    agent.denied.set(key, denied);
    see(denied, index, time);
  }

  #outcome({ of, result }: JsonObject): void {
    const used = typeof of === "number" ? this.#open.get(of) : undefined;
    if (used === undefined || typeof of !== "number") return;
    this.#open.delete(of);
    if (result === "refused") used.refused += 1;
    if (result === "cannot-tell") used.unknown += 1;
  }

  #gap(index: number, entry: JsonObject, { time, message }: About): void {
    const from = text(entry, "from") || time;
    const to = text(entry, "to") || time;
    const { since, until } = this.#period;
    if (to < since || (until !== "" && from >= until)) return;
    const span = from === to ? "" : ` (${from} to ${to})`;
    this.gaps.push({ index, time, says: `${text(entry, "reason")}${span}: ${message}` });
  }

  #erasure(index: number, entry: JsonObject, { time }: About): void {
    const spans = list(entry, "spans").flatMap((span) => {
      const [from, to] = [numberAt(span, "from"), numberAt(span, "to")];
      return from === undefined || to === undefined ? [] : [`${from} to ${to - 1}`];
    });
    const says = `payloads from before ${text(entry, "before")} were erased: of records ${spans.join(", ")}`;
    this.erasures.push({ index, time, says });
  }

  #configuration(index: number, entry: JsonObject, { time }: About): void {
    const inForce = rulesIn(entry);
    const before = this.#rules;
    this.#rules = inForce;
    const expression = this.#expression;
    this.#expression = text(entry, "agents");
    if (!this.#isWithin(time)) return;
    const names = (sign: string, rules: Iterable<string>) => {
      const all = [...rules];
      return all.length === 0 ? [] : [`${sign}: ${all.join(", ")}`];
    };
    const known = before ?? inForce;
    const changes = [
      ...names(
        "added",
        [...inForce.keys()].filter((name) => !known.has(name)),
      ),
      ...names(
        "removed",
        [...known.keys()].filter((name) => !inForce.has(name)),
      ),
      ...names(
        "changed",
        [...inForce].filter(([name, digest]) => (known.get(name) ?? digest) !== digest).map(([name]) => name),
      ),
    ];
    const said = changes.length === 0 ? `${inForce.size} rules, policies and profiles` : changes.join("; ");
    const isOther = expression !== undefined && expression !== this.#expression;
    const who = isOther ? `; agents are now: ${this.#expression}` : "";
    const says = `Hoop ${text(entry, "version")}; ${said}${who}`;
    this.configurations.push({ index, time, says });
  }
}

/** Names with digests; built-in rules have none. */
function rulesIn(entry: JsonObject): Map<string, string> {
  const rules = list(entry, "rules").flatMap((rule) =>
    typeof rule === "string" ? [[rule, ""] as const] : [],
  );
  const specs = [["policies", "policy"] as const, ["profiles", "profile"] as const].flatMap(
    ([member, word]) =>
      list(entry, member).map((one) => [`${word} ${text(one, "name")}`, text(one, "digest")] as const),
  );
  return new Map([...rules, ...specs]);
}

function numberAt(value: Json, key: "from" | "to"): number | undefined {
  const found = isObject(value) ? value[key] : undefined;
  return typeof found === "number" ? found : undefined;
}

function placeOf({ target }: About, verb: string, entry: JsonObject = {}): Place {
  const { group, resource, subresource, namespace } = target;
  return { verb, group, resource, subresource, namespace, actingAs: text(entry, "actingAs") };
}

function keyOf({ verb, group, resource, subresource, namespace, actingAs }: Place): string {
  return [group, resource, subresource, namespace, verb, actingAs].join("\n");
}

/** What is no resource is known by its path. */
function withUrl(entry: JsonObject, about: About): About {
  if (about.target.resource !== "") return about;
  const [path = ""] = text(entry, "uri").split("?", 1);
  return { ...about, target: { ...about.target, resource: path } };
}

/** A client asks again while it waits, and whoever stopped waiting may begin anew: it is one approval. */
function isFirstWait({ held }: OfAgent, { approval }: About): boolean {
  const steps = held.get(`${approval.namespace}/${approval.name}`)?.steps ?? [];
  return !steps.some(({ event }) => event === "waiting");
}

function addStep(agent: OfAgent, index: number, about: About): void {
  const { approval, time, decision, operation, target, kind } = about;
  const name = `${approval.namespace}/${approval.name}`;
  const held = agent.held.get(name) ?? {
    approval: name,
    operation: operation.toLowerCase(),
    target: `${placeWords(target)} ${target.namespace === "" ? "" : `${target.namespace}/`}${target.name}`,
    steps: [],
  };
  agent.held.set(name, held);
  const event = kind === "approval" ? about.event : approval.use;
  // The same request, asked again and again while it waits.
  if (event === "waiting" && held.steps.at(-1)?.event === "waiting") return;
  held.steps.push({
    index,
    time,
    event,
    ...(decision.user === "" ? {} : { user: decision.user, verdict: decision.verdict }),
    ...(decision.comment === "" ? {} : { comment: decision.comment }),
  });
}

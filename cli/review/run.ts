/** `kubectl hoop review`: what an agent may do, what it did with it, and who let it. */

import { Gathering, type Period } from "#core/access-review/gather.ts";
import type { ReadFrom, Review } from "#core/access-review/review.ts";
import { given, rightsOf } from "#core/access-review/rights.ts";
import { namedAgent } from "#core/doctor/identities.ts";
import type { Policy } from "#core/doctor/rbac.ts";
import { isAgent } from "#core/export/about.ts";
import { Damaged, headOf, passOf } from "#core/export/pass.ts";
import { decodeEntry } from "#core/log/entry.ts";
import { micros } from "#core/times.ts";
import { clusterOf } from "../cluster.ts";
import type { Context } from "../context.ts";
import { agentOf } from "../doctor/agent.ts";
import type { Moment } from "../export/filter-flags.ts";
import { CommandError, errorLine } from "../failure.ts";
import type { ConnectionFlags } from "../flags.ts";
import { toJson } from "../json.ts";
import { onlineSource } from "../verify/online.ts";
import { fileSource } from "../verify/source.ts";
import { trustFor } from "../verify/trust.ts";
import { csvOf } from "./csv.ts";
import { readPolicy } from "./policy.ts";
import { textOf } from "./text.ts";

export interface ReviewFlags extends ConnectionFlags {
  readonly agent: string | undefined;
  readonly all: boolean;
  readonly group: readonly string[] | undefined;
  readonly since: Moment | undefined;
  readonly until: Moment | undefined;
  readonly key: readonly string[] | undefined;
  readonly output: "text" | "csv" | "json";
}

const DAMAGED = 1;
const NOT_DONE = 2;

export async function review(this: Context, flags: ReviewFlags, path?: string): Promise<void> {
  try {
    if ((flags.agent === undefined) !== flags.all)
      throw new CommandError("name one agent with --agent, or --all");
    const { gathering, from, period } = await gathered(this, flags, path);
    const policy = path === undefined ? await readPolicy(clusterOf(this.kubectl, flags)) : OFFLINE;
    const agents = flags.agent === undefined ? gathering.agents : [nameIn(gathering, flags.agent)];
    const reviews = agents.map((agent) => reviewOf(gathering, period, agent, flags.group ?? [], policy));
    this.process.stdout.write(WRITERS[flags.output](reviews, from));
    this.process.exitCode = path === undefined && "why" in policy ? NOT_DONE : 0;
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    const isDamaged = error instanceof Damaged;
    const next = isDamaged ? "See what is wrong with: kubectl hoop verify\n" : "";
    this.process.stderr.write(`${errorLine(error)}\n${next}`);
    this.process.exitCode = isDamaged ? DAMAGED : NOT_DONE;
  }
}

type ReadPolicy = { policy: Policy } | { why: string };

const OFFLINE: ReadPolicy = { why: "this review is of a file, without a cluster" };

const WRITERS: Readonly<
  Record<ReviewFlags["output"], (reviews: readonly Review[], from: ReadFrom) => string>
> = {
  text: textOf,
  csv: csvOf,
  json: (reviews, from) => toJson({ apiVersion: "hoop.dev/review/v1", from, reviews }),
};

async function gathered(context: Context, flags: ReviewFlags, path: string | undefined) {
  const source = path === undefined ? await onlineSource(context, flags) : fileSource(path);
  try {
    const { trust, keysFromLedger } = trustFor(flags.key, source.keys);
    const head = await headOf(source.reader, trust);
    const period: Period = {
      since: flags.since === undefined ? "" : micros(flags.since.at(context.now())),
      until: micros(flags.until?.at(context.now()) ?? context.now()),
    };
    const { agent } = flags;
    const gathering = new Gathering(period, (name) => agent === undefined || isAgent(name, agent));
    const tell = counter(context, head.checkpoint.size);
    for await (const { entries, tree } of passOf(source.reader, head)) {
      for (const { index, bytes } of entries) {
        const entry = decodeEntry(bytes);
        if (entry === undefined) throw new Damaged(`entry ${index} is not canonical JSON`);
        gathering.add(index, entry);
      }
      tell(tree.size);
      if (context.signal.aborted) throw new CommandError("interrupted");
      // A file is read without ever waiting: so that Ctrl-C is heard.
      if (tree.size % HEARING_EVERY === 0) await context.sleep(0);
    }
    const { origin, size, root } = head.checkpoint;
    const from: ReadFrom = {
      origin,
      size,
      root: root.toString("base64"),
      source: path ?? "the cluster",
      keysFromLedger,
      begins: gathering.begins,
    };
    return { gathering, from, period };
  } finally {
    source.close();
  }
}

/** Entries: a whole number of bundles. */
const HEARING_EVERY = 4096;
const EVERY_MILLISECONDS = 250;

function counter(context: Context, size: number): (read: number) => void {
  let last = context.now();
  let isCounting = false;
  return (read) => {
    if (!context.watched) return;
    if (read >= size && isCounting) context.process.stderr.write("\r\u001b[K");
    else if (context.now() - last >= EVERY_MILLISECONDS) {
      last = context.now();
      isCounting = true;
      context.process.stderr.write(`\r${read} of ${size} entries read`);
    }
  };
}

/** As the API server names it: by the records, else by how ServiceAccounts are named. */
function nameIn(gathering: Gathering, wanted: string): string {
  const found = gathering.agents;
  if (found.length > 1)
    throw new CommandError(`${wanted} is the name of several agents: ${found.join(", ")}; name one of them`);
  return found[0] ?? agentOf(wanted, [])?.[0]?.user ?? wanted;
}

function reviewOf(
  gathering: Gathering,
  { since, until }: Period,
  agent: string,
  groups: readonly string[],
  read: ReadPolicy,
): Review {
  const { used, groups: seen, ...of } = gathering.of(agent);
  const identity = namedAgent(agent, [...seen, ...groups]);
  const { gaps, erasures, configurations, readsRecorded } = gathering;
  const rights = "policy" in read ? rightsOf(read.policy, identity, used, readsRecorded) : undefined;
  return {
    ...of,
    agent,
    groups: [...identity.groups],
    since,
    until,
    readsRecorded,
    gaps,
    erasures,
    configurations,
    used: "policy" in read ? given(read.policy, identity, used) : used,
    rights,
    ...("why" in read ? { rightsWhy: read.why } : {}),
  };
}

/** One round: agents ask, people decide, processes are killed; then the calm, and what is left is gathered. */
import { open } from "node:fs/promises";
import { join } from "node:path";
import type { Testbed, TestbedOptions } from "../testbed.ts";
import { inquire, pursue, requestFor, roleFor, rolesPath } from "./agents.ts";
import { type Caller, callerOf, insist } from "./caller.ts";
import type { ApprovalSeen, AuditEvent, Calm, Evidence, RecordSeen, RoleSeen } from "./evidence.ts";
import { freelyMade, freePath, makeFreely } from "./free.ts";
import { wishOf } from "./indexed.ts";
import { approvalsPath, decide, decideAll, type Person } from "./people.ts";
import { AGENTS, type Plan, type PlannedWish } from "./plan.ts";
import { strike, type Victims, victimsOf } from "./victims.ts";

/** A control plane with Hoop in a process of its own, the agents and people of crash runs, and an administrator. */
export interface Arena {
  victims: Victims;
  /** What each Hoop that has ended logged. */
  logs: readonly string[];
  agents: readonly Caller[];
  people: readonly [Person, Person];
  admin: Caller;
  auditLog: string;
}

const AGENT = "crash-agent-";

/**
 * What a testbed for it is started with. Ledger and backups go to `published` and `backups` below the directory. The
 * audit log is read from where it was before, so it stays one file.
 */
export const arenaOptions = (directory: string): TestbedOptions => ({
  settings: {
    hold: { maxWaitSeconds: 20 },
    ledger: { publish: join(directory, "published"), publishSeconds: 1 },
    backups: { directory: join(directory, "backups"), everySeconds: 2, keep: 2 },
  },
  controlPlane: { flags: { "audit-log-maxsize": "100000" } },
});

/** Takes the testbed over; stop its Hoop with `victims.hoop.kill` before the testbed. */
export async function arenaOf(bed: Testbed): Promise<Arena> {
  const { controlPlane } = bed;
  await bed.apply({
    apiVersion: "rbac.authorization.k8s.io/v1",
    kind: "ClusterRoleBinding",
    metadata: { name: "crash-people" },
    roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "hoop-approver" },
    subjects: [{ apiGroup: "rbac.authorization.k8s.io", kind: "Group", name: "crash-people" }],
  });
  const user = async (name: string, group: string) => callerOf(await controlPlane.kubeconfig(name, [group]));
  const person = async (name: string) => ({ user: name, caller: await user(name, "crash-people") });
  const agents = Array.from({ length: AGENTS }, (_, i) => user(`${AGENT}${i}`, "hoop:agents"));
  await bed.stopHoop();
  const logs: string[] = [];
  const admin = await callerOf(bed.kubeconfig("human"));
  const victims = victimsOf(bed, admin, logs);
  await victims.hoop.prepare();
  await victims.hoop.start();
  return {
    victims,
    logs,
    agents: await Promise.all(agents),
    people: [await person("ann"), await person("ben")],
    admin,
    auditLog: join(controlPlane.directory, "logs", "audit.log"),
  };
}

/** `namespace` is made for it, and must be new. */
export async function crashRound(arena: Arena, plan: Plan, namespace: string): Promise<Evidence> {
  const { admin } = arena;
  const auditedFrom = await sizeOf(arena.auditLog);
  await furnish(admin, plan, namespace);
  const evidence: Evidence = {
    wishes: plan.wishes,
    kills: [],
    told: [],
    free: [],
    configMaps: [],
    decided: [],
    shown: [],
    calm: [],
    approvals: [],
    records: [],
    audit: [],
    roles: [],
  };
  await storm(arena, plan, namespace, evidence);
  evidence.calm.push(await calm(arena, plan.wishes, namespace));
  const undecided = plan.wishes.filter(({ verdict }) => verdict === undefined);
  evidence.decided.push(...(await approveAll(arena, undecided, namespace)));
  evidence.calm.push(await calm(arena, undecided, namespace));
  evidence.approvals = await approvalsIn(admin, namespace);
  evidence.records = await recordsIn(admin, namespace);
  evidence.roles = await itemsOf<RoleSeen>(admin, rolesPath(namespace));
  evidence.configMaps = await freelyMade(admin, namespace);
  evidence.audit = await auditOf(arena.auditLog, auditedFrom, namespace);
  // Every start of the API server reads all Roles there are.
  await insist(admin, { method: "DELETE", path: rolesPath(namespace) });
  await insist(admin, { method: "DELETE", path: freePath(namespace) });
  return evidence;
}

async function furnish(admin: Caller, { wishes }: Plan, namespace: string): Promise<void> {
  const body = { apiVersion: "v1", kind: "Namespace", metadata: { name: namespace } };
  await insist(admin, { method: "POST", path: "/api/v1/namespaces", body });
  await Promise.all(
    wishes
      .filter(({ kind }) => kind !== "create")
      .map((wish) => insist(admin, { method: "POST", path: rolesPath(namespace), body: roleFor(wish) })),
  );
}

/** A round in which somebody who asks to the end has none so long after the last kill has gone wrong. */
const PATIENCE_MILLISECONDS = 150_000;

async function storm(arena: Arena, plan: Plan, namespace: string, evidence: Evidence): Promise<void> {
  const shown = new Set<string>();
  const office = {
    people: arena.people,
    namespace,
    wishes: new Map(plan.wishes.map((wish) => [wish.id, wish])),
    shown: (approval: string) => shown.add(approval),
    heard: (decided: Evidence["decided"][number]) => evidence.decided.push(decided),
  };
  const over = new AbortController();
  const deciding = decideAll(office, over.signal);
  const late = new AbortController();
  const asking = plan.wishes.flatMap((wish) =>
    Array.from({ length: wish.clients }, () =>
      pursue(agentOf(arena, wish), wish, namespace, late.signal, (told) => evidence.told.push(told)),
    ),
  );
  const struck = new AbortController();
  const making = arena.agents.map((agent, i) =>
    makeFreely(agent, namespace, `free-${i}`, struck.signal, (made) => evidence.free.push(made)),
  );
  for (const fault of plan.faults) evidence.kills.push(...(await strike(arena.victims, fault)));
  struck.abort();
  const patience = setTimeout(() => late.abort(), PATIENCE_MILLISECONDS);
  await Promise.all([...asking, ...making]);
  clearTimeout(patience);
  over.abort();
  await deciding;
  evidence.shown = [...shown];
}

const agentOf = ({ agents, admin }: Arena, { agent }: PlannedWish) => agents[agent] ?? admin;

/** Long enough for a look at the approval, and to be told of it. */
const CALM_SECONDS = 5;

async function calm(arena: Arena, wishes: readonly PlannedWish[], namespace: string): Promise<Calm> {
  const approvals = await approvalsIn(arena.admin, namespace);
  const asked = wishes.map((wish) =>
    inquire(agentOf(arena, wish), wish, requestFor(wish, namespace, CALM_SECONDS)),
  );
  return { approvals, told: await Promise.all(asked) };
}

/** What survived undecided is decided now. */
async function approveAll(
  { admin, people: [person] }: Arena,
  wishes: readonly PlannedWish[],
  namespace: string,
): Promise<Evidence["decided"]> {
  const ids = new Set(wishes.map(({ id }) => id));
  const approvals = await approvalsIn(admin, namespace);
  const pending = approvals.filter(
    (approval) => approval.status.phase === "Pending" && ids.has(wishOf(approval)),
  );
  return Promise.all(pending.map(({ metadata }) => decide(person, namespace, metadata.name, "Approve")));
}

const approvalsIn = (admin: Caller, namespace: string) =>
  itemsOf<ApprovalSeen>(admin, approvalsPath(namespace));

const recordsIn = (admin: Caller, namespace: string) =>
  itemsOf<RecordSeen>(admin, `/apis/hoop.dev/v1alpha1/namespaces/${namespace}/records`);

/** Of all namespaces: the ledger as a whole. */
export const allRecords = (admin: Caller) => itemsOf<RecordSeen>(admin, "/apis/hoop.dev/v1alpha1/records");

async function itemsOf<T>(admin: Caller, path: string): Promise<T[]> {
  return ((await insist(admin, { method: "GET", path })) as { items: T[] }).items;
}

async function sizeOf(file: string): Promise<number> {
  const handle = await open(file);
  const { size } = await handle.stat();
  await handle.close();
  return size;
}

/** What agents wrote in the namespace, from that byte of the audit log on. */
async function auditOf(file: string, from: number, namespace: string): Promise<AuditEvent[]> {
  const handle = await open(file);
  const events: AuditEvent[] = [];
  for await (const line of handle.readLines({ start: from, encoding: "utf8" })) {
    if (!line.includes(`"namespace":"${namespace}"`) || !line.includes(AGENT)) continue;
    const event = JSON.parse(line) as AuditEvent;
    const isWrite = ["create", "patch", "delete"].includes(event.verb);
    if (isWrite && event.user.username.startsWith(AGENT)) events.push(event);
  }
  return events;
}

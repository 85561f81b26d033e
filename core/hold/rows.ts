/**
 * How approvals lie in the store. Rows are keyed by the namespace's uid: a namespace that is created again under
 * an old name neither shows nor honours what the old one had.
 *
 *     approvals/NSUID/NAME   the approval
 *     digests/NSUID/DIGEST   the latest approval for exactly this request: one request, one approval
 *     targets/NSUID/HASH     the latest approval of this agent for this target
 *     open/NSUID/NAME        it is Pending or Approved: what may still expire
 *     waits/HASH/NSUID/NAME  it is Pending, and this agent's: how many of one agent wait
 */
import { createHash } from "node:crypto";
import type { Delete, Put, Revision, Store } from "#kit/storage.ts";
import type { Approval } from "../approval.ts";

/** An approval as stored: with what belongs to it and is not shown. */
export interface StoredApproval {
  approval: Approval;
  /** Digest of what the agent wants, without the ground it stands on (see `Asked` in core/digest.ts). */
  intent: string;
  namespaceUid: string;
  /** How long an approval lasts unspent, seconds. */
  approvedSeconds: number;
}

export interface Found extends StoredApproval {
  revision: Revision;
}

export const APPROVALS = "approvals/";
export const OPEN = "open/";

/** Below it lies a row for each Pending approval of this agent. */
export function waitsOf(agent: string): string {
  return `waits/${createHash("sha256").update(agent).digest("hex")}/`;
}

export function approvalKey(namespaceUid: string, name: string): string {
  return `${APPROVALS}${namespaceUid}/${name}`;
}

export function decodeApproval(value: string): StoredApproval {
  return JSON.parse(value) as StoredApproval;
}

export async function findApproval(
  store: Store,
  namespaceUid: string,
  name: string,
): Promise<Found | undefined> {
  const row = await store.get(approvalKey(namespaceUid, name));
  return row === undefined ? undefined : { ...decodeApproval(row.value), revision: row.revision };
}

/** A pointer row and the approval it points to. `revision` 0: there is no such row. */
export interface Pointed {
  key: string;
  revision: Revision;
  found: Found | undefined;
}

export function byDigest(store: Store, namespaceUid: string, digest: string): Promise<Pointed> {
  return follow(store, namespaceUid, `digests/${namespaceUid}/${digest}`);
}

export function byTarget(
  store: Store,
  namespaceUid: string,
  agent: string,
  target: string,
): Promise<Pointed> {
  const hash = createHash("sha256")
    .update(JSON.stringify([agent, target]))
    .digest("hex");
  return follow(store, namespaceUid, `targets/${namespaceUid}/${hash}`);
}

async function follow(store: Store, namespaceUid: string, key: string): Promise<Pointed> {
  const row = await store.get(key);
  if (row === undefined) return { key, revision: 0, found: undefined };
  return { key, revision: row.revision, found: await findApproval(store, namespaceUid, row.value) };
}

/** The writes that bring a stored approval to its next state; `expect` is the revision it was read at, 0 for a new one. */
export function putApproval(stored: StoredApproval, expect: Revision): { puts: Put[]; deletes: Delete[] } {
  const { metadata, spec, status } = stored.approval;
  const key = approvalKey(stored.namespaceUid, metadata.name);
  const open = `${OPEN}${stored.namespaceUid}/${metadata.name}`;
  const waits = `${waitsOf(spec.agent.username)}${stored.namespaceUid}/${metadata.name}`;
  const value: StoredApproval = {
    approval: stored.approval,
    intent: stored.intent,
    namespaceUid: stored.namespaceUid,
    approvedSeconds: stored.approvedSeconds,
  };
  const put: Put = { key, value: JSON.stringify(value), expect };
  const row = { key: open, value: status.expiresAt };
  switch (status.phase) {
    case "Pending":
      return { puts: [put, row, { key: waits, value: "" }], deletes: [] };
    case "Approved":
      return { puts: [put, row], deletes: [{ key: waits }] };
    default:
      return { puts: [put], deletes: [{ key: open }, { key: waits }] };
  }
}

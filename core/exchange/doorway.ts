/**
 * The doorway: a ServiceAccount that may use sessions, and do nothing else. Each session that a token was exchanged for gets
 * one token of this ServiceAccount, bound to a Secret. When the session is over the Secret is deleted, and with it the token
 * is worth nothing.
 */
import { createHash } from "node:crypto";
import type { Revision } from "#kit/storage.ts";
import { findApproval } from "../hold/rows.ts";
import type { Clock, Log, Store } from "../ports.ts";
import { phaseAt } from "../session/life.ts";
import { type FoundSession, namespaceUidOf } from "../session/rows.ts";
import { isOpenPhase, type Session } from "../session/session.ts";

export interface Ticket {
  token: string;
  /** The user that the API server takes its bearer for. */
  username: string;
  credentialID: string;
}

export interface Doorway {
  /** A token for that session, for so many seconds at least. Rejects where it cannot be made. */
  open(sessionUid: string, seconds: number): Promise<Ticket>;
  /** Takes the token of that session back. It is no error where there is none. */
  close(sessionUid: string): Promise<void>;
}

export interface DoorwayPorts {
  store: Store;
  clock: Clock;
  log: Log;
  doorway: Pick<Doorway, "close">;
}

/** Rows by the uid of the session: what was opened for it, so that it is closed whatever happens. */
const DOORWAYS = "doorways/";
/** Rows by the id of the credential: the key of the session that it may use. */
const DOORS = "doors/";
/**
 * How long a session may take to be written after its token was made; and how long the token of a session that people denied
 * is still good for hearing so.
 */
const GRACE_MILLISECONDS = 60_000;

interface Kept {
  session: string;
  openedAt: number;
  /** The session was written: from then on its token lasts as long as it does. */
  used: boolean;
  credentialID?: string;
}

/**
 * The row of a doorway. It is written before the token is made, so that no token is ever forgotten, and again together with
 * the session.
 */
export function keptDoorway(uid: string, kept: Kept, expect: Revision) {
  return { key: `${DOORWAYS}${uid}`, value: JSON.stringify(kept), expect };
}

export function door(credentialID: string, session: string) {
  return { key: doorKey(credentialID), value: session, expect: 0 };
}

/** Hashed, for ids have characters that no key may have. */
function doorKey(credentialID: string): string {
  return `${DOORS}${createHash("sha256").update(credentialID).digest("hex")}`;
}

/** The session that this credential may use. It may be over. */
export async function behindDoor(store: Store, credentialID: string): Promise<FoundSession | undefined> {
  const door = credentialID === "" ? undefined : await store.get(doorKey(credentialID));
  const row = door && (await store.get(door.value));
  if (row === undefined) return undefined;
  const session = JSON.parse(row.value) as Session;
  return session.status.doorway?.credentialID === credentialID
    ? { key: row.key, session, revision: row.revision }
    : undefined;
}

export async function removedDoorway({ store, doorway, log }: DoorwayPorts, uid: string): Promise<void> {
  const row = await store.get(`${DOORWAYS}${uid}`);
  try {
    // Also without a row: the token may have been made after its row was swept away.
    await doorway.close(uid);
    if (row === undefined) return;
    const { credentialID } = JSON.parse(row.value) as Kept;
    const behind = credentialID === undefined ? undefined : await store.get(doorKey(credentialID));
    const deletes = [row, ...(behind === undefined ? [] : [behind])];
    await store.commit({ deletes: deletes.map(({ key, revision }) => ({ key, expect: revision })) });
  } catch (error) {
    log.warn({ session: uid, error: String(error) }, "the token of a session could not be taken back yet");
  }
}

/** Closes the doorways of sessions that are over, gone, or never came to be. */
export async function sweepDoorways(ports: DoorwayPorts): Promise<void> {
  const { store, clock } = ports;
  const { rows } = await store.list(DOORWAYS);
  for (const { key, value } of rows) {
    const uid = key.slice(DOORWAYS.length);
    if (!(await isNeeded(store, uid, JSON.parse(value) as Kept, clock.now())))
      await removedDoorway(ports, uid);
  }
}

async function isNeeded(store: Store, uid: string, kept: Kept, now: number): Promise<boolean> {
  if (!kept.used) return now < kept.openedAt + GRACE_MILLISECONDS;
  const row = await store.get(kept.session);
  if (row === undefined) return false;
  const session = JSON.parse(row.value) as Session;
  if (session.metadata.uid !== uid) return false;
  return isOpenPhase(phaseAt(session, now)) || (await mayBeAwaited(store, kept.session, session, now));
}

/** Whether somebody may still wait to hear what people decided. The token is the only way to ask for that. */
async function mayBeAwaited(store: Store, key: string, { status }: Session, now: number): Promise<boolean> {
  const { phase, approval, endedAt } = status;
  if (phase === "Pending") return true;
  if (phase !== "Denied" && phase !== "Expired") return false;
  if (approval === undefined || now >= Date.parse(endedAt ?? "") + GRACE_MILLISECONDS) return false;
  const asked = await findApproval(store, namespaceUidOf(key), approval);
  return asked !== undefined && asked.approval.status.phase !== "Used";
}

/** Sweeps every second until the signal aborts. */
export async function keepDoorways(ports: DoorwayPorts, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    try {
      await sweepDoorways(ports);
    } catch (error) {
      ports.log.error({ err: error }, "could not take back tokens of sessions");
    }
    await ports.clock.sleep(1000, signal);
  }
}

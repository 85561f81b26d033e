/** Token revocation (RFC 7009): whoever has the token of a session may end it, and needs no other right. */
import { credentialOf, type UserInfo } from "../admission.ts";
import type { Clock, Store } from "../ports.ts";
import { sessionLine } from "../session/entries.ts";
import { ended, phaseAt } from "../session/life.ts";
import type { LiveSessions } from "../session/live.ts";
import { behindDoor } from "./doorway.ts";

export interface RevokePorts {
  store: Store;
  clock: Clock;
  live: Pick<LiveSessions, "end">;
  /** Whose token that is; undefined: nobody's. Rejects where that cannot be told. */
  bearer(token: string): Promise<UserInfo | undefined>;
}

const ATTEMPTS = 5;

/** To revoke what is over, or no token of a session, is no error. Rejects where it cannot be told or written. */
export async function revoke(ports: RevokePorts, token: string): Promise<void> {
  const user = await ports.bearer(token);
  if (user === undefined) return;
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) if (await isOver(ports, user)) return;
  throw new Error("the session changes all the time");
}

async function isOver({ store, clock, live }: RevokePorts, user: UserInfo): Promise<boolean> {
  const found = await behindDoor(store, credentialOf(user));
  const now = clock.now();
  if (found === undefined || found.session.status.doorway?.username !== user.username) return true;
  const { session, key, revision } = found;
  const phase = phaseAt(session, now);
  if (phase !== "Active" && phase !== "Pending") return true;
  const over = ended(session, { phase: "Ended", message: "logged out" }, now);
  const { outcome } = await store.commit({
    puts: [{ key, value: JSON.stringify(over), expect: revision }],
    lines: [sessionLine(over, "ended", now, session.status.subject.username)],
  });
  if (outcome === "committed") live.end(session.metadata.uid);
  return outcome === "committed";
}

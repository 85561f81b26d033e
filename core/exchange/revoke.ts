/** Token revocation (RFC 7009): whoever has the token of a session may end it, and needs no other right. */
import { credentialOf, type UserInfo } from "../admission.ts";
import { type FinishPorts, finish } from "../session/finish.ts";
import { phaseAt } from "../session/life.ts";
import { behindDoor } from "./doorway.ts";

export interface RevokePorts extends FinishPorts {
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

async function isOver(ports: RevokePorts, user: UserInfo): Promise<boolean> {
  const found = await behindDoor(ports.store, credentialOf(user));
  if (found === undefined || found.session.status.doorway?.username !== user.username) return true;
  const phase = phaseAt(found.session, ports.clock.now());
  if (phase !== "Active" && phase !== "Pending") return true;
  const end = { phase: "Ended", message: "logged out" } as const;
  return finish(ports, found, end, found.session.status.subject.username);
}

/** What happens in one round of a crash run: who wants what, what people say to it, and what is killed when. */
import { chance } from "./chance.ts";
import type { Victim, Wish } from "./evidence.ts";

/** Times in milliseconds, from the beginning of the round. */
export interface PlannedWish extends Wish {
  /** Which of the agents. */
  agent: number;
  /** How many send the same request at once. */
  clients: number;
  startsAt: number;
  hangsUpAt: number;
  /** What a person says to it; left out: nobody decides it before the calm. */
  verdict?: "Approve" | "Deny";
  /** Another person says the opposite at the same time. */
  contested: boolean;
  /** How long a person looks at it. */
  thinking: number;
}

export interface Fault {
  /** After the beginning, or after what the fault before it killed is back. */
  after: number;
  victims: Victim[];
  /** How long they stay dead. */
  down: number;
}

export interface Plan {
  wishes: PlannedWish[];
  faults: Fault[];
}

export const AGENTS = 4;

const VICTIMS = ["hoop", "kube-apiserver", "etcd"] as const;

/** `first`: who is killed first; by default each in its turn. */
export function planned(
  seed: number,
  round: number,
  holds: number,
  first: Victim = VICTIMS[(round - 1) % 3] ?? "hoop",
): Plan {
  const luck = chance(seed, round, "faults");
  const faults: Fault[] = [
    { after: luck.between(300, 3_500), victims: [first], down: luck.between(0, 1_000) },
  ];
  if (luck.sometimes(0.25)) {
    const others = VICTIMS.filter((victim) => victim !== first);
    faults[0]?.victims.push(...(luck.sometimes(0.25) ? others : [luck.oneOf(others[0] ?? first, ...others)]));
  }
  // A second kill soon after the first finds what was just being put right.
  if (luck.sometimes(0.5))
    faults.push({
      after: luck.between(0, 2_000),
      victims: [luck.sometimes(0.7) ? "hoop" : "etcd"],
      down: luck.between(0, 500),
    });
  return {
    faults,
    wishes: Array.from({ length: holds }, (_, i) => wish(seed, round, `wish-${String(i).padStart(3, "0")}`)),
  };
}

function wish(seed: number, round: number, id: string): PlannedWish {
  const luck = chance(seed, round, id);
  const kind = luck.oneOf("create", "create", "append", "delete");
  const toTheEnd = luck.sometimes(0.7);
  const undecided = !toTheEnd && luck.sometimes(0.3);
  return {
    id,
    kind,
    toTheEnd,
    agent: luck.between(0, AGENTS),
    clients: luck.sometimes(0.15) ? 2 : 1,
    startsAt: luck.between(0, 1_000),
    hangsUpAt: toTheEnd ? Number.POSITIVE_INFINITY : luck.between(1_000, 7_000),
    ...(undecided ? {} : { verdict: luck.sometimes(0.7) ? "Approve" : "Deny" }),
    contested: luck.sometimes(0.1),
    thinking: luck.between(0, 4_000),
  };
}

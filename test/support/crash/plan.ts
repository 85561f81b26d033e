/** What happens in one round of a crash run: who wants what, what people say to it, and what is killed when. */
import { type Chance, chance } from "./chance.ts";
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
  /** After the beginning, or after what the fault before it killed is back; at the latest. */
  after: number;
  victims: Victim[];
  /** How long they stay dead. */
  down: number;
  /** Where Hoop's next life ends; left out: where the next fault finds it. */
  next?: Point;
}

/** The nth time it comes to one of the steps that it can be killed at: the one that is this far along their list. */
export interface Point {
  /** From 0 up to, but without, 1. */
  share: number;
  nth: number;
}

export interface Plan {
  wishes: PlannedWish[];
  faults: Fault[];
}

export const AGENTS = 4;

const VICTIMS = ["hoop", "kube-apiserver", "etcd"] as const;

/** `first`: who is killed first; by default each in its turn. `more`: kills of Hoop after that, most at steps of its own. */
export function planned(
  seed: number,
  round: number,
  holds: number,
  { first = VICTIMS[(round - 1) % 3] ?? "hoop", more = 0 }: { first?: Victim; more?: number } = {},
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
  for (let n = 0; n < more; n++) faults.push(...again(luck, faults.at(-1)));
  const within = 1_000 + more * 2_000;
  return {
    faults,
    wishes: Array.from({ length: holds }, (_, i) =>
      wish(seed, round, `wish-${String(i).padStart(3, "0")}`, within),
    ),
  };
}

/** Hoop once more: at a step of its life, which is set when that begins, or at any moment. */
function again(luck: Chance, before: Fault | undefined): Fault[] {
  const atStep = before !== undefined && luck.sometimes(0.75);
  // Most steps come many times a second; some only at the start, and they are not left out by later ones.
  if (atStep) before.next = { share: luck.real(), nth: luck.sometimes(0.6) ? 1 : luck.between(2, 8) };
  return [{ after: atStep ? 3_000 : luck.between(0, 1_500), victims: ["hoop"], down: luck.between(0, 200) }];
}

function wish(seed: number, round: number, id: string, within: number): PlannedWish {
  const luck = chance(seed, round, id);
  const kind = luck.oneOf("create", "create", "append", "delete");
  const toTheEnd = luck.sometimes(0.7);
  const undecided = !toTheEnd && luck.sometimes(0.3);
  const startsAt = luck.between(0, within);
  return {
    id,
    kind,
    toTheEnd,
    agent: luck.between(0, AGENTS),
    clients: luck.sometimes(0.15) ? 2 : 1,
    startsAt,
    hangsUpAt: toTheEnd ? Number.POSITIVE_INFINITY : startsAt + luck.between(500, 6_500),
    ...(undecided ? {} : { verdict: luck.sometimes(0.7) ? "Approve" : "Deny" }),
    contested: luck.sometimes(0.1),
    thinking: luck.between(0, 4_000),
  };
}

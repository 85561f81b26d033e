/** What the broker is given. */
import type { AgentMatcher } from "#core/agents.ts";
import type { Waiters } from "#core/hold/waiters.ts";
import type { Looks } from "#core/mask/look.ts";
import type { Clock, Cluster, Log, Random, Store } from "#core/ports.ts";
import type { BeginPorts } from "#core/session/life.ts";
import type { LiveSessions } from "#core/session/live.ts";
import type { ToldAgain } from "./connection/refused-before.ts";
import type { KnownSecrets } from "./mask/known.ts";
import type { Guesses } from "./request/guesses.ts";
import type { Room } from "./room.ts";
import type { Upstream } from "./upstream.ts";

export interface BrokerPorts extends BeginPorts {
  store: Store;
  clock: Clock;
  random: Random;
  log: Log;
  cluster: Cluster;
  agents: AgentMatcher;
  waiters: Waiters;
  live: LiveSessions;
  upstream: Upstream;
  known: Pick<KnownSecrets, "of">;
}

/** And what it remembers from one request to the next. */
export interface BrokerState extends BrokerPorts {
  guesses: Guesses;
  looks: Looks;
  /** For what is sent, and for what is read. */
  rooms: { sent: Room; read: Room };
  toldAgain: ToldAgain;
}

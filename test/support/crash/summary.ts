/** Figures of crash runs. */
import type { Evidence, Victim } from "./evidence.ts";
import { indexed, succeeded } from "./indexed.ts";

export interface Figures {
  kills: Record<Victim, number>;
  /** Of the kills of Hoop, those at a step of its own. */
  atSteps: number;
  /** Made without asking. */
  free: number;
  holds: number;
  requests: number;
  /** Without an answer, or answered with an error. */
  cut: number;
  approvals: number;
  decisions: number;
  allows: number;
  denials: number;
  effects: number;
  /** Approvals used up by requests that nobody was answered for. */
  spentUnanswered: number;
  records: number;
  audited: number;
  /** The longest that a kill kept its victim from serving. */
  secondsUntilBack: number;
}

export function figuresOf(evidence: Evidence): Figures {
  const { told, spends, passes, effects } = indexed(evidence);
  const many = (...outcomes: string[]) => told.filter(({ outcome }) => outcomes.includes(outcome)).length;
  const killed = (name: Victim) => evidence.kills.filter(({ victim }) => victim === name).length;
  return {
    kills: { hoop: killed("hoop"), "kube-apiserver": killed("kube-apiserver"), etcd: killed("etcd") },
    atSteps: evidence.kills.filter(({ step }) => step !== undefined).length,
    free: evidence.configMaps.length,
    holds: evidence.wishes.length,
    requests: told.length,
    cut: many("cut", "failed"),
    approvals: evidence.approvals.length,
    decisions: evidence.decided.filter(({ code }) => succeeded(code)).length,
    allows: many("passed"),
    denials: many("denied"),
    effects: [...effects.values()].reduce((sum, effect) => sum + effect, 0),
    spentUnanswered: [...spends.keys()].filter((name) => !passes.has(name)).length,
    records: evidence.records.length,
    audited: evidence.audit.length,
    secondsUntilBack: Math.max(0, ...evidence.kills.map(({ at, back }) => Math.round((back - at) / 1_000))),
  };
}

export function sum(all: readonly Figures[]): Figures {
  const total = (pick: (figures: Figures) => number) => all.reduce((so, figures) => so + pick(figures), 0);
  return {
    kills: {
      hoop: total(({ kills }) => kills.hoop),
      "kube-apiserver": total(({ kills }) => kills["kube-apiserver"]),
      etcd: total(({ kills }) => kills.etcd),
    },
    atSteps: total(({ atSteps }) => atSteps),
    free: total(({ free }) => free),
    holds: total(({ holds }) => holds),
    requests: total(({ requests }) => requests),
    cut: total(({ cut }) => cut),
    approvals: total(({ approvals }) => approvals),
    decisions: total(({ decisions }) => decisions),
    allows: total(({ allows }) => allows),
    denials: total(({ denials }) => denials),
    effects: total(({ effects }) => effects),
    spentUnanswered: total(({ spentUnanswered }) => spentUnanswered),
    records: total(({ records }) => records),
    audited: total(({ audited }) => audited),
    secondsUntilBack: Math.max(0, ...all.map(({ secondsUntilBack }) => secondsUntilBack)),
  };
}

/** How many of the steps something was killed at, and at which of them nothing was yet. */
export function stepsKilledAt(killed: ReadonlySet<string>, known: readonly string[]): string {
  const without = known.filter((step) => !killed.has(step));
  const rest = without.length === 0 ? "" : `; not yet: ${without.join(", ")}`;
  return `killed at ${known.length - without.length} of ${known.length} steps${rest}`;
}

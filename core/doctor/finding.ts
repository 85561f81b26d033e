/** What doctor finds, and how findings rank. */
import type { Grant } from "./rbac.ts";

/** Most urgent first. */
export const SEVERITIES = ["critical", "high", "medium", "low", "info"] as const;
export type Severity = (typeof SEVERITIES)[number];

export interface Fix {
  says: string;
  /** To be run in a shell as it stands, by somebody who may. */
  command?: string;
  /** Instead of another. */
  alternative?: true;
}

export interface Access {
  /** `secrets`, `pods/exec`, `roles.rbac.authorization.k8s.io`, or a path. */
  resource: string;
  verbs: readonly string[];
}

/** One rule that opens a way, and how far. */
export interface Opening {
  /** Undefined where RBAC does not allow it and another authorizer does, which then says `reason`. */
  grant: Grant | undefined;
  reason: string;
  access: readonly Access[];
  /** Undefined: in every namespace, or not in any. */
  namespaces: readonly string[] | undefined;
  /** Undefined: all. */
  names: readonly string[] | undefined;
}

export interface Finding {
  /** Of the check that made it. */
  id: string;
  severity: Severity;
  title: string;
  /** What comes of it. */
  detail: string;
  /** Numbers of the ways around that docs/guides/doctor.md lists. */
  ways: readonly number[];
  /** Of NIST SP 800-53. */
  control: string;
  /** Who can go this way; none where it is about the installation. */
  agents: readonly string[];
  openings: readonly Opening[];
  /** Other objects it is about, as KIND/NAME. */
  objects: readonly string[];
  fix: readonly Fix[];
}

export interface NotChecked {
  what: string;
  why: string;
  /** Whether it could be checked, by somebody with more rights or at another time. */
  could: boolean;
}

export interface Report {
  /** Who was looked at. */
  agents: readonly string[];
  /** The most severe first. */
  findings: readonly Finding[];
  notChecked: readonly NotChecked[];
  /** Access reviews asked. */
  asked: number;
}

export function atLeast(severity: Severity, threshold: Severity): boolean {
  return SEVERITIES.indexOf(severity) <= SEVERITIES.indexOf(threshold);
}

export function ranked(findings: readonly Finding[]): Finding[] {
  const rank = ({ severity }: Finding) => SEVERITIES.indexOf(severity);
  return findings.toSorted(
    (a, b) => rank(a) - rank(b) || Number(a.agents.length > 0) - Number(b.agents.length > 0),
  );
}

export function counted(findings: readonly Finding[]): Record<Severity, number> {
  const count = (severity: Severity) => findings.filter((one) => one.severity === severity).length;
  return {
    critical: count("critical"),
    high: count("high"),
    medium: count("medium"),
    low: count("low"),
    info: count("info"),
  };
}

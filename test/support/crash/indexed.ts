/** Evidence, looked at by approval and by wish. */
import type { ApprovalSeen, AuditEvent, Evidence, RecordSeen, Told, Wish } from "./evidence.ts";

export interface Indexed {
  evidence: Evidence;
  /** All requests of agents, those of the calm included. */
  told: Told[];
  approvals: Map<string, ApprovalSeen>;
  /** Admission records by the ledger index that is their name. */
  recordAt: Map<string, RecordSeen>;
  /** Records that say an approval was used up, by approval. */
  spends: Map<string, RecordSeen[]>;
  /** Requests that passed, by the approval that their answer named. */
  passes: Map<string, Told[]>;
  /** Writes that the audit log says went through, by the approval in its annotations. */
  audited: Map<string, AuditEvent[]>;
  /** Names of its approvals, the first made first. */
  approvalsOf: Map<string, string[]>;
  /** How often each wish took effect. */
  effects: Map<string, number>;
}

const PREFIX = "agents-are-refused-while-hoop-is-unreachable.hoop.dev/";

/** How often the API server had a request judged, the last time last: a ledger index each, and the approval it had to do with. */
export function judged({ annotations = {} }: AuditEvent): { record: string; approval?: string }[] {
  const numbered = Object.entries(annotations).flatMap(([key, approval]) =>
    key.startsWith(`${PREFIX}record-`)
      ? [{ record: key.slice(`${PREFIX}record-`.length), ...approvalIn(approval) }]
      : [],
  );
  const first = annotations[`${PREFIX}record`];
  const isNumbered = first === undefined || numbered.some(({ record }) => record === first);
  return [...(isNumbered ? [] : [{ record: first }]), ...numbered].sort(
    (a, b) => Number(a.record) - Number(b.record),
  );
}

function approvalIn(annotation: string): { approval?: string } {
  return annotation === "" ? {} : { approval: annotation.split("/").at(-1) ?? "" };
}

export const succeeded = (code: number | undefined) => code !== undefined && code >= 200 && code < 300;

export function grouped<T>(items: readonly T[], by: (item: T) => string | undefined): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const key = by(item);
    if (key !== undefined) groups.set(key, [...(groups.get(key) ?? []), item]);
  }
  return groups;
}

export function wishOf({ spec }: ApprovalSeen): string {
  const object = spec.change.object as { metadata?: { labels?: Record<string, string> } } | undefined;
  return spec.target.name ?? object?.metadata?.labels?.["wish"] ?? "of nobody";
}

export function indexed(evidence: Evidence): Indexed {
  const told = [...evidence.told, ...evidence.calm.flatMap((calm) => calm.told)];
  const approvals = new Map(evidence.approvals.map((approval) => [approval.metadata.name, approval]));
  const admissions = evidence.records.filter(({ spec }) => spec.kind === "admission");
  const made = evidence.records
    .filter(({ spec }) => spec.event === "created")
    .sort((a, b) => Number(a.metadata.name) - Number(b.metadata.name))
    .flatMap(({ spec }) => approvals.get(spec.approval?.name ?? "") ?? []);
  return {
    evidence,
    told,
    approvals,
    recordAt: new Map(admissions.map((record) => [record.metadata.name, record])),
    spends: grouped(admissions, ({ spec: { approval, answer } }) =>
      answer === "allowed" && approval?.use === "spent" ? approval.name : undefined,
    ),
    passes: grouped(
      told.filter(({ outcome }) => outcome === "passed"),
      ({ approval }) => approval,
    ),
    audited: grouped(
      evidence.audit.filter(({ responseStatus }) => succeeded(responseStatus?.code)),
      (event) => judged(event).at(-1)?.approval,
    ),
    approvalsOf: new Map(
      [...grouped(made, wishOf)].map(([wish, all]) => [wish, all.map(({ metadata }) => metadata.name)]),
    ),
    effects: effectsOf(evidence),
  };
}

function effectsOf({ wishes, roles }: Evidence): Map<string, number> {
  const named = new Map(roles.map((role) => [role.metadata.name, role]));
  const labelled = grouped(roles, ({ metadata }) => metadata.labels?.["wish"]);
  const count: Record<Wish["kind"], (id: string) => number> = {
    create: (id) => labelled.get(id)?.length ?? 0,
    append: (id) => (named.get(id)?.rules?.length ?? 0) - 1,
    delete: (id) => (named.has(id) ? 0 : 1),
  };
  return new Map(wishes.map(({ id, kind }) => [id, count[kind](id)]));
}

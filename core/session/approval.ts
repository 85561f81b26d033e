/**
 * People are asked whether a session may begin: an approval like any other, but that nothing is sent again once it is
 * given. The session waits for it, and uses it up by beginning.
 */
import type { Delete, Put } from "#kit/storage.ts";
import type { AdmissionRequest, JsonObject } from "../admission.ts";
import { type AgentMatcher, type Owners, serviceAccountUser } from "../agents.ts";
import type { Approval } from "../approval.ts";
import { approversWords, isAsStrict } from "../approvers.ts";
import { describeChange } from "../change.ts";
import { changedReferents, type ReferredWords, referredWords } from "../digest/refers-to.ts";
import { digestOf } from "../digest.ts";
import { targetOf } from "../hold/ask.ts";
import { approvalLine } from "../hold/entries.ts";
import { approvalName } from "../hold/names.ts";
import { type Found, putApproval, waitsOf } from "../hold/rows.ts";
import type { HoldTerms } from "../policy/verdict.ts";
import type { Clock, Cluster, Random, Store } from "../ports.ts";
import { printable } from "../printable.ts";
import { ended, pending, phaseAt, used } from "../transitions.ts";
import { subjectOf } from "./life.ts";
import type { SessionApproval, SessionTerms } from "./profile.ts";
import type { Session } from "./session.ts";

export interface ApprovalPorts {
  store: Store;
  clock: Clock;
  random: Random;
  cluster: Cluster;
  agents: AgentMatcher;
  /** Where a profile says nothing else. */
  terms: HoldTerms;
  installationKey: string;
  maxPendingPerAgent: number;
}

/** What belongs into the commit that writes the session. */
export interface Beside {
  puts: Put[];
  deletes: Delete[];
  lines: string[];
}

/** The question for a session that is about to be written; its name goes into the session's status. */
export async function askFor(
  ports: ApprovalPorts,
  session: Session,
  namespaceUid: string,
  asked: SessionApproval,
): Promise<{ name: string; beside: Beside } | { refused: string }> {
  const { store, random, clock, maxPendingPerAgent: limit } = ports;
  const waiting = await store.listPart(waitsOf(session.status.subject.username), { limit });
  if (waiting.outcome === "ok" && waiting.rows.length >= limit)
    return { refused: `${limit} requests of yours wait for people already` };
  const ground = await groundOf(ports, session);
  if ("why" in ground) return { refused: ground.why };
  const request = requestOf(session);
  const now = clock.now();
  const name = approvalName(request, random);
  const { reason } = session.spec;
  const approval = pending(
    { name, namespace: session.metadata.namespace, uid: random.uuid() },
    {
      agent: askerOf(ports.agents, session),
      operation: "CREATE",
      target: { ...targetOf(request), uid: session.metadata.uid },
      rules: [
        {
          name: `AgentProfile/${session.spec.profile}`,
          message: asked.reason ?? "its sessions begin when people have approved them",
        },
      ],
      ...(reason === undefined ? {} : { reason: printable(reason) }),
      approvers: asked.approvers.map(({ groups, count }) => ({ groups: [...groups], count })),
      digest: ground.digest,
      change: { ...describeChange(request), refersTo: [ground.actsAs] },
    },
    now,
    asked.seconds,
  );
  const { approvedSeconds } = ports.terms;
  const written = putApproval({ approval, intent: ground.digest, namespaceUid, approvedSeconds }, 0);
  return { name, beside: { ...written, lines: [approvalLine(approval, "created", now)] } };
}

function askerOf(agents: AgentMatcher, session: Session): Approval["spec"]["agent"] {
  const { subject, doorway, serviceAccount } = session.status;
  const credentialID = doorway?.credentialID ?? subject.credentialID;
  const account = { namespace: serviceAccount.namespace, name: serviceAccount.name };
  const acting = {
    username: serviceAccountUser(`${account.namespace}/${account.name}`),
    ...{ uid: "", groups: [], extra: new Map() },
  };
  const owners = [agents.owners(subjectOf(session)), agents.owners(acting)].filter(
    (one): one is Owners => one !== undefined,
  );
  const all = (part: keyof Owners) => [...new Set(owners.flatMap((one) => one[part]))];
  return {
    ...{ username: subject.username, groups: subject.groups },
    ...(owners.length === 0 ? {} : { owners: { users: all("users"), groups: all("groups") } }),
    ...(credentialID === undefined ? {} : { credentialID }),
  };
}

/** What an approval means for the session that waits for it. */
export type Answered =
  | { kind: "waits" }
  | { kind: "begins"; beside: Beside }
  | { kind: "over"; phase: "Denied" | "Expired" | "Revoked"; message: string };

export async function answered(
  ports: Pick<ApprovalPorts, "clock" | "cluster" | "installationKey">,
  session: Session,
  found: Found | undefined,
  terms: SessionTerms,
): Promise<Answered> {
  if (found === undefined) return { kind: "over", phase: "Revoked", message: "its approval is gone" };
  const { approval } = found;
  const now = ports.clock.now();
  const phase = phaseAt(approval, now);
  const stricter = whyStricter(approval, terms);
  switch (phase) {
    case "Pending":
      return stricter === undefined ? { kind: "waits" } : overtaken(stricter);
    case "Approved": {
      if (stricter !== undefined) return overtaken(stricter);
      const changed = await whatChanged(ports, session, approval);
      if ("unknown" in changed) return { kind: "waits" };
      if (changed.why !== "") return overtaken(changed.why);
      const { credentialID = "" } = approval.spec.agent;
      const spent = { ...found, approval: used(approval, credentialID, now) };
      return { kind: "begins", beside: { ...putApproval(spent, found.revision), lines: [] } };
    }
    case "Denied":
      return { kind: "over", phase: "Denied", message: lastWord(approval) };
    case "Expired":
      return {
        ...{ kind: "over", phase: "Expired" },
        message: approval.status.phase === "Approved" ? "it was not begun in time" : "nobody decided in time",
      };
    default:
      return { kind: "over", phase: "Revoked", message: `its approval is ${phase}` };
  }
}

/** The approval of a session that will not begin any more; nothing where it is over itself. */
export function voided(found: Found | undefined, why: string, now: number): Beside | undefined {
  const phase = found === undefined ? undefined : phaseAt(found.approval, now);
  if (found === undefined || (phase !== "Pending" && phase !== "Approved")) return undefined;
  const approval = ended(found.approval, "Void", why, now);
  return {
    ...putApproval({ ...found, approval }, found.revision),
    lines: [approvalLine(approval, "void", now)],
  };
}

function overtaken(message: string): Answered {
  return { kind: "over", phase: "Revoked", message };
}

function lastWord({ status: { decisions } }: Approval): string {
  const last = decisions.at(-1);
  return `denied by ${last?.user ?? "a person"}${last?.comment ? `: ${last.comment}` : ""}`;
}

function whyStricter({ spec }: Approval, { approval }: SessionTerms): string | undefined {
  const wanted = approval?.approvers ?? [];
  return isAsStrict(spec.approvers, wanted) ? undefined : `it now takes ${approversWords(wanted)}`;
}

async function whatChanged(
  ports: Pick<ApprovalPorts, "cluster" | "installationKey">,
  session: Session,
  { spec }: Approval,
): Promise<{ why: string } | { unknown: true }> {
  const ground = await groundOf(ports, session);
  if ("why" in ground) return { unknown: true };
  if (ground.digest === spec.digest) return { why: "" };
  const changed = changedReferents(spec.change.refersTo ?? [], [ground.actsAs]);
  return { why: `what was approved has changed since${changed === "" ? "" : `: the rights of ${changed}`}` };
}

/** What the approval is for, as it is now: whose session, as whom, how long, and what that lets it do. */
async function groundOf(
  { cluster, installationKey: key }: Pick<ApprovalPorts, "cluster" | "installationKey">,
  session: Session,
): Promise<{ digest: string; actsAs: ReferredWords } | { why: string }> {
  const { subject, serviceAccount } = session.status;
  const reference = { kind: "ServiceAccount", ...serviceAccount, everywhere: true } as const;
  const found = await cluster.referent(reference);
  if (!found.known) return { why: found.why };
  const referred = { reference, state: found.state };
  const asker = { username: subject.username, session: session.metadata.uid };
  const { digest } = digestOf(requestOf(session), asker, { key, refersTo: [referred] });
  return { digest, actsAs: referredWords(referred, key) };
}

/** The session as an agent would ask for it, with what it comes to. */
function requestOf({ apiVersion, kind, metadata, spec, status }: Session): AdmissionRequest {
  const { namespace, name } = metadata;
  const { subject, serviceAccount } = status;
  const object: JsonObject = {
    ...{ apiVersion, kind, metadata: { namespace, name } },
    spec: { ...spec },
    agent: subject.username,
    actsAs: `${serviceAccount.namespace}/${serviceAccount.name}`,
    lasts: `${status.seconds ?? 0}s from the approval on`,
  };
  return {
    uid: metadata.uid,
    kind: { group: "hoop.dev", version: "v1alpha1", kind },
    resource: { group: "hoop.dev", version: "v1alpha1", resource: "sessions" },
    ...{ subresource: "", name, namespace, operation: "CREATE", userInfo: subjectOf({ status }) },
    ...{ object, oldObject: null, options: null, dryRun: false },
  };
}

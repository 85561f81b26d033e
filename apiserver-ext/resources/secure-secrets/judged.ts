/** A write through secure-secrets is the agent's write of the Secret: it takes the one journey every write takes. */
import type { AdmissionRequest, JsonObject, Operation } from "#core/admission.ts";
import type { Answer } from "#core/answer.ts";
import type { ToldWrites } from "#core/audit/told.ts";
import { type ReviewPorts, review } from "#core/review.ts";
import type { CoreSecret } from "#core/secrets/backend.ts";
import { secretUid } from "#core/secrets/view.ts";
import type { SubjectAccessReview } from "#kit/authz.ts";
import type { Caller, WriteContext } from "#kit/resource.ts";
import { forbiddenObject, StatusError } from "#kit/status.ts";
import { SELF } from "./refusals.ts";

/** Sealed: no value is in it. */
export interface Wish {
  operation: Operation;
  subresource?: string;
  namespace: string;
  name: string;
  object: JsonObject;
  oldObject: CoreSecret | null;
  /** What is kept in memory for it while it waits. */
  bytes: number;
}

export interface JudgePorts extends ReviewPorts {
  toldWrites: ToldWrites;
  subjectAccessReview: SubjectAccessReview;
}

/** Nobody waits longer in one request, and this much stays for the way back. */
const MAX_WAIT_MILLISECONDS = 25_000;
const RESERVE_MILLISECONDS = 4_000;

/**
 * Resolves when the write may be done, with the index of its record; undefined where nothing is to be told of it later.
 * @throws {StatusError} when it may not, or not yet.
 */
export async function judged(
  ports: JudgePorts,
  wish: Wish,
  context: Omit<WriteContext, "fieldManager">,
): Promise<number | undefined> {
  if (ports.agents.identify(context.caller).kind !== "agent") {
    await mayDirectly(ports, wish, context.caller);
    return undefined;
  }
  const request = requestOf(ports, wish, context);
  const until = Math.min(ports.clock.now() + MAX_WAIT_MILLISECONDS, context.deadline - RESERVE_MILLISECONDS);
  const uid = wish.oldObject === null ? "" : secretUid(wish.oldObject);
  const target = () => ({ known: true as const, object: { metadata: { uid } } });
  // What a reveal is about is at hand, and the cluster would have to be asked for it with its value.
  const policies = { ...ports.policies, target };
  const answer = await review({ ...ports, policies }, request, {
    caller: "verified",
    until,
    gone: context.signal,
    bytes: wish.bytes,
  });
  if (answer === undefined) throw new StatusError("Timeout", "the request was given up while it waited");
  const { auditID, caller, signal } = context;
  if (answer.record !== undefined)
    ports.toldWrites.add({ auditID, username: caller.username, namespace: wish.namespace }, signal);
  context.warn(answer.warnings);
  if (!answer.allowed) throw refusalOf(answer, wish.name);
  return context.dryRun ? undefined : answer.record;
}

/** The right on the Secret itself for the same: the right to ask is none where nobody is asked. */
const VERBS: Readonly<Record<Operation, string>> = {
  CREATE: "create",
  UPDATE: "update",
  DELETE: "delete",
  CONNECT: "get",
};

/** Hoop does it with its own rights, and nobody holds or records it: so whoever is no agent must be able to without Hoop. */
async function mayDirectly(
  { subjectAccessReview }: JudgePorts,
  { operation, namespace, name }: Wish,
  { username: user, uid, groups, extra }: Caller,
): Promise<void> {
  const verb = VERBS[operation];
  const secret = { group: "", version: "v1", resource: "secrets", subresource: "", namespace, name };
  const subject = { user, uid, groups, extra: Object.fromEntries(extra) };
  const { allowed } = await subjectAccessReview({ ...subject, resourceAttributes: { ...secret, verb } });
  if (allowed) return;
  const why = `for whoever is no agent of Hoop's it takes the right to ${verb} secrets in the namespace ${namespace}`;
  throw forbiddenObject(SELF, name, why);
}

function requestOf(
  ports: ReviewPorts,
  wish: Wish,
  { caller, dryRun }: Pick<WriteContext, "caller" | "dryRun">,
): AdmissionRequest {
  const { operation, subresource = "", namespace, name, object, oldObject } = wish;
  return {
    uid: ports.random.uuid(),
    kind: { group: "", version: "v1", kind: "Secret" },
    resource: { group: "", version: "v1", resource: "secrets" },
    ...{ subresource, name, namespace, operation, object, oldObject, dryRun },
    userInfo: caller,
    options: null,
    through: "secure-secrets",
  };
}

function refusalOf({ refusal }: Answer, name: string): StatusError {
  const { code = 500, message = "refused", retryAfterSeconds } = refusal ?? {};
  switch (code) {
    case 403:
      return forbiddenObject(SELF, name, `hoop: ${message}`);
    case 429:
      return new StatusError("TooManyRequests", message, { retryAfterSeconds: retryAfterSeconds ?? 1 });
    case 500:
      return new StatusError("InternalError", message);
  }
}

/**
 * Makes an outcome durable: its ledger line, in one commit with the spend it depends on. A wait is one line, however often
 * its client asks, unless another one would say something else.
 */
import { hash } from "node:crypto";
import type { CommitResult } from "#kit/storage.ts";
import { type AdmissionRequest, askerOf, type Json, type JsonObject, member, text } from "./admission.ts";
import type { Outcome } from "./answer.ts";
import { canonical } from "./canonical.ts";
import { changesBetween } from "./digest/changes.ts";
import { targetOf } from "./hold/ask.ts";
import type { Wait } from "./hold/streaks.ts";
import type { AdmissionEntry } from "./ledger/entry.ts";
import { lineOf, lineWithPayload } from "./ledger/line.ts";
import { maskObject } from "./mask.ts";
import type { Verdict } from "./policy/verdict.ts";
import type { Clock, Random, Store } from "./ports.ts";
import { implicitSession } from "./session/extras.ts";
import { micros } from "./times.ts";

export async function record(
  ports: { store: Store; clock: Clock; random: Random },
  request: AdmissionRequest,
  caller: AdmissionEntry["caller"],
  verdict: Verdict,
  outcome: Exclude<Outcome, { kind: "gone" }>,
): Promise<CommitResult> {
  const entry = entryFor(request, caller, verdict, outcome, ports.clock.now());
  const commit = () => committed(ports, request, entry, outcome);
  return outcome.kind === "waiting" ? onceAWait(outcome.wait, entry, commit) : commit();
}

/** What the API server makes up anew each time does not make it another one: the time, the review's uid, the object's. */
function onceAWait(
  wait: Wait,
  { time: _, request: __, object: ___, ...entry }: AdmissionEntry,
  commit: () => Promise<CommitResult>,
): Promise<CommitResult> {
  const says = hash("sha256", canonical(entry as unknown as Json));
  if (wait.recorded?.says === says) return wait.recorded.done;
  const recorded = { says, done: commit() };
  wait.recorded = recorded;
  recorded.done.catch(() => {
    if (wait.recorded === recorded) delete wait.recorded;
  });
  return recorded.done;
}

function committed(
  ports: { store: Store; random: Random },
  request: AdmissionRequest,
  entry: AdmissionEntry,
  outcome: Exclude<Outcome, { kind: "gone" }>,
): Promise<CommitResult> {
  const writes = outcome.kind === "spent" ? { puts: outcome.puts, deletes: outcome.deletes } : {};
  const payload = payloadOf(request);
  const line =
    Object.keys(payload).length === 0 ? lineOf(entry) : lineWithPayload(entry, payload, ports.random);
  return ports.store.commit({ ...writes, lines: [line] });
}

function entryFor(
  request: AdmissionRequest,
  caller: AdmissionEntry["caller"],
  verdict: Verdict,
  outcome: Exclude<Outcome, { kind: "gone" }>,
  now: number,
): AdmissionEntry {
  const { username, groups, credentialID } = askerOf(request);
  const message = messageOf(outcome);
  const session = sessionOf(request, credentialID);
  return {
    schema: "hoop.dev/admission/v3",
    kind: "admission",
    time: micros(now),
    request: request.uid,
    ...(session === undefined ? {} : { session }),
    effect: mayTakeEffect(request, outcome) ? "open" : "none",
    ...objectOf(request),
    caller,
    agent: {
      ...{ username, groups: [...groups] },
      ...(credentialID === undefined ? {} : { credentialID }),
    },
    ...(request.session === undefined ? {} : { actingAs: request.userInfo.username }),
    operation: request.operation,
    target: targetOf(request),
    ...(request.through === undefined ? {} : { through: request.through }),
    dryRun: request.dryRun,
    ...("asked" in outcome ? { digest: outcome.asked.digest } : {}),
    verdict: verdict.kind === "not-applicable" ? "allow" : verdict.kind,
    rules: rulesOf(verdict),
    ...("observed" in verdict && verdict.observed.length > 0 ? { observed: [...verdict.observed] } : {}),
    answer: ANSWERS[outcome.kind],
    ...(message === undefined ? {} : { message }),
    ...("approval" in outcome
      ? {
          approval: {
            namespace: outcome.approval.metadata.namespace,
            name: outcome.approval.metadata.name,
            use: outcome.kind,
          },
        }
      : {}),
  };
}

/** NAMESPACE/NAME; what is done directly belongs together by its credential. */
function sessionOf({ session }: AdmissionRequest, credentialID: string | undefined): string | undefined {
  if (session !== undefined) return `${session.namespace}/${session.name}`;
  return credentialID === undefined ? undefined : implicitSession(credentialID);
}

/** Whether something may come of it that is told later. */
function mayTakeEffect({ dryRun }: AdmissionRequest, { kind }: Exclude<Outcome, { kind: "gone" }>): boolean {
  return ANSWERS[kind] === "allowed" && !dryRun;
}

/** By what its effect will be known. A name is told where the target has none, because the server makes it. */
function objectOf(request: AdmissionRequest): Pick<AdmissionEntry, "object"> {
  const after = member(request.object ?? {}, "metadata");
  const before = member(request.oldObject ?? {}, "metadata");
  const isCreated = request.operation === "CREATE" && request.subresource === "";
  const told = {
    name: isCreated && text(after, "generateName") !== "" ? text(after, "name") : "",
    uid: isCreated ? text(after, "uid") : "",
    resourceVersion: text(before, "resourceVersion"),
  };
  const object = Object.fromEntries(Object.entries(told).filter(([, value]) => value !== ""));
  return Object.keys(object).length === 0 ? {} : { object };
}

/** Of a verdict that could not be told, the rules that failed. */
function rulesOf(verdict: Verdict): AdmissionEntry["rules"] {
  switch (verdict.kind) {
    case "hold":
    case "deny":
      return verdict.rules;
    case "could-not-tell":
      return [...(verdict.failed ?? [])];
    default:
      return [];
  }
}

const ANSWERS: Record<Exclude<Outcome, { kind: "gone" }>["kind"], AdmissionEntry["answer"]> = {
  "not-applicable": "allowed",
  allow: "allowed",
  "dry-run": "allowed",
  spent: "allowed",
  "re-entered": "allowed",
  deny: "denied",
  refused: "denied",
  "could-not-tell": "denied",
  waiting: "held",
};

function messageOf(outcome: Outcome): string | undefined {
  if ("message" in outcome) return outcome.message;
  if ("why" in outcome) return outcome.why;
  return "warning" in outcome ? outcome.warning : undefined;
}

/** What the request carried, masked. An update as its changes, anything else as it came. */
function payloadOf(request: AdmissionRequest): JsonObject {
  const object = request.object === null ? null : maskObject(request.object);
  if (request.operation === "UPDATE" && object !== null && request.oldObject !== null)
    return { changes: changesBetween(maskObject(request.oldObject), object) as unknown as Json };
  return {
    ...(object === null ? {} : { object }),
    ...(request.options === null || request.operation === "CREATE" ? {} : { options: request.options }),
  };
}

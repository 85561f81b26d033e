/** The only file that knows what reviews look like on their way back. */
import type { Answer } from "#core/answer.ts";
import type { AccessVerdict } from "#core/authorize.ts";
import type { Written } from "#core/policy/check-written.ts";
import type { PatchOperation } from "#core/stamp.ts";

export function admissionReview(uid: string, answer: Answer): object {
  const { approval, record } = answer;
  const annotations = {
    ...(approval === undefined ? {} : { approval }),
    ...(record === undefined ? {} : { record: String(record) }),
    // A call that met a conflict is admitted again, maybe by another approval, and of each key the API server keeps the
    // first value: so that every admission is in the audit log, each has a key of its own.
    ...(record === undefined ? {} : { [`record-${record}`]: approval ?? "" }),
  };
  return envelope({
    uid,
    allowed: answer.allowed,
    ...(answer.refusal === undefined ? {} : { status: failure(answer.refusal) }),
    ...(answer.warnings.length === 0 ? {} : { warnings: answer.warnings }),
    ...(Object.keys(annotations).length === 0 ? {} : { auditAnnotations: annotations }),
  });
}

/** As the API server itself refuses what is invalid, so that kubectl names each field. */
export function writtenReview(uid: string, { what, refusals, warnings }: Written): object {
  const told = warnings.length === 0 ? {} : { warnings };
  if (refusals.length === 0) return envelope({ uid, allowed: true, ...told });
  const status = {
    ...{ kind: "Status", apiVersion: "v1", status: "Failure", code: 422, reason: "Invalid" },
    message: refusals.map(({ field, message }) => `${field}: ${message}`).join("; "),
    details: {
      ...what,
      causes: refusals.map((cause) => ({ reason: "FieldValueInvalid", ...cause })),
    },
  };
  return envelope({ uid, allowed: false, status, ...told });
}

/** A mutation never refuses: judging is the validating webhook's, which sees the final object. */
export function mutationReview(uid: string, patch: readonly PatchOperation[]): object {
  if (patch.length === 0) return envelope({ uid, allowed: true });
  const encoded = Buffer.from(JSON.stringify(patch)).toString("base64");
  return envelope({ uid, allowed: true, patchType: "JSONPatch", patch: encoded });
}

/** A denial that could not be judged: could-not-tell denies, and says so. */
export function failedReview(uid: string, message: string): object {
  return admissionReview(uid, {
    allowed: false,
    refusal: { code: 500, reason: "InternalError", message },
    warnings: [],
  });
}

export function accessReview(verdict: AccessVerdict): object {
  const status =
    verdict.kind === "denied"
      ? { allowed: false, denied: true, reason: verdict.reason }
      : { allowed: false, denied: false };
  return { apiVersion: "authorization.k8s.io/v1", kind: "SubjectAccessReview", status };
}

function envelope(response: object): object {
  return { apiVersion: "admission.k8s.io/v1", kind: "AdmissionReview", response };
}

/** kube-apiserver hands code, reason and details on to the client; retryAfterSeconds becomes `Retry-After`. */
function failure({ retryAfterSeconds, ...refusal }: NonNullable<Answer["refusal"]>): object {
  return {
    kind: "Status",
    apiVersion: "v1",
    status: "Failure",
    ...refusal,
    ...(retryAfterSeconds === undefined ? {} : { details: { retryAfterSeconds } }),
  };
}

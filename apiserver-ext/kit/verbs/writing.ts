/** What the verbs that write share: how they answer, and the loop around compare-and-swap. */
import { setTimeout as delay } from "node:timers/promises";
import { append } from "../append.ts";
import type { Answer } from "../encode.ts";
import { type Context, isSame } from "../lifecycle.ts";
import { type Form, type Media, negotiateForm } from "../negotiate.ts";
import { type Presented, type Presenter, presenter } from "../present.ts";
import { type IncludeObject, includeObject, representObject } from "../represent.ts";
import { header } from "../request.ts";
import type { KubeObject, Stored, WriteContext, Writer } from "../resource.ts";
import { writerOf } from "../resource.ts";
import { forbiddenObject, methodNotSupported, notFound, StatusError, statusOf } from "../status.ts";
import { warningHeaders } from "../warnings.ts";
import type { Call } from "./call.ts";

/** How the caller wants an object. */
export interface Shape {
  form: Form;
  include: IncludeObject;
  media: Media;
}

const FORMS = ["object", "Table", "PartialObjectMetadata", "PartialObjectMetadataList"] as const;

/** @throws {StatusError} NotAcceptable, before anything is written. */
export function shapeOf<T extends KubeObject>({ request, info }: Call<T>): Shape {
  const { form, media } = negotiateForm(request, info, FORMS);
  return { form, media, include: includeObject(info.query, form) };
}

export function shown<T extends KubeObject>(
  call: Call<T>,
  shape: Shape,
  code: number,
  object: Presented<T>,
): Answer {
  const body = representObject(call.definition, shape.form, shape.include, object);
  return { code, body, media: shape.media };
}

export type Warn = WriteContext["warn"];

/** Warnings reach the client with an error as well. */
export async function withWarnings(run: (warn: Warn) => Promise<Answer>): Promise<Answer> {
  const warnings: string[] = [];
  const answer = await run((texts) => append(warnings, texts)).catch((error: unknown) => {
    if (warnings.length === 0 || !(error instanceof StatusError)) throw error;
    return refusal(error);
  });
  const lines = warningHeaders(warnings);
  return lines.length === 0 ? answer : { ...answer, headers: { ...answer.headers, Warning: lines } };
}

function refusal(error: StatusError): Answer {
  const body = statusOf(error);
  const retryAfter = error.details?.retryAfterSeconds;
  return {
    code: body.code,
    body,
    ...(retryAfter === undefined ? {} : { headers: { "Retry-After": String(retryAfter) } }),
  };
}

export function contextOf<T extends KubeObject>({ definition, served, caller }: Call<T>): Context<T> {
  return { definition, rules: served.rules, caller };
}

/** What the storage is told of a write beside the object. */
export function writeContext<T extends KubeObject>(
  { caller, request, signal, deadline }: Call<T>,
  { dryRun, fieldManager }: Pick<WriteContext, "dryRun" | "fieldManager">,
  warn: Warn,
): WriteContext {
  return { caller, dryRun, fieldManager, signal, deadline, warn, auditID: header(request, "audit-id") };
}

/** @throws {StatusError} MethodNotAllowed where there is nothing to write to. */
export function writer<T extends KubeObject>({ definition, info }: Call<T>): Writer<T> {
  const found = writerOf(definition);
  if (!found) throw methodNotSupported(definition, info.verb);
  return found;
}

/** @throws {StatusError} Forbidden: nobody makes an object, or makes it such, that he could not see it then. */
export function seen<T extends KubeObject>(
  { definition }: Call<T>,
  present: Presenter<T>,
  object: T,
): Presented<T> {
  const found = present(object);
  if (!found) throw forbiddenObject(definition, object.metadata.name, "you could not see it then");
  return found;
}

/** What an attempt makes of the object as it is now. */
export type Step<T> =
  | { step: "replace"; object: T }
  /** The object goes; `object` is its last state. */
  | { step: "remove"; object: T };

export interface Change<T> {
  outcome: "unchanged" | "replaced" | "removed";
  object: T;
}

/** Whoever is overtaken so often may be asking a backend that always says so. */
const EAGER_TRIES = 4;
/** Milliseconds. */
const LONGEST_PAUSE = 500;

/**
 * Decides on the newest state and writes; where somebody else was faster, again. `attempt` gets the object and what the
 * caller sees of it, and throws to refuse.
 * @throws {StatusError} NotFound where there is none that the caller sees; Timeout.
 */
export async function changeStored<T extends KubeObject>(
  call: Call<T>,
  name: string,
  write: WriteContext,
  attempt: (old: T, seen: Presented<T>) => Step<T>,
): Promise<Change<T>> {
  const { definition, caller, info, signal } = call;
  const [storage, present] = [writer(call), presenter(definition, caller)];
  for (let tries = 0; !signal.aborted; tries++) {
    if (tries >= EAGER_TRIES) await delay(Math.min(2 ** tries, LONGEST_PAUSE));
    const old = await definition.storage.get(info.namespace, name, { kind: "latest" });
    const visible = old && present(old);
    if (!old || !visible) throw notFound(definition, name);
    const { step, object } = attempt(old, visible);
    if (step === "replace" && isSame(object, old)) return { outcome: "unchanged", object: old };
    const result = await storage[step](object, old.metadata.resourceVersion ?? "", write);
    if (result.outcome === "stored") return changed(step, object, result);
  }
  throw new StatusError(
    "Timeout",
    "the request could not be completed in time: others were changing the object",
  );
}

function changed<T>(step: Step<T>["step"], object: T, result: Stored<T>): Change<T> {
  return step === "remove" ? { outcome: "removed", object } : { outcome: "replaced", object: result.object };
}

/** What an approval is bound to: the digest of one request's content, and of the ground it stands on. */
import { createHmac } from "node:crypto";
import {
  type AdmissionRequest,
  type Json,
  type JsonObject,
  member,
  targetNamespace,
  text,
} from "./admission.ts";
import { canonical } from "./canonical.ts";
import { type Change, changesBetween } from "./digest/changes.ts";
import { type Pattern, parsePattern, without } from "./digest/paths.ts";
import { bound, type Referred } from "./digest/refers-to.ts";
import { reliedOn } from "./digest/relied-on.ts";
import { isNameGenerated, withoutServerFilled } from "./digest/server-filled.ts";

/** Whose request it is. */
export interface Subject {
  username: string;
  /** The uid of the session the request belongs to. */
  session?: string;
}

/** HMAC-SHA-256 under the installation's key, hex: nobody who reads a digest can try out what was in the request. */
export interface Asked {
  /** What is asked, with all that an approver relies on: an approval holds for exactly this. */
  digest: string;
  /** What the agent wants. The same intent with another digest: the same wish, but its ground has changed. */
  intent: string;
}

export interface DigestOptions {
  /** The installation's key. */
  key?: string;
  /** The uid of the object that the request goes to where the request itself does not say, "" for none. */
  connectUid?: string;
  /** What it refers to, as it is now. */
  refersTo?: readonly Referred[];
  /** The only ports that may be forwarded. */
  forwarded?: readonly number[];
  /** Dotted paths (`*` for every member or item, `\.` for a dot in a name) that are left out, from new and old object. */
  volatilePaths?: readonly string[];
}

/** Raised whenever the digest of a request comes out differently: approvals of older versions then do not apply. */
const VERSION = 1;

/** The part of a request that both digests, or only the full one, are about. */
interface Content {
  wish: Json;
  ground: Json;
}

/**
 * The digests of a request: who asks, which operation, on which resource, and the content. The request's uid,
 * its credential, `dryRun` and the writer's own options (fieldManager, force: their effect is in the object)
 * are no part of it. The same request asked again has the same digests, however the server fills it in.
 */
export function digestOf(request: AdmissionRequest, subject: Subject, options: DigestOptions = {}): Asked {
  const { wish, ground } = contentOf(request, (options.volatilePaths ?? []).map(parsePattern));
  const asked: JsonObject = {
    version: VERSION,
    subject: { username: subject.username, session: subject.session ?? null },
    operation: request.operation,
    resource: { ...request.resource },
    subresource: request.subresource,
    namespace: targetNamespace(request),
    name: nameOf(request),
    wish,
  };
  const { connectUid = "", refersTo = [], forwarded } = options;
  const stands = {
    ...{ on: ground, connectUid },
    ...(refersTo.length === 0 ? {} : { refersTo: bound(refersTo) }),
    ...(forwarded === undefined ? {} : { forwarded: [...forwarded] }),
  };
  const hash = (value: JsonObject) =>
    createHmac("sha256", options.key ?? "")
      .update(canonical(value))
      .digest("hex");
  return { intent: hash({ intent: asked }), digest: hash({ asked, stands }) };
}

// The items of a deletecollection have no request.name.
function nameOf(request: AdmissionRequest): string {
  if (isNameGenerated(request)) return "";
  return request.name || text(member(request.oldObject ?? {}, "metadata"), "name");
}

function contentOf(request: AdmissionRequest, volatile: readonly Pattern[]): Content {
  const stable = (object: JsonObject | null) =>
    volatile.reduce(without, withoutServerFilled(object ?? {}, request));
  switch (request.operation) {
    case "CREATE":
      return { wish: stable(request.object), ground: null };
    case "UPDATE":
      return updateContent(request, stable(request.oldObject), stable(request.object));
    case "DELETE":
      return {
        wish: without(request.options ?? {}, ["dryRun"]),
        ground: { uid: text(member(request.oldObject ?? {}, "metadata"), "uid") },
      };
    // kube-apiserver sends the options of a CONNECT as its object.
    case "CONNECT":
      return { wish: [request.object, request.options], ground: null };
    default:
      return request.operation satisfies never;
  }
}

function updateContent(request: AdmissionRequest, before: JsonObject, after: JsonObject): Content {
  const changes = changesBetween(before, after);
  return {
    wish: changes.map(({ path, after: value }) => ({ path: [...path], ...present("after", value) })),
    ground: {
      uid: text(member(request.oldObject ?? {}, "metadata"), "uid"),
      before: changes.map(({ before: value }) => present("before", value)),
      relied: reliedOn(request, before, changes),
    },
  };
}

function present(name: string, value: Change["before"]): JsonObject {
  return value === undefined ? {} : { [name]: value };
}

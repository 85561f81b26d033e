/** Versions and continue tokens of storages that number their revisions, as Kubernetes writes them. */
import type { ListRequest, VersionMatch } from "./resource.ts";
import { StatusError } from "./status.ts";
import type { Revision, Store } from "./storage.ts";

const LARGEST = 2n ** 64n - 1n;

/** What is wrong with the text of a version, in the words of Kubernetes; undefined: nothing. */
function versionFault(text: string): string | undefined {
  const fault = !/^\d+$/.test(text) ? "invalid syntax" : BigInt(text) > LARGEST ? "value out of range" : "";
  const quoted = JSON.stringify(text);
  return fault && `Invalid value: ${quoted}: strconv.ParseUint: parsing ${quoted}: ${fault}`;
}

/**
 * A version as a number; one beyond all that can be counted is still larger than any revision.
 * @throws {StatusError} BadRequest for what is no version.
 */
export function parseVersion(text: string): Revision {
  const fault = versionFault(text);
  if (fault) throw new StatusError("BadRequest", `invalid resource version: resourceVersion: ${fault}`);
  return Number(text);
}

/** The client has seen a later state than this server; it may come back in a second. */
export function tooLarge(asked: Revision, current: Revision): StatusError {
  const message = `Timeout: Too large resource version: ${BigInt(asked)}, current: ${current}`;
  return new StatusError("Timeout", message, {
    causes: [{ reason: "ResourceVersionTooLarge", message: "Too large resource version" }],
    retryAfterSeconds: 1,
  });
}

/**
 * The revision of the store, which has come as far as the caller asks.
 * @throws {StatusError} Timeout, ResourceVersionTooLarge where it has not.
 */
export async function reached(store: Store, version: VersionMatch): Promise<Revision> {
  const revision = await store.revision();
  const asked = version.kind === "latest" || version.kind === "any" ? 0 : parseVersion(version.version);
  if (revision < asked) throw tooLarge(asked, revision);
  return revision;
}

/** A list goes on after `start`, a key relative to what the list is of; `revision` undefined: in the newest state. */
export interface Token {
  revision: Revision | undefined;
  start: string;
}

const TOKEN_VERSION = "meta.k8s.io/v1";
/** Tells a token that deliberately goes on in the newest state from one without a revision. */
const NEWEST = -1;

export function encodeToken({ revision = NEWEST, start }: Token): string {
  // The least key after `start`.
  const text = JSON.stringify({ v: TOKEN_VERSION, rv: revision, start: `${start}\u0000` });
  return Buffer.from(text).toString("base64url");
}

/**
 * The token of a request, if it has one.
 * @throws {StatusError} BadRequest for what this server would not have written, and for a version beside it.
 */
export function tokenOf({
  continue: text,
  version,
}: Pick<ListRequest<never>, "continue" | "version">): Token | undefined {
  if (text === undefined) return undefined;
  const token = decodeToken(text);
  if (version.kind === "latest" || version.kind === "any") return token;
  throw new StatusError("BadRequest", "specifying resource version is not allowed when using continue");
}

function decodeToken(text: string): Token {
  const token = jsonOf(text);
  if (typeof token !== "object" || token === null) throw badToken("");
  const { v = "", rv = 0, start = "" } = token as Record<string, unknown>;
  if (v !== TOKEN_VERSION) {
    throw badToken(`: server does not recognize this encoded version ${typeof v === "string" ? v : ""}`);
  }
  if (!Number.isSafeInteger(rv) || rv === 0)
    throw badToken(`: incorrect encoded start resourceVersion ${OF_VERSION}`);
  if (typeof start !== "string" || start === "") throw badToken(`: encoded start key empty ${OF_VERSION}`);
  // Before its last character the start is a key, which may begin with a slash.
  const key = (start.endsWith("\u0000") ? start.slice(0, -1) : start).replace(/^\//, "");
  const isKey = key
    .split("/")
    .every((part) => /^[A-Za-z0-9._:-]+$/.test(part) && part !== "." && part !== "..");
  if (!isKey) throw badToken(`: ${start}`);
  return { revision: Number(rv) > 0 ? Number(rv) : undefined, start: key };
}

const OF_VERSION = `(version ${TOKEN_VERSION})`;

function jsonOf(text: string): unknown {
  const odd = text.search(/[^A-Za-z0-9_-]/);
  // A last letter by itself holds less than a byte.
  const wrong = odd < 0 && text.length % 4 === 1 ? text.length - 1 : odd;
  if (wrong >= 0) throw badToken(`: illegal base64 data at input byte ${wrong}`);
  const json = Buffer.from(text, "base64url").toString();
  try {
    return JSON.parse(json);
  } catch {
    const [first = ""] = json.trimStart();
    throw badToken(
      /[[{"\-0-9tfn]/.test(first) || first === ""
        ? ""
        : `: invalid character '${first}' looking for beginning of value`,
    );
  }
}

function badToken(why: string): StatusError {
  return new StatusError("BadRequest", `invalid continue token: continue key is not valid${why}`);
}

/** The list of that moment cannot be told any more. */
export function expiredList(): StatusError {
  return new StatusError("Expired", "The resourceVersion for the provided list is too old.");
}

/** The same while paging: the token in the answer goes on in the newest state, where the client can live with that. */
export function expiredToken(start: string): StatusError {
  const message =
    "The provided continue parameter is too old to display a consistent list result. You can start a new list " +
    "without the continue parameter, or use the continue token in this response to retrieve the remainder of the " +
    "results. Continuing with the provided token results in an inconsistent list - objects that were created, " +
    "modified, or deleted between the time the first chunk was returned and now may show up in the list.";
  return new StatusError("Expired", message, undefined, {
    continue: encodeToken({ revision: undefined, start }),
  });
}

/** The history that a watch wants to go on from is gone: list anew. */
export function expiredWatch(since: Revision, oldest: Revision): StatusError {
  return new StatusError("Expired", `too old resource version: ${since} (${oldest})`);
}

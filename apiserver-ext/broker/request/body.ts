/** The body of a request: read as a whole, and refused where it would overwrite or show what is masked. */
import { isObject, type JsonObject, text } from "#core/admission.ts";
import { parseJson } from "#core/json.ts";
import { MASKED_MARKS } from "#core/mask.ts";
import { StatusError } from "#kit/status.ts";
import type { BrokerCall } from "../call.ts";
import type { BrokerState } from "../ports.ts";
import type { Share } from "../room.ts";
import { type SecureBody, securedBody } from "../secrets/secrets.ts";

/** Bytes of a body, as kube-apiserver's own limit. */
const LARGEST = 3 * 1024 * 1024;
/** In milliseconds. Who takes longer to send a body is broken off. */
const SLOWEST = 60_000;

export interface RequestBody {
  /** As it came. */
  bytes: Buffer;
  /** In lower case, without parameters; "" where it is not said. */
  mediaType: string;
  /** What is passed on in its place where it is written to Secrets. */
  secure: SecureBody | undefined;
}

/**
 * Undefined: none is to be passed on.
 * @throws {StatusError} for a body that is not taken, or cannot be read.
 */
export async function bodyOf(
  ports: Pick<BrokerState, "rooms">,
  call: BrokerCall,
): Promise<RequestBody | undefined> {
  const { connection, inner } = call;
  if (inner.method === "GET" || inner.method === "HEAD") return undefined;
  if (sentAs(connection, "content-encoding", "identity") !== "identity")
    throw new StatusError("UnsupportedMediaType", "what is compressed cannot be recorded");
  if (Number(sentAs(connection, "content-length", "0")) > LARGEST) throw tooLarge();
  const bytes = await whole(call, roomFor(ports, call));
  const mediaType = sentAs(connection, "content-type", "").split(";")[0]?.trim() ?? "";
  if (inner.secrets) return { bytes, mediaType, secure: securedBody(mediaType, bytes) };
  checkBody(bytes, mediaType);
  return { bytes, mediaType, secure: undefined };
}

function sentAs({ headers }: Pick<BrokerCall["connection"], "headers">, name: string, none: string): string {
  return headers.find(([found]) => found === name)?.[1].toLowerCase() ?? none;
}

/** Until the request is answered or its client has gone. */
function roomFor({ rooms }: Pick<BrokerState, "rooms">, { session, connection }: BrokerCall): Share {
  const share = rooms.sent.share(session.status.subject.username);
  connection.response.once("close", share.leave);
  return share;
}

async function whole({ connection: { request }, signal }: BrokerCall, { take }: Share): Promise<Buffer> {
  const late = AbortSignal.any([signal, AbortSignal.timeout(SLOWEST)]);
  const chunks: Buffer[] = [];
  let size = 0;
  const stop = () => request.destroy(new Error("the body did not come"));
  late.addEventListener("abort", stop, { once: true });
  try {
    for await (const chunk of request as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > LARGEST) throw tooLarge();
      take(chunk.length);
      chunks.push(chunk);
    }
  } finally {
    late.removeEventListener("abort", stop);
  }
  return Buffer.concat(chunks);
}

function tooLarge(): StatusError {
  return new StatusError("RequestEntityTooLarge", `Request entity too large: limit is ${LARGEST}`);
}

const MOVES: ReadonlySet<string> = new Set(["copy", "move"]);
/** The name of a list's item, or one argument of a command: a value is masked by the name beside it, or by the flag before it. */
const NAMES_A_VALUE = /\/[+-]?\d+\/name$|\/(?:args|command)\/[+-]?\d+$/i;

/** @throws {StatusError} Invalid. */
function checkBody(body: Buffer, mediaType: string): void {
  // A mask that is sent back would overwrite the value that it stands for.
  if (MASKED_MARKS.some((mark) => body.includes(mark)))
    throw refused(
      "it holds what a session shows in place of a value ([masked: …]), and would overwrite the value: " +
        "leave that out, by a patch of the rest",
    );
  if (mediaType !== "application/json-patch+json") return;
  for (const { ops, paths } of operationsIn(body)) {
    if (ops.some((op) => MOVES.has(op)))
      throw refused("a patch that copies or moves could show what is masked: say the value in full");
    if (!ops.every((op) => op === "test") && paths.some((path) => NAMES_A_VALUE.test(path)))
      throw refused(
        "a patch of one argument, or of a name in a list, could show what is masked: say the list or the item in full",
      );
  }
}

interface Operation {
  ops: string[];
  paths: string[];
}

/** The operations of a JSON Patch. The API server takes the names of their members in upper and lower case, and so do we. */
function operationsIn(body: Buffer): Operation[] {
  try {
    const operations = parseJson(body.toString());
    return (Array.isArray(operations) ? operations : []).flatMap((one) =>
      isObject(one) ? [{ ops: membersOf(one, "op"), paths: membersOf(one, "path") }] : [],
    );
  } catch {
    // The API server might still be able to read it, and so do something that was not checked.
    throw refused("the patch cannot be read");
  }
}

function membersOf(object: JsonObject, member: string): string[] {
  return Object.keys(object)
    .filter((name) => name.toLowerCase() === member)
    .map((name) => text(object, name));
}

function refused(why: string): StatusError {
  return new StatusError("Invalid", `refused by the session: ${why}`);
}

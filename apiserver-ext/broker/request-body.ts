/** The body of a request: read as a whole, and refused where it would overwrite or show what is masked. */
import { isObject, type JsonObject, text } from "#core/admission.ts";
import { parseJson } from "#core/json.ts";
import { MASKED_MARKS } from "#core/mask.ts";
import { StatusError } from "#kit/status.ts";
import type { BrokerCall } from "./call.ts";
import type { BrokerState } from "./ports.ts";

/** As kube-apiserver's own. */
const LARGEST = 3 * 1024 * 1024;
/** A body that takes longer (milliseconds) is none. */
const SLOWEST = 60_000;

/** Undefined: none is to be passed on. */
export async function bodyOf(
  ports: Pick<BrokerState, "bodies">,
  call: BrokerCall,
): Promise<Buffer | undefined> {
  const { connection, inner } = call;
  if (inner.method === "GET" || inner.method === "HEAD") return undefined;
  if (sentAs(connection, "content-encoding", "identity") !== "identity")
    throw new StatusError("UnsupportedMediaType", "what is compressed cannot be recorded");
  if (Number(sentAs(connection, "content-length", "0")) > LARGEST) throw tooLarge();
  const body = await whole(call, roomFor(ports, call));
  if (!inner.secrets) checkBody(body, mediaTypeOf(connection));
  return body;
}

/** In lower case, without parameters; "" where it is not said. */
export function mediaTypeOf(connection: Pick<BrokerCall["connection"], "headers">): string {
  return sentAs(connection, "content-type", "").split(";")[0]?.trim() ?? "";
}

function sentAs({ headers }: Pick<BrokerCall["connection"], "headers">, name: string, none: string): string {
  return headers.find(([found]) => found === name)?.[1].toLowerCase() ?? none;
}

/** Until the request is answered, or its client has gone. */
function roomFor({ bodies }: Pick<BrokerState, "bodies">, call: BrokerCall): (bytes: number) => void {
  const { uid } = call.session.metadata;
  let taken = 0;
  let isOver = false;
  call.connection.response.once("close", () => {
    isOver = true;
    bodies.leave(uid, taken);
  });
  return (bytes) => {
    if (isOver || !bodies.take(uid, bytes))
      throw new StatusError(
        "TooManyRequests",
        "too much is sent through sessions at once; send less, or later",
        {
          retryAfterSeconds: 1,
        },
      );
    taken += bytes;
  };
}

async function whole(
  { connection: { request }, signal }: BrokerCall,
  take: (bytes: number) => void,
): Promise<Buffer> {
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
/** What is masked goes by the name beside it, or by the flag before it. Indices as the API server reads them. */
const NAMES_A_VALUE = /\/[+-]?\d+\/name$|\/(?:args|command)\/[+-]?\d+$/i;

/** @throws {StatusError} Invalid. */
function checkBody(body: Buffer, mediaType: string): void {
  // Whoever sends back what he was shown would overwrite what it stands for.
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

/** Of a JSON patch, as the API server reads it: names of members in any case. */
function operationsIn(body: Buffer): Operation[] {
  try {
    const operations = parseJson(body.toString());
    return (Array.isArray(operations) ? operations : []).flatMap((one) =>
      isObject(one) ? [{ ops: membersOf(one, "op"), paths: membersOf(one, "path") }] : [],
    );
  } catch {
    // The API server may be able to.
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

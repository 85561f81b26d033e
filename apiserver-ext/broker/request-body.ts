/** The body of a request: read as a whole, and refused where it would overwrite or show what is masked. */
import { isObject, text } from "#core/admission.ts";
import { parseJson } from "#core/json.ts";
import { MASKED_MARKS } from "#core/mask.ts";
import { StatusError } from "#kit/status.ts";
import type { BrokerCall } from "./call.ts";

/** As kube-apiserver's own. */
const LARGEST = 3 * 1024 * 1024;
/** A body that takes longer (milliseconds) is none. */
const SLOWEST = 60_000;

/** Undefined: none is to be passed on. */
export async function bodyOf(call: BrokerCall): Promise<Buffer | undefined> {
  const { connection, inner } = call;
  if (inner.method === "GET" || inner.method === "HEAD") return undefined;
  if (sentAs(connection, "content-encoding", "identity") !== "identity")
    throw new StatusError("UnsupportedMediaType", "what is compressed cannot be recorded");
  if (Number(sentAs(connection, "content-length", "0")) > LARGEST) throw tooLarge();
  const body = await whole(call);
  if (!inner.secrets) checkBody(body, mediaTypeOf(connection));
  return body;
}

/** In lower case, without parameters; "" where it is not said. */
function mediaTypeOf(connection: Pick<BrokerCall["connection"], "headers">): string {
  return sentAs(connection, "content-type", "").split(";")[0]?.trim() ?? "";
}

function sentAs({ headers }: Pick<BrokerCall["connection"], "headers">, name: string, none: string): string {
  return headers.find(([found]) => found === name)?.[1].toLowerCase() ?? none;
}

async function whole({ connection: { request }, signal }: BrokerCall): Promise<Buffer> {
  const late = AbortSignal.any([signal, AbortSignal.timeout(SLOWEST)]);
  const chunks: Buffer[] = [];
  let size = 0;
  const stop = () => request.destroy(new Error("the body did not come"));
  late.addEventListener("abort", stop, { once: true });
  try {
    for await (const chunk of request as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > LARGEST) throw tooLarge();
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

/** @throws {StatusError} Invalid. */
function checkBody(body: Buffer, mediaType: string): void {
  // Whoever sends back what he was shown would overwrite what it stands for.
  if (MASKED_MARKS.some((mark) => body.includes(mark)))
    throw refused(
      "it holds what a session shows in place of a value ([masked: …]), and would overwrite the value: " +
        "leave that out, by a patch of the rest",
    );
  if (mediaType === "application/json-patch+json" && operationsIn(body).some((op) => MOVES.has(op)))
    throw refused("a patch that copies or moves could show what is masked: say the value in full");
}

/** Of a JSON patch, as the API server reads it: names of members in any case. */
function operationsIn(body: Buffer): string[] {
  try {
    const operations = parseJson(body.toString());
    return (Array.isArray(operations) ? operations : []).flatMap((one) =>
      isObject(one)
        ? Object.keys(one)
            .filter((name) => name.toLowerCase() === "op")
            .map((name) => text(one, name))
        : [],
    );
  } catch {
    // The API server may be able to.
    throw refused("the patch cannot be read");
  }
}

function refused(why: string): StatusError {
  return new StatusError("Invalid", `refused by the session: ${why}`);
}

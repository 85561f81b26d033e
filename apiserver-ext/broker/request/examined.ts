/** What a request says, looked through for values of Secrets before it is passed on. */
import { knownValues, valuesFound } from "#core/mask/values.ts";
import { StatusError } from "#kit/status.ts";
import type { BrokerCall } from "../call.ts";
import type { BrokerState } from "../ports.ts";
import { valueOfYaml } from "../yaml-body.ts";
import type { RequestBody } from "./body.ts";

const NOTHING = knownValues([]);

/**
 * Tells the record what is sent, and counts the values of Secrets in it against its agent.
 * @throws {StatusError} TooManyRequests for an agent that tries one value after the other, BadRequest.
 */
export async function examined(
  { guesses }: BrokerState,
  call: BrokerCall,
  body: RequestBody | undefined,
): Promise<void> {
  const { inner, record, session } = call;
  if (inner.way === "document") return record.sent({ body: undefined, known: NOTHING, knownValues: 0 });
  const { known } = await call.masks();
  const values = valuesFound(known, Buffer.concat([askedFor(call), ...repeatable(body)]));
  // What is written to Secrets is recorded as secure-secrets judges it: sealed.
  record.sent({ body: inner.secrets ? undefined : body?.bytes, known, knownValues: values.size });
  const seconds = guesses.count(session.status.subject.username, values);
  if (seconds === 0) return;
  const why = "it holds values of Secrets, and you have sent others before: wait until you send it";
  throw new StatusError("TooManyRequests", why, { retryAfterSeconds: seconds });
}

/** What an answer may repeat: names, selectors, the words of a command; and the client's name, as that of a field manager. */
function askedFor({ inner, connection }: BrokerCall): Buffer {
  const { path, query } = inner.info;
  const clients = connection.headers.filter(([name]) => name === "user-agent").map(([, value]) => value);
  return Buffer.from([...path.split("/"), ...query.values(), ...clients, ""].join("\n"));
}

/** The same of a body. YAML can write a value in many ways: it is looked at as it is read, too. */
function repeatable(body: RequestBody | undefined): Buffer[] {
  if (body === undefined || body.bytes.length === 0) return [];
  const { bytes, mediaType, secure } = body;
  if (secure !== undefined) return [secure.repeatable];
  return mediaType.endsWith("yaml") ? [bytes, Buffer.from(JSON.stringify(valueOfYaml(bytes)))] : [bytes];
}

/** What is sent, for its record; and how many values of Secrets one agent may send. */
import { knownValues, valuesFound } from "#core/mask/values.ts";
import { StatusError } from "#kit/status.ts";
import type { BrokerCall } from "./call.ts";
import type { BrokerState } from "./ports.ts";

const NOTHING = knownValues([]);

/** @throws {StatusError} TooManyRequests for whoever tries one value after the other. */
export async function examined(
  { guesses }: BrokerState,
  call: BrokerCall,
  body: Buffer | undefined,
): Promise<void> {
  const { inner, record, session } = call;
  // What is written to Secrets is counted and recorded as secure-secrets judges it: sealed.
  if (inner.secrets || inner.way === "document")
    return record.sent({ body: undefined, known: NOTHING, knownValues: 0 });
  const { known } = await call.masks();
  const values = valuesFound(known, Buffer.concat([askedFor(call), body ?? Buffer.alloc(0)]));
  record.sent({ body, known, knownValues: values.size });
  const seconds = guesses.count(session.status.subject.username, values);
  if (seconds === 0) return;
  const why = "it holds values of Secrets, and you have sent others before: wait until you send it";
  throw new StatusError("TooManyRequests", why, { retryAfterSeconds: seconds });
}

/** What an answer may repeat: names, selectors, the words of a command. */
function askedFor({ inner }: BrokerCall): Buffer {
  const { path, query } = inner.info;
  return Buffer.from([...path.split("/"), ...query.values(), ""].join("\n"));
}

/** What is sent, for its record; and how many values of Secrets one agent may send. */
import { parseJson } from "#core/json.ts";
import { knownValues, valuesFound } from "#core/mask/values.ts";
import { StatusError } from "#kit/status.ts";
import { readYaml, YAML_LIMIT } from "#kit/yaml.ts";
import type { BrokerCall } from "./call.ts";
import type { BrokerState } from "./ports.ts";
import { mediaTypeOf } from "./request-body.ts";
import { besideValues } from "./secrets.ts";

const NOTHING = knownValues([]);

/** @throws {StatusError} TooManyRequests for whoever tries one value after the other. */
export async function examined(
  { guesses }: BrokerState,
  call: BrokerCall,
  body: Buffer | undefined,
): Promise<void> {
  const { inner, record, session } = call;
  if (inner.way === "document") return record.sent({ body: undefined, known: NOTHING, knownValues: 0 });
  const { known } = await call.masks();
  const values = valuesFound(known, Buffer.concat([askedFor(call), ...repeated(call, body)]));
  // What is written to Secrets is recorded as secure-secrets judges it: sealed.
  record.sent({ body: inner.secrets ? undefined : body, known, knownValues: values.size });
  const seconds = guesses.count(session.status.subject.username, values);
  if (seconds === 0) return;
  const why = "it holds values of Secrets, and you have sent others before: wait until you send it";
  throw new StatusError("TooManyRequests", why, { retryAfterSeconds: seconds });
}

/** What an answer may repeat: names, selectors, the words of a command; its client's name, as that of a field manager. */
function askedFor({ inner, connection }: BrokerCall): Buffer {
  const { path, query } = inner.info;
  const clients = connection.headers.filter(([name]) => name === "user-agent").map(([, value]) => value);
  return Buffer.from([...path.split("/"), ...query.values(), ...clients, ""].join("\n"));
}

/** The same of a body: as it is, and in YAML, which may write anything otherwise, as it is read. */
function repeated({ inner, connection }: BrokerCall, body: Buffer | undefined): Buffer[] {
  if (body === undefined || body.length === 0) return [];
  const type = mediaTypeOf(connection);
  if (inner.secrets) return [besideValues(type, body)];
  return type.endsWith("yaml") ? [body, Buffer.from(JSON.stringify(yamlIn(body)))] : [body];
}

/** @throws {StatusError} BadRequest. */
function yamlIn(body: Buffer): unknown {
  const text = body.toString();
  try {
    // Most clients that say YAML send JSON.
    return parseJson(text);
  } catch {
    const reading = body.length > YAML_LIMIT ? undefined : readYaml(text, YAML_LIMIT);
    if (reading?.outcome === "read") return reading.value;
    throw new StatusError(
      "BadRequest",
      "the YAML of the request cannot be read by the session: send it as JSON",
    );
  }
}

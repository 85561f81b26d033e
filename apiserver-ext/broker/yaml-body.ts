import type { Json } from "#core/admission.ts";
import { parseJson } from "#core/json.ts";
import { StatusError } from "#kit/status.ts";
import { readYaml, YAML_LIMIT } from "#kit/yaml.ts";

/**
 * What a body holds that its client calls YAML. Most send JSON, which is YAML, too, and is read far faster.
 * @throws {StatusError} BadRequest.
 */
export function valueOfYaml(body: Buffer): Json {
  const text = body.toString();
  try {
    return parseJson(text);
  } catch {
    const reading = body.length > YAML_LIMIT ? undefined : readYaml(text, YAML_LIMIT);
    if (reading?.outcome === "read") return reading.value as Json;
    throw new StatusError(
      "BadRequest",
      "the YAML of the request cannot be read by the session: send it as JSON",
    );
  }
}

/**
 * How much a Secret may hold, by what its view tells. Where the API server counted to the byte, whoever adds until it is
 * too much would know how long the rest is.
 */
import { type JsonObject, member } from "../admission.ts";
import { mostOf } from "./placeholder.ts";
import { LAST_APPLIED, type Live, REPEATED, valuesOf } from "./view.ts";

/** MaxSecretSize and TotalAnnotationSizeLimitB of Kubernetes. */
const MOST_DATA = 1024 * 1024;
const MOST_ANNOTATIONS = 256 * 1024;
/** What is not shown of the annotations is rounded up to a multiple of this. */
const STEP = 64 * 1024;
/** Hoop's own stamps, whoever's name is in them. */
const STAMPS = 1024;
/** What an apply is tried with in place of a value is no longer than this. */
const LONGEST_STAND_IN = 128;
/**
 * All that is sent but for values: with the largest values and the largest annotations that are not shown, escaped, it
 * stays below the 3 MiB that the API server reads. Whether a request passes that would tell how long these are.
 */
const MOST_BESIDES = 1024 * 1024;
/** Each takes time, and nobody could read what becomes of so many. */
const MOST_KEYS = 10_000;

/** Whether it is more than goes into one request, whatever else the Secret holds. */
export function isBulky({ data = {}, stringData = {}, metadata, ...rest }: Bulk): boolean {
  const { managedFields: _, ...told } = metadata;
  const keys = [...Object.keys(data), ...Object.keys(stringData)];
  return keys.length > MOST_KEYS || Buffer.byteLength(JSON.stringify([told, rest, keys])) > MOST_BESIDES;
}

interface Bulk {
  metadata: JsonObject;
  type?: string;
  data?: Record<string, string>;
  stringData?: Record<string, string>;
}

export interface Weighed {
  /** Base64, as the Secret will have it; of a part, that part. */
  data: JsonObject;
  sent: ReadonlySet<string>;
  annotations: JsonObject;
  live: Live | undefined;
  isPart: boolean;
}

/** The field that is too large, with the rest of it rounded up. What only keeps values is not. */
export function oversized(weighed: Weighed): "data" | "metadata.annotations" | undefined {
  if (weighed.sent.size > 0 && bytesOfData(weighed) > MOST_DATA) return "data";
  return growsAnnotations(weighed) && bytesOfAnnotations(weighed) > MOST_ANNOTATIONS
    ? "metadata.annotations"
    : undefined;
}

function bytesOfData({ data, sent, live, isPart }: Weighed): number {
  const others = isPart && live ? valuesOf(live.secret).filter(([key]) => !Object.hasOwn(data, key)) : [];
  const lengths = [...valuesOf({ data }), ...others].map(([key, value]) => {
    const bytes = Buffer.byteLength(value, "base64");
    if (!sent.has(key)) return mostOf(bytes);
    return isPart ? Math.max(bytes, LONGEST_STAND_IN) : bytes;
  });
  return lengths.reduce((sum, length) => sum + length, 0);
}

function growsAnnotations({ annotations, live }: Weighed): boolean {
  const shown = member(live?.view.metadata, "annotations");
  return Object.entries(annotations).some(([name, value]) => shown[name] !== value);
}

function bytesOfAnnotations({ annotations, live, isPart }: Weighed): number {
  const shown = member(live?.view.metadata, "annotations");
  const real = member(member(live?.secret, "metadata"), "annotations");
  const isHidden = (name: string) => name === LAST_APPLIED || shown[name] === REPEATED;
  const hidden = Object.entries(real).filter(([name]) => isHidden(name));
  const seen = Object.entries(isPart ? { ...shown, ...annotations } : annotations).filter(
    ([name]) => !isHidden(name),
  );
  return STAMPS + bytesOf(seen) + Math.ceil(bytesOf(hidden) / STEP) * STEP;
}

function bytesOf(texts: readonly (readonly [string, unknown])[]): number {
  return texts.reduce((sum, [name, value]) => sum + Buffer.byteLength(`${name}${String(value)}`), 0);
}

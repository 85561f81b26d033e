/**
 * How much may be written to a Secret. This is not left to the API server, which counts every byte: an agent could add to the
 * Secret until that refuses it, and so learn how long the values are that it does not see. Here these are counted by the
 * rounded sizes that the view shows anyway.
 */
import { type JsonObject, member } from "../admission.ts";
import { mostOf } from "./placeholder.ts";
import { LAST_APPLIED, type Live, REPEATED, valuesOf } from "./view.ts";

/** Bytes: MaxSecretSize and TotalAnnotationSizeLimitB of Kubernetes. */
const MOST_DATA = 1024 * 1024;
const MOST_ANNOTATIONS = 256 * 1024;
/** Annotations that the view hides count as a multiple of this many bytes. */
const STEP = 64 * 1024;
/** Bytes for the annotations that Hoop itself sets, whatever names are in them. */
const STAMPS = 1024;
/** An apply is first tried with stand-ins for values, of at most so many bytes. */
const LONGEST_STAND_IN = 128;
/**
 * The most bytes that may be sent besides values. With the largest values and hidden annotations added, a request still stays
 * below the 3 MiB that the API server reads: whether it exceeds them must not depend on what the agent does not see.
 */
const MOST_BESIDES = 1024 * 1024;
/** Each key takes time to look through. */
const MOST_KEYS = 10_000;

/** Whether it is too much for one request, whatever else the Secret holds. */
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
  /** The values (base64) that the Secret will have; where only a part of it was sent, those of that part. */
  data: JsonObject;
  sent: ReadonlySet<string>;
  annotations: JsonObject;
  live: Live | undefined;
  isPart: boolean;
}

/** The field that would be too large; undefined: none. What only keeps the values that are there never is. */
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

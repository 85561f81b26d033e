/** What was shown, sent back changed: placeholders where they belong, elsewhere, cut, and in place of one another. */
import type { Chance } from "../crash/chance.ts";
import type { Call } from "../raw.ts";
import { type Aim, pick } from "./aim.ts";
import { APPLY, MERGE } from "./patches.ts";

/** An object with `data`, as it was shown. */
export interface Shown {
  metadata: { name: string; namespace: string; annotations?: Record<string, string> } & Record<
    string,
    unknown
  >;
  data: Record<string, string>;
  [field: string]: unknown;
}

type Edit = (object: Shown, key: string, chance: Chance, aim: Aim) => Shown;

const plain = (base64: string) => Buffer.from(base64, "base64").toString();
const base64 = (text: string) => Buffer.from(text).toString("base64");
const placeholder = ({ data }: Shown, key: string) => plain(data[key] ?? "");
const withData = (object: Shown, data: Record<string, string | null>): Shown => ({
  ...object,
  data: { ...object.data, ...data } as Record<string, string>,
});
const withMetadata = (object: Shown, more: object): Shown => ({
  ...object,
  metadata: { ...object.metadata, ...more },
});

const EDITS: readonly Edit[] = [
  (object) => object,
  (object) => object,
  (object, _key, _chance, { word }) => withMetadata(object, { labels: { app: "harvest", word } }),
  (object, _key, _chance, { word }) =>
    withMetadata(object, { annotations: { ...object.metadata.annotations, word } }),
  (object, key, _chance, { guess }) => withData(object, { [key]: base64(guess) }),
  (object, _key, _chance, { guess }) => withData(object, { more: base64(guess) }),
  (object, key, _chance, { guess }) => ({ ...object, stringData: { [key]: guess } }),
  (object, key) => withData(object, { copied: object.data[key] ?? "" }),
  (object, key) => withData(object, { [key]: base64(object.data[key] ?? "") }),
  (object, key) => withData(object, { [key]: base64(`${placeholder(object, key)}x`) }),
  (object, key) => withData(object, { [key]: base64(placeholder(object, key).slice(0, 30)) }),
  (object, key) => withData(object, { [key]: base64(placeholder(object, key).toLowerCase()) }),
  (object, key, chance) => {
    const other = pick(chance, Object.keys(object.data));
    return withData(object, { [key]: object.data[other] ?? "", [other]: object.data[key] ?? "" });
  },
  (object, key) => {
    const { [key]: _, ...data } = object.data;
    return { ...object, data };
  },
  (object, key) => ({ ...object, stringData: { [key]: placeholder(object, key) } }),
  (object, key) => withMetadata(object, { annotations: { x: placeholder(object, key) } }),
  (object, key) => withMetadata(object, { annotations: { x: object.data[key] } }),
  (object, key) => withMetadata(object, { finalizers: [placeholder(object, key)] }),
  (object) => withMetadata(object, { finalizers: ["example.com/mine"] }),
  (object) => withMetadata(object, { finalizers: [] }),
  (object) => withMetadata(object, { resourceVersion: "1" }),
  (object) => withMetadata(object, { name: "another" }),
  (object, key) => ({ ...object, type: object.data[key] }),
  (object) => ({ ...object, type: "kubernetes.io/tls" }),
  (object) => ({ ...object, immutable: true }),
  (object) => ({ ...object, immutable: false }),
  (object, key) => ({ ...object, sizes: { [key]: "empty" } }),
];

/** `shown`: any object that was shown, of this name or of another. */
export function edited(chance: Chance, aim: Aim, shown: Shown): Omit<Call, "accept"> {
  const key = pick(chance, Object.keys(shown.data));
  const changed = pick(chance, EDITS)(shown, key, chance, aim);
  const { resourceVersion: _, uid: _uid, ...metadata } = changed.metadata;
  const fresh = { ...changed, metadata: { ...metadata, name: aim.name, namespace: aim.namespace } };
  const path = `${aim.path}/${aim.name}`;
  return pick<Omit<Call, "accept">>(chance, [
    { method: "PUT", path, body: changed },
    { method: "PUT", path, body: changed },
    { method: "PATCH", type: MERGE, path, body: changed },
    { method: "PATCH", type: MERGE, path, body: { data: changed.data } },
    { method: "PATCH", type: APPLY, path, body: fresh },
    { method: "POST", path: aim.path, body: fresh },
    { method: "POST", path: aim.path, body: { ...fresh, metadata: { ...fresh.metadata, name: "made" } } },
  ]);
}

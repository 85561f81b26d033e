/** What a random request is about. */
import type { Chance } from "../crash/chance.ts";
import type { Call } from "../raw.ts";
import type { Seed } from "./seeds.ts";

/** A resource that shows Secrets, or would. */
export interface Api {
  /** `/api/v1` */
  base: string;
  apiVersion: string;
  plural: string;
  kind: string;
}

export const CORE: Api = { base: "/api/v1", apiVersion: "v1", plural: "secrets", kind: "Secret" };
export const SECURE: Api = {
  base: "/apis/hoop.dev/v1alpha1",
  apiVersion: "hoop.dev/v1alpha1",
  plural: "secure-secrets",
  kind: "SecureSecret",
};

/** Which Secret a request is about, in which API. */
export interface Aim {
  api: Api;
  namespace: string;
  name: string;
  key: string;
  /** Of the collection. */
  path: string;
  /** A value that the agent made up, and sends as one. */
  guess: string;
  /** As much, but sent where everybody may see it. */
  word: string;
  /** Where the last list that was cut off goes on; "" while there was none. */
  next: string;
}

export type Kind = (chance: Chance, aim: Aim) => Call;

export type Words = Pick<Aim, "guess" | "word">;
export type Known = Words & Pick<Aim, "next">;

export function aimed(chance: Chance, apis: readonly Api[], seeds: readonly Seed[], known: Known): Aim {
  const api = pick(chance, apis);
  const { manifest } = pick(chance, seeds);
  const { name, namespace } = chance.sometimes(0.95)
    ? manifest.metadata
    : { name: "absent", namespace: "demo" };
  const key = pick(chance, Object.keys(manifest.data));
  return { api, name, namespace, key, ...known, path: `${api.base}/namespaces/${namespace}/${api.plural}` };
}

export function pick<T>(chance: Chance, options: readonly T[]): T {
  if (options.length === 0) throw new Error("nothing to choose from");
  return options[chance.between(0, options.length)] as T;
}

/** Some of these parameters, in an order of chance. */
export function query(
  chance: Chance,
  parameters: Readonly<Record<string, readonly string[]>>,
  share = 0.3,
): string {
  const given = Object.entries(parameters)
    .filter(() => chance.sometimes(share))
    .map(([name, values]) => `${name}=${encodeURIComponent(pick(chance, values))}`);
  return given.length === 0 ? "" : `?${given.join("&")}`;
}

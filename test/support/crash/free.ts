/** What agents do without asking anybody, all the time: ConfigMaps, of which every fifth is only tried. */
import { setTimeout as delay } from "node:timers/promises";
import { type Caller, insist } from "./caller.ts";
import type { Free } from "./evidence.ts";

export const freePath = (namespace: string) => `/api/v1/namespaces/${namespace}/configmaps`;

/** Makes one after the other until the signal aborts. Each is asked for once. */
export async function makeFreely(
  caller: Caller,
  namespace: string,
  name: string,
  over: AbortSignal,
  heard: (made: Free) => void,
): Promise<void> {
  for (let n = 0; !over.aborted; n += 1) {
    const dryRun = n % 5 === 4;
    const body = {
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: { name: `${name}-${n}` },
      data: { n: String(n) },
    };
    const { code } = await caller({
      method: "POST",
      path: `${freePath(namespace)}${dryRun ? "?dryRun=All" : ""}`,
      body,
    });
    heard({ name: body.metadata.name, dryRun, code });
    await delay(80);
  }
}

/** The names of those that are there. */
export async function freelyMade(admin: Caller, namespace: string): Promise<string[]> {
  const { items } = (await insist(admin, { method: "GET", path: freePath(namespace) })) as {
    items: { metadata: { name: string } }[];
  };
  return items.map(({ metadata }) => metadata.name).filter((name) => name.startsWith("free-"));
}

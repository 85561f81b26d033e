/** Follows what AgentPolicies take as `params`: one object, or those of one name in all namespaces. */
import { setTimeout as sleep } from "node:timers/promises";
import type { JsonObject } from "#core/admission.ts";
import { parseJson } from "#core/json.ts";
import { whyNoParams } from "#core/policy/param-kinds.ts";
import type { Known, Soon } from "#core/policy/ports.ts";
import type { Log } from "#core/ports.ts";
import { type Client, KubeError, path } from "./client.ts";
import { type ServedKind, servedKind } from "./kinds.ts";
import { type Following, follow, type Listed } from "./list-watch.ts";

/** The object that a policy names. Without a namespace: the one in the namespace of each request, if the kind has namespaces. */
export interface ParamReference {
  apiVersion: string;
  kind: string;
  namespace?: string;
  name: string;
}

export interface FollowedParam {
  /** The object as it is now, at once where it is known; null: there is none. `namespace`: that of the request. */
  object(namespace: string): Soon<Known<JsonObject | null>>;
  /** Why it cannot be read; "" where it can, or that is not known yet. */
  problem(): string;
  stop(): Promise<void>;
}

/** Milliseconds. A request that is being judged waits for the answer. */
const PATIENCE = 3_000;
/** Milliseconds until a kind that is not served is looked for again. */
const AGAIN = 5_000;

const NOWHERE = { known: false, why: "its params are in a namespace, and the request is in none" } as const;

type Param = Listed & { metadata: { namespace?: string } };

/** `changed` is called when what {@link FollowedParam.problem} tells has changed. */
export function followParam(
  client: Client,
  reference: ParamReference,
  log: Log,
  changed: () => void,
): FollowedParam {
  const { apiVersion, kind, name } = reference;
  const objects = new Map<string, JsonObject>();
  const stopped = new AbortController();
  const listed = Promise.withResolvers<true>();
  let following: Following | undefined;
  let now: ServedKind | undefined;
  let problem = "";

  function tell(now: string): void {
    if (problem === now) return;
    problem = now;
    changed();
  }

  /** Looks for the kind until it is served, then begins to follow the object. */
  async function run(): Promise<void> {
    tell(whyNoParams(reference));
    while (!stopped.signal.aborted && whyNoParams(reference) === "") {
      const found = await lookedFor();
      if (found !== undefined && !stopped.signal.aborted) {
        now = found;
        following = follow<Param>(client, collection(found), log);
        return;
      }
      await sleep(AGAIN, undefined, { signal: stopped.signal }).catch(() => undefined);
    }
  }

  async function lookedFor(): Promise<ServedKind | undefined> {
    try {
      const found = await servedKind(client, reference, stopped.signal);
      if (found === undefined) tell(`the API server serves no ${kind} in ${apiVersion}`);
      else if (!found.namespaced && reference.namespace !== undefined)
        tell(`a ${kind} is in no namespace: leave paramRef.namespace out`);
      else {
        tell("");
        return found;
      }
    } catch (error) {
      if (!stopped.signal.aborted) tell(`${kind} ${name} cannot be read: ${String(error)}`);
    }
    return undefined;
  }

  function collection({ root, resource }: ServedKind) {
    const put = (object: Param) => void objects.set(object.metadata.namespace ?? "", asJson(object));
    const within = reference.namespace === undefined ? [] : ["namespaces", reference.namespace];
    return {
      path: root + path(...within, resource),
      fieldSelector: `metadata.name=${name}`,
      parse: parseJson,
      replace(all: Param[]) {
        objects.clear();
        all.forEach(put);
        tell("");
        listed.resolve(true);
      },
      put,
      remove: ({ metadata }: Param) => objects.delete(metadata.namespace ?? ""),
      lost(error: unknown) {
        if (error instanceof KubeError && (error.code === 403 || error.code === 404))
          tell(`${kind} ${name} cannot be followed: ${error.message}`);
      },
    };
  }

  async function ask(namespace: string): Promise<Known<JsonObject | null>> {
    // Where Hoop may not follow it, it does not try to read it another way: people have to grant the right.
    const isListed = problem === "" && (await Promise.race([listed.promise, timeout()]));
    if (problem !== "") return { known: false, why: problem };
    if (!isListed || now === undefined)
      return { known: false, why: `${kind} ${name} could not be read in time` };
    const { root, resource, namespaced } = now;
    if (namespaced && namespace === "") return NOWHERE;
    const where = namespaced ? ["namespaces", namespace] : [];
    return read(client, root + path(...where, resource, name), reference);
  }

  const running = run();
  return {
    object(requested) {
      const namespace = reference.namespace ?? requested;
      if (following?.live() !== true || now === undefined) return ask(namespace);
      if (now.namespaced && namespace === "") return NOWHERE;
      return { known: true, object: objects.get(now.namespaced ? namespace : "") ?? null };
    },
    problem: () => problem,
    async stop() {
      stopped.abort();
      await running;
      await following?.stop();
    },
  };
}

async function read(
  client: Client,
  at: string,
  { kind, name }: ParamReference,
): Promise<Known<JsonObject | null>> {
  try {
    const object = await client.request<Param>({ path: at, timeout: PATIENCE, parse: parseJson });
    return { known: true, object: asJson(object) };
  } catch (error) {
    // A 404 about the path, and not about this object, does not say that the object is missing.
    const isNone = error instanceof KubeError && error.code === 404 && error.details.name === name;
    return isNone
      ? { known: true, object: null }
      : { known: false, why: `${kind} ${name} cannot be read: ${String(error)}` };
  }
}

function timeout(): Promise<false> {
  return sleep(PATIENCE, false, { ref: false });
}

/** Without managedFields, which no policy needs. */
function asJson({ metadata, ...rest }: Param): JsonObject {
  const { managedFields: _, ...kept } = metadata as Param["metadata"] & { managedFields?: unknown };
  return { ...rest, metadata: kept } as JsonObject;
}

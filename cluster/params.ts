/**
 * The objects that AgentPolicies take as `params`: each is followed for as long as a policy names it. Of what kind they
 * may be is not known beforehand, so whether Hoop may read them is for who writes the policy to see to.
 */
import type { JsonObject } from "#core/admission.ts";
import type { Known, Soon } from "#core/policy/ports.ts";
import type { Log } from "#core/ports.ts";
import type { Client } from "./client.ts";
import { type FollowedParam, followParam, type ParamReference } from "./param.ts";

export interface Params {
  /** From now on these, and no others. */
  want(references: readonly ParamReference[]): void;
  /** Why one of them cannot be read; "" where it can, or that is not known yet. */
  problem(reference: ParamReference): string;
  /** As it is now, at once where it is known; null where there is none. */
  object(
    kind: { apiVersion: string; kind: string },
    namespace: string,
    name: string,
  ): Soon<Known<JsonObject | null>>;
  stop(): Promise<void>;
}

/** `changed` is called when what {@link Params.problem} tells has changed. */
export function followedParams(client: Client, log: Log, changed: () => void): Params {
  const followed = new Map<string, FollowedParam>();
  const ending = new Set<Promise<void>>();

  function end(key: string, param: FollowedParam): void {
    followed.delete(key);
    const ended = param.stop().finally(() => ending.delete(ended));
    ending.add(ended);
  }

  return {
    want(references) {
      const wanted = new Map(references.map((reference) => [keyOf(reference), reference]));
      for (const [key, param] of [...followed]) if (!wanted.has(key)) end(key, param);
      for (const [key, reference] of wanted)
        if (!followed.has(key)) followed.set(key, followParam(client, reference, log, changed));
    },
    problem: (reference) => followed.get(keyOf(reference))?.problem() ?? "",
    object(kind, namespace, name) {
      const param =
        followed.get(keyOf({ ...kind, namespace, name })) ?? followed.get(keyOf({ ...kind, name }));
      return param?.object(namespace) ?? { known: false, why: `${kind.kind} ${name} is not followed` };
    },
    async stop() {
      for (const [key, param] of [...followed]) end(key, param);
      await Promise.all(ending);
    },
  };
}

function keyOf({ apiVersion, kind, namespace = "", name }: ParamReference): string {
  return JSON.stringify([apiVersion, kind, namespace, name]);
}

/** What carries out each verb. The server dispatches through these tables and nowhere else. */
import type { Answer } from "../encode.ts";
import type { Verb } from "../resource.ts";
import type { ServedCustom } from "../served.ts";
import type { Call } from "./call.ts";
import { create } from "./create.ts";
import { remove } from "./delete.ts";
import { deletecollection } from "./deletecollection.ts";
import { get } from "./get.ts";
import { list } from "./list.ts";
import { patch } from "./patch.ts";
import { callSubresource } from "./subresource.ts";
import { update } from "./update.ts";
import { type Watch, watch } from "./watch.ts";

export type Handler = (call: Call) => Promise<Answer> | Watch;

export const VERBS: Readonly<Record<Verb, Handler>> = {
  ...{ get, list, watch },
  ...{ create, delete: remove, deletecollection },
  update: (call) => update(call),
  patch: (call) => patch(call),
};

/** get, update and patch of `status`. */
export const STATUS: Readonly<Record<string, (call: Call) => Promise<Answer>>> = {
  get,
  update: (call) => update(call, "status"),
  patch: (call) => patch(call, "status"),
};

/** Any verb of a custom subresource. */
export const custom: (call: Call, served: ServedCustom) => Promise<Answer> = callSubresource;

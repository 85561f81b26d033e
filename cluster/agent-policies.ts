/** AgentPolicies (policy.hoop.dev): followed as they change, each compiled once, and told in their status how that went. */
import type { AgentPolicy } from "#core/policy/spec.ts";
import type { Log } from "#core/ports.ts";
import { type Client, isNotFound, path } from "./client.ts";
import { type Entry, type Held, type Holding, heldPolicies } from "./held-policies.ts";
import { follow, type Listed } from "./list-watch.ts";
import { type PolicyStatus, type Standing, statusOf } from "./policy-status.ts";

const COLLECTION = "/apis/policy.hoop.dev/v1alpha1/agentpolicies";
const DEFINITION = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/agentpolicies.policy.hoop.dev";

/** A status that could not be written is tried again after so many milliseconds. */
const AGAIN = 10_000;
/** How many are written at once: a thousand policies of a Hoop that starts must not crowd out its agents. */
const AT_ONCE = 8;

/** As the CustomResourceDefinition in deploy/ has it. */
type Stored = Listed &
  Pick<AgentPolicy, "spec"> & { metadata: { generation?: number }; status?: PolicyStatus };

export interface AgentPolicies<Compiled> {
  /** Resolves when it is known which there are. */
  ready(): Promise<void>;
  /** In the order of their names. */
  all(): readonly Held<Compiled>[];
  /** Writes into the status of each how it stands now. Never rejects. */
  tell(): Promise<void>;
  stop(): Promise<void>;
}

export interface Following<Compiled> extends Holding<Compiled> {
  /** How one stands. */
  standing(held: Held<Compiled>): Standing;
}

export function agentPolicies<Compiled>(
  client: Client,
  log: Log,
  { compile, changed, standing }: Following<Compiled>,
): AgentPolicies<Compiled> {
  const stopped = new AbortController();
  let again: NodeJS.Timeout | undefined;
  let writing: Promise<void> = Promise.resolve();
  let next: Promise<void> | undefined;

  const held = heldPolicies<Stored, Compiled>({ compile, changed }, log);
  const following = follow<Stored>(client, { path: COLLECTION, definition: DEFINITION, ...held.taking }, log);

  async function tellOne(entry: Entry<Stored, Compiled>): Promise<boolean> {
    const { stored } = entry;
    const { name, generation = 0 } = stored.metadata;
    const status = statusOf(standing(entry.held), generation, stored.status, new Date());
    if (status === undefined) return true;
    try {
      const { status: now } = await client.request<Pick<Stored, "status">>({
        ...{ method: "PATCH", path: `${COLLECTION}${path(name)}/status` },
        ...{ contentType: "application/merge-patch+json", body: { status } },
        signal: stopped.signal,
      });
      // Known before the watch tells of it: who tells again meanwhile writes nothing.
      if (now !== undefined && entry.stored === stored) entry.stored = { ...stored, status: now };
      return true;
    } catch (error) {
      if (isNotFound(error) || stopped.signal.aborted) return true;
      log.warn({ policy: name, error: String(error) }, "its status could not be written");
      return false;
    }
  }

  async function tellAll(): Promise<void> {
    next = undefined;
    const left = held.all().values();
    let failed = false;
    const some = async () => {
      for (const entry of left) if (!(await tellOne(entry))) failed = true;
    };
    await Promise.all(Array.from({ length: AT_ONCE }, some));
    if (stopped.signal.aborted || !failed) return;
    clearTimeout(again);
    again = setTimeout(() => void tell(), AGAIN).unref();
  }

  /** One at a time, so that what was true before never comes last; who comes while one waits shares it. */
  function tell(): Promise<void> {
    next ??= writing.then(tellAll);
    writing = next;
    return next;
  }

  return {
    async ready() {
      await following.ready();
      await held.taken();
    },
    all: () => held.all().map((entry) => entry.held),
    tell,
    async stop() {
      stopped.abort();
      clearTimeout(again);
      held.stop();
      await following.stop();
      await held.taken();
      await writing;
    },
  };
}

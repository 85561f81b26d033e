/** AgentPolicies (policy.hoop.dev): followed as they change, each compiled once, and told in their status how that went. */
import type { AgentPolicy } from "#core/policy/spec.ts";
import type { Log } from "#core/ports.ts";
import { type Client, isNotFound, path } from "./client.ts";
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

export interface Held<Compiled> {
  policy: AgentPolicy;
  compiled: Compiled;
}

export interface AgentPolicies<Compiled> {
  /** Resolves when it is known which there are. */
  ready(): Promise<void>;
  /** In the order of their names. */
  all(): readonly Held<Compiled>[];
  /** Writes into the status of each how it stands now. Never rejects. */
  tell(): Promise<void>;
  stop(): Promise<void>;
}

export interface Following<Compiled> {
  /** Must not throw. Called once for each spec. */
  compile(policy: AgentPolicy): Compiled;
  /** They are others than before. */
  changed(): void;
  /** How one stands. */
  standing(held: Held<Compiled>): Standing;
}

export function agentPolicies<Compiled>(
  client: Client,
  log: Log,
  { compile, changed, standing }: Following<Compiled>,
): AgentPolicies<Compiled> {
  /** `text`: of what is compiled. Not the generation: only what the API server makes of the status leaves that alone. */
  interface Entry {
    stored: Stored;
    text: string;
    held: Held<Compiled>;
  }
  const entries = new Map<string, Entry>();
  const stopped = new AbortController();
  let again: NodeJS.Timeout | undefined;
  let writing: Promise<void> = Promise.resolve();
  let next: Promise<void> | undefined;

  /** Whether anything but its status is new. */
  function put(stored: Stored, before: Entry | undefined): boolean {
    const { metadata, spec } = stored;
    const text = JSON.stringify([metadata.uid, spec]);
    const isSame = before?.text === text;
    const held = isSame ? before.held : anew(stored);
    entries.set(metadata.name, { stored, text, held });
    return !isSame || before.stored.metadata.generation !== metadata.generation;
  }

  function anew({ metadata: { name, uid, generation }, spec }: Stored): Held<Compiled> {
    const metadata = { name, uid, ...(generation === undefined ? {} : { generation }) };
    const policy = { metadata, spec };
    return { policy, compiled: compile(policy) };
  }

  const following = follow<Stored>(
    client,
    {
      path: COLLECTION,
      definition: DEFINITION,
      replace(objects) {
        const before = new Map(entries);
        entries.clear();
        const isNew = objects.map((stored) => put(stored, before.get(stored.metadata.name)));
        if (isNew.includes(true) || entries.size !== before.size) changed();
      },
      put(stored) {
        if (put(stored, entries.get(stored.metadata.name))) changed();
      },
      remove({ metadata }) {
        entries.delete(metadata.name);
        changed();
      },
    },
    log,
  );

  async function tellOne(entry: Entry): Promise<boolean> {
    const { stored, held } = entry;
    const { name, generation = 0 } = stored.metadata;
    const status = statusOf(standing(held), generation, stored.status, new Date());
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
    const left = [...entries.values()].values();
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
    ready: following.ready,
    all: () => [...entries].toSorted(([one], [other]) => (one < other ? -1 : 1)).map(([, { held }]) => held),
    tell,
    async stop() {
      stopped.abort();
      clearTimeout(again);
      await following.stop();
      await writing;
    },
  };
}

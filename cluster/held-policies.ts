/** Policies as they are followed, each compiled once. A large one takes its time: until it is done all is as it was. */
import type { AgentPolicy } from "#core/policy/spec.ts";
import type { Log } from "#core/ports.ts";
import type { Followed, Listed } from "./list-watch.ts";

export interface Held<Compiled> {
  policy: AgentPolicy;
  compiled: Compiled;
}

export interface Holding<Compiled> {
  /** Must not reject. Called once for each spec, for one after the other. */
  compile(policy: AgentPolicy): Promise<Compiled>;
  /** They are others than before. */
  changed(): void;
}

type Policy = Listed & Pick<AgentPolicy, "spec"> & { metadata: { generation?: number } };

/** `text`: of what is compiled. Not the generation: only what the API server makes of the status leaves that alone. */
export interface Entry<Stored, Compiled> {
  stored: Stored;
  readonly text: string;
  readonly held: Held<Compiled>;
}

export interface HeldPolicies<Stored extends Listed, Compiled> {
  /** Where what is followed goes: taken over one after the other, in the order it came. */
  taking: Pick<Followed<Stored>, "replace" | "put" | "remove">;
  /** Resolves when all that has come is taken over. */
  taken(): Promise<void>;
  /** In the order of their names. */
  all(): Entry<Stored, Compiled>[];
  /** Nothing more is taken over. */
  stop(): void;
}

export function heldPolicies<Stored extends Policy, Compiled>(
  { compile, changed }: Holding<Compiled>,
  log: Log,
): HeldPolicies<Stored, Compiled> {
  let entries = new Map<string, Entry<Stored, Compiled>>();
  let taken: Promise<void> = Promise.resolve();
  let isStopped = false;

  function inOrder(take: () => Promise<void>): void {
    taken = taken
      .then(() => (isStopped ? undefined : take()))
      .catch((error: unknown) => log.error({ err: error }, "a change of policies could not be taken over"));
  }

  async function entryOf(stored: Stored): Promise<Entry<Stored, Compiled>> {
    const { metadata, spec } = stored;
    const text = JSON.stringify([metadata.uid, spec]);
    const before = entries.get(metadata.name);
    return { stored, text, held: before?.text === text ? before.held : await anew(stored) };
  }

  async function anew({ metadata: { name, uid, generation }, spec }: Stored): Promise<Held<Compiled>> {
    const metadata = { name, uid, ...(generation === undefined ? {} : { generation }) };
    const policy = { metadata, spec };
    return { policy, compiled: await compile(policy) };
  }

  /** Whether anything but its status is new. */
  function isNews({ stored: { metadata }, text }: Entry<Stored, Compiled>): boolean {
    const before = entries.get(metadata.name);
    return before?.text !== text || before.stored.metadata.generation !== metadata.generation;
  }

  /** All or nothing: nobody is judged by half of them. */
  async function replace(objects: readonly Stored[]): Promise<void> {
    const after = new Map<string, Entry<Stored, Compiled>>();
    for (const stored of objects) after.set(stored.metadata.name, await entryOf(stored));
    const isOther = after.size !== entries.size || [...after.values()].some(isNews);
    entries = after;
    if (isOther) changed();
  }

  async function put(stored: Stored): Promise<void> {
    const entry = await entryOf(stored);
    const isOther = isNews(entry);
    entries.set(stored.metadata.name, entry);
    if (isOther) changed();
  }

  async function remove({ metadata }: Stored): Promise<void> {
    entries.delete(metadata.name);
    changed();
  }

  return {
    taking: {
      replace: (objects) => inOrder(() => replace(objects)),
      put: (stored) => inOrder(() => put(stored)),
      remove: (stored) => inOrder(() => remove(stored)),
    },
    taken: () => taken,
    all: () => [...entries].toSorted(([one], [other]) => (one < other ? -1 : 1)).map(([, entry]) => entry),
    stop() {
      isStopped = true;
    },
  };
}

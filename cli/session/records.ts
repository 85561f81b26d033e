/** What the ledger has of one session: its own entries, and what was decided on what it asked for. */
import { asked, ofSession } from "#core/ledger/asked.ts";
import { type Api, type LedgerRecord, selectorValue } from "../api.ts";
import type { Context } from "../context.ts";
import { ApiError, CommandError } from "../failure.ts";
import { hintingNamespace } from "../find.ts";
import type { ConnectionFlags } from "../flags.ts";
import { readJson } from "../json.ts";
import { type Proxied, proxied, succeeded } from "../proxy.ts";

const ROOT = "/apis/hoop.dev/v1alpha1/namespaces/";

export interface SessionRecords {
  namespace: string;
  name: string;
  uid: string;
  /** In the order of the ledger. */
  records: LedgerRecord[];
  /** From where to watch for more; some of what comes may be known already. */
  resourceVersion: string;
}

export function indexOf({ metadata }: LedgerRecord): number {
  return Number(metadata.name);
}

/**
 * The newest session of that name, also where it is long gone. Throws a CommandError where there is none, or where
 * several namespaces have one.
 */
export async function recordsOf(
  api: Api,
  namespace: string | undefined,
  name: string,
): Promise<SessionRecords> {
  const selector = `spec.session.name=${selectorValue(name)}`;
  const { items, metadata } = await hintingNamespace(api.list("records", namespace, selector));
  const { resourceVersion } = metadata;
  const direct = items.filter(isOutOf({ namespace: "", name })).toSorted(inOrder);
  if (direct.length > 0) return { namespace: "", name, uid: "", records: direct, resourceVersion };
  const own = items.filter(({ spec }) => ofSession(spec)?.session.name === name).toSorted(inOrder);
  const namespaces = [...new Set(own.map(({ metadata }) => metadata.namespace))];
  if (namespaces.length > 1)
    throw new CommandError(
      `there were sessions ${name} in the namespaces ${namespaces.join(", ")}: name one with -n`,
    );
  const newest = own.at(-1);
  const session = newest && ofSession(newest.spec)?.session;
  if (session === undefined)
    throw new CommandError(
      `no record of a session ${name} in ${namespace ?? "any namespace"}; see kubectl hoop sessions --all, ` +
        "and of those that were killed or deleted: kubectl hoop records --kind session",
    );
  const records = own.filter(({ spec }) => ofSession(spec)?.session.uid === session.uid);
  const everywhere = namespace === undefined ? items : await wherever(api, selector, items);
  const decisions = everywhere.filter(isOutOf(session));
  return {
    ...session,
    records: [...records, ...decisions].toSorted(inOrder),
    resourceVersion,
  };
}

function inOrder(a: LedgerRecord, b: LedgerRecord): number {
  return indexOf(a) - indexOf(b);
}

/** What was asked out of a session names it; of what is done directly, by one credential, there is no namespace. */
export function isOutOf({ namespace, name }: { namespace: string; name: string }) {
  return ({ spec }: LedgerRecord): boolean => {
    const isDirect = namespace === "";
    const entry = isDirect && spec.kind === "request" ? spec : asked(spec);
    const own = isDirect ? name : `${namespace}/${name}`;
    return entry !== undefined && "session" in entry && entry.session === own;
  };
}

/** Of what it asks for not all is in its own namespace. Who may not look everywhere is shown what there is in that. */
async function wherever(
  api: Api,
  selector: string,
  own: readonly LedgerRecord[],
): Promise<readonly LedgerRecord[]> {
  try {
    return (await api.list("records", undefined, selector)).items;
  } catch (error) {
    if (error instanceof ApiError && error.reason === "Forbidden") return own;
    throw error;
  }
}

/** Gets records with what lies beside them, one by one. */
export interface Payloads {
  /** The same record where nothing does. */
  beside(record: LedgerRecord): Promise<LedgerRecord>;
  close(): void;
}

export function payloadsOf(context: Context, flags: ConnectionFlags): Payloads {
  let opened: Promise<Proxied> | undefined;
  const close = () => {
    opened?.then(
      (proxy) => proxy.close(),
      () => undefined,
    );
    opened = undefined;
  };
  return {
    async beside(record) {
      if (!hasPayload(record)) return record;
      const { namespace, name } = record.metadata;
      const path = `${namespace}/records/${name}`;
      opened ??= proxied(context, flags, ROOT);
      try {
        const { ask } = await opened;
        return readJson(succeeded(await ask(path), path).toString()) as LedgerRecord;
      } catch (error) {
        // The next one finds another way, where this one is broken.
        close();
        throw error;
      }
    },
    close,
  };
}

function hasPayload({ spec }: LedgerRecord): boolean {
  return "payload" in spec && spec.payload !== undefined;
}

/** So many at once: each is a query. */
const AT_ONCE = 4;

/** The same records with what lies beside those that are `wanted`. `told`: after each. */
export async function withPayloads(
  context: Context,
  flags: ConnectionFlags,
  records: readonly LedgerRecord[],
  {
    wanted = () => true,
    told = () => undefined,
  }: { wanted?: (record: LedgerRecord) => boolean; told?: (done: number, of: number) => void },
): Promise<LedgerRecord[]> {
  const having = records.filter((record) => hasPayload(record) && wanted(record));
  const payloads = payloadsOf(context, flags);
  const found = new Map<string, LedgerRecord>();
  const left = [...having];
  const work = async () => {
    for (let next = left.shift(); next !== undefined; next = left.shift()) {
      found.set(next.metadata.name, await payloads.beside(next));
      told(found.size, having.length);
    }
  };
  try {
    await Promise.all(Array.from({ length: AT_ONCE }, work));
  } finally {
    payloads.close();
  }
  return records.map((record) => found.get(record.metadata.name) ?? record);
}

import type { Batch, Change, Store } from "#kit/storage.ts";

/** A batch that puts one row, whatever it was before. */
export function put(key: string, value = "{}"): Batch & { puts: { key: string; value: string }[] } {
  return { puts: [{ key, value }] };
}

/** Commits what has to go through, and gives its revision. */
export async function committed(store: Store, batch: Batch): Promise<number> {
  const result = await store.commit(batch);
  if (result.outcome !== "committed") throw new Error(`conflict at ${result.key}`);
  return result.revision;
}

/** All changes under the prefix after a revision, fetched in pages of `limit`. */
export async function allChanges(
  store: Store,
  prefix: string,
  since: number,
  limit = 500,
): Promise<Change[]> {
  const all: Change[] = [];
  for (let from = since; ; ) {
    const page = await store.changes(prefix, from, limit);
    if (page.outcome === "expired") throw new Error(`expired at ${from}`);
    all.push(...page.changes);
    if (page.changes.length === 0) return all;
    from = page.revision;
  }
}

/** The whole ledger, by index. */
export async function allLines(store: Store): Promise<string[]> {
  const lines: string[] = [];
  for (let page = await store.lines(0); page.length > 0; page = await store.lines(lines.length)) {
    for (const { index, line } of page) {
      if (index !== lines.length) throw new Error(`line ${index} where ${lines.length} is due`);
      lines.push(line);
    }
  }
  return lines;
}

/** What the work throws or rejects with; undefined if it does neither. */
export async function thrown(work: () => Promise<unknown>): Promise<unknown> {
  try {
    await work();
  } catch (error) {
    return error;
  }
  return undefined;
}

/** Completion of what records are selected by: as the newest of them have it. */
import type { Facet } from "#core/ledger/facets.ts";
import type { Context } from "../context.ts";

const PATIENCE = "2s";
const NEWEST = 500;

export function recordValues(facet: Facet): (this: Context, partial: string) => Promise<readonly string[]> {
  return async function () {
    if (this.completing === undefined) return [];
    const { connection } = this.completing;
    const [{ hoopApi }, { facetValues }] = await Promise.all([
      import("../api.ts"),
      import("#core/ledger/facets.ts"),
    ]);
    const api = hoopApi(this.kubectl, { ...connection, requestTimeout: PATIENCE });
    const list = await api
      .list("records", connection.namespace, `newest=${NEWEST}`, { limit: NEWEST })
      .catch(() => ({ items: [] }));
    const values = list.items.flatMap(({ spec }) => facetValues[facet](JSON.parse(JSON.stringify(spec))));
    return [...new Set(values)].sort();
  };
}

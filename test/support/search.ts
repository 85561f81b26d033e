/** For tests of searches: ledgers that are the same each time, and what was logged. */
import { agentMatcher } from "#core/agents.ts";
import { canonical } from "#core/canonical.ts";
import type { Query } from "#core/ledger/search.ts";
import { payloadDigest, sealPayload } from "#core/log/payload.ts";
import type { Log } from "#core/ports.ts";
import type { Append, Store } from "#kit/storage.ts";
import { memoryStore } from "#store/memory.ts";
import { admissionEntry } from "./ledger/made.ts";

export const AGENTS = agentMatcher(
  { groups: ["hoop:agents"], users: [], serviceAccounts: [], extras: {} },
  "hoop",
);

export const EVERYTHING: Query = { conditions: [], terms: [] };

/** Of agent N modulo 7, with a payload that no other has: `lies: beside-N`. */
export function entryWithPayload(n: number, of = "beside"): Append {
  const salt = Buffer.alloc(32, n % 256);
  const sealed = sealPayload(salt, Buffer.from(canonical({ lies: wordOf(n, of) })));
  const payload = { digest: payloadDigest(sealed).toString("hex"), size: sealed.length - salt.length };
  return {
    line: canonical({ ...admissionEntry(n, 1_800_000_000_000 + n * 1000), payload }),
    payload: sealed,
  };
}

/** One word, which shares no beginning with another. */
export function wordOf(n: number, of = "beside"): string {
  return `${((n * 2_654_435_761) % 4_294_967_296).toString(36)}${of}${n}`;
}

export async function ledgerOf(size: number, of?: string): Promise<Store> {
  const store = memoryStore();
  for (let n = 0; n < size; n += 100)
    await store.commit({
      lines: Array.from({ length: Math.min(100, size - n) }, (_, at) => entryWithPayload(n + at, of)),
    });
  return store;
}

/** Keeps warnings and errors. */
export function listener(): { log: Log; told: string[] } {
  const told: string[] = [];
  const tell = (fields: object, message: string) =>
    void told.push(
      [message, "why" in fields ? fields.why : "", "error" in fields ? fields.error : ""].join(" ").trim(),
    );
  return { log: { info: () => undefined, warn: tell, error: tell }, told };
}

/** A list of all namespaces by this selector, as of now, as somebody who may see everything asks for it. */
export function wholeList(fieldSelector: string, limit?: number) {
  return {
    ...{
      namespace: "",
      labelSelector: "",
      fieldSelector,
      accepts: () => true,
      narrowed: true,
      guarded: false,
    },
    caller: { username: "ann", uid: "", groups: [], extra: new Map<string, readonly string[]>() },
    ...{ version: { kind: "latest" } as const, limit, continue: undefined },
    ...{ detail: "whole" as const, signal: new AbortController().signal },
  };
}

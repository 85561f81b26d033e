/** Whatever is asked for is found by the index as it is by looking at every entry. */
import { expect } from "chai";
import fc from "fast-check";
import type { JsonObject } from "#core/admission.ts";
import { canonical } from "#core/canonical.ts";
import type { Search } from "#core/ledger/search.ts";
import { hasTerm, termsOf, wordsOf } from "#core/ledger/words.ts";
import { sealPayload } from "#core/log/payload.ts";
import type { Caller, KubeObject, ListRequest, Reader } from "#kit/resource.ts";
import { fieldMatcher } from "#kit/selectors.ts";
import type { Append, Store } from "#kit/storage.ts";
import { type SearchIndex, searchIndex } from "#search/index.ts";
import { memoryStore } from "#store/memory.ts";
import { records } from "../../apiserver-ext/resources/records.ts";
import { clock } from "../../system.ts";
import { AGENTS } from "../support/search.ts";

const log = { info: () => undefined, warn: () => undefined, error: () => undefined };
const START = Date.parse("2026-11-21T10:00:00Z");

const WORDS = ["nginx", "kube-system", "host_path", "Größe", "10.0.0.1", "x", "ｆｕｌｌ", "a*b"];
const USERS = ["ci", "system:serviceaccount:ci:bot", "ci/bot", "bot", "eve"];
const NAMESPACES = ["shop", "demo", "hoop-system"];

const word = fc.constantFrom(...WORDS);
const chance = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined });
const named = (value: fc.Arbitrary<string>) =>
  fc.array(
    value.map((name) => ({ name, message: "why" })),
    { maxLength: 2 },
  );
const target = fc.record(
  {
    resource: fc.constantFrom("pods", "deployments", "scales"),
    group: fc.constantFrom("", "apps"),
    subresource: fc.constantFrom("exec", "scale"),
    namespace: fc.constantFrom(...NAMESPACES),
    name: word,
  },
  { requiredKeys: ["resource"] },
);

/** What an entry may have, in any mixture: found by what it has, whatever its kind. */
const entry = fc.record(
  {
    kind: fc.constantFrom("admission", "approval", "outcome", "request", "new-kind"),
    agent: fc.constantFrom(...USERS).map((username) => ({ username, groups: ["hoop:agents"] })),
    session: fc.constantFrom("s-1", "s-2"),
    approval: fc.record({ namespace: fc.constantFrom(...NAMESPACES), name: fc.constantFrom("a-1", "a-2") }),
    verdict: fc.constantFrom("allow", "hold", "deny"),
    answer: fc.constantFrom("allowed", "held", "denied"),
    rules: named(word),
    observed: named(word),
    target,
    operation: fc.constantFrom("CREATE", "DELETE"),
    verb: fc.constantFrom("get", "create"),
    of: fc.nat(9),
    message: fc.oneof(word, fc.string({ unit: "grapheme" })),
  },
  { requiredKeys: ["kind"] },
);

const added = fc.record({
  entry,
  /** Clocks go back now and then. */
  seconds: fc.integer({ min: 0, max: 7200 }),
  payload: chance(fc.oneof(fc.record({ text: word, more: fc.array(word) }), fc.jsonValue())),
});

const selector = fc.oneof(
  ...Object.entries({
    agent: fc.constantFrom(...USERS),
    session: fc.constantFrom("s-1", "none"),
    approval: fc.constantFrom("a-1"),
    verdict: fc.constantFrom("allow", "deny"),
    answer: fc.constantFrom("held"),
    kind: fc.constantFrom("admission", "request"),
    rule: word,
    namespace: fc.constantFrom("shop", "nowhere"),
    resource: fc.constantFrom("pods", "deployments.apps", "pods/exec", "deployments.apps/scale"),
    name: word,
    operation: fc.constantFrom("create", "CREATE", "get"),
    of: fc.nat(9).map(String),
    "spec.agent.username": fc.constantFrom(...USERS, ""),
    "spec.answer": fc.constantFrom("held", ""),
    "metadata.name": fc.nat(300).map(String),
    "metadata.namespace": fc.constantFrom("shop", "hoop-system"),
  }).map(([field, value]) => fc.tuple(fc.constant(field), fc.constantFrom("=", "=", "!="), value)),
  ...Object.entries({
    text: fc
      .array(fc.oneof(word, fc.constantFrom("ngi*", '"kube system"', '"host path" nginx', "10.0.0*")), {
        minLength: 1,
        maxLength: 2,
      })
      .map((all) => all.join(" ")),
    since: fc.nat(7200).map(timeAt),
    until: fc.nat(7200).map(timeAt),
    newest: fc.integer({ min: 1, max: 20 }).map(String),
  }).map(([field, value]) => fc.tuple(fc.constant(field), fc.constant("="), value)),
);

const question = fc.record({
  selectors: fc.array(selector, { maxLength: 3 }),
  namespace: fc.constantFrom("", "", ...NAMESPACES),
  who: fc.constantFrom("ann", "ann", ...USERS),
  limit: chance(fc.integer({ min: 1, max: 5 })),
});
type Question = typeof question extends fc.Arbitrary<infer Q> ? Q : never;

function timeAt(seconds: number): string {
  return new Date(START + seconds * 1000).toISOString();
}

function lineOf({
  entry: fields,
  seconds,
  payload,
}: typeof added extends fc.Arbitrary<infer A> ? A : never): Append {
  const said = { ...fields, schema: "hoop.dev/any/v9", time: timeAt(seconds) } as unknown as JsonObject;
  if (payload === undefined) return canonical(defined(said));
  const sealed = sealPayload(Buffer.alloc(32, 7), Buffer.from(JSON.stringify(payload)));
  const digest = { digest: "0".repeat(64), size: sealed.length - 32 };
  return { line: canonical({ ...defined(said), payload: digest }), payload: sealed };
}

function defined(object: JsonObject): JsonObject {
  return JSON.parse(JSON.stringify(object)) as JsonObject;
}

/** All pages, as the kit asks for them. */
async function listed(reader: Reader<KubeObject>, asked: Question): Promise<string[]> {
  const caller: Caller = {
    username: asked.who,
    uid: "",
    groups: asked.who === "ann" ? [] : ["hoop:agents"],
    extra: new Map(),
  };
  const fieldSelector = asked.selectors
    .map(([field, operator, value]) => `${field}${operator}${value.replace(/[\\,=]/g, "\\$&")}`)
    .join(",");
  const definition = resource({ find: async () => ({ outcome: "unavailable" }) });
  const fits = fieldMatcher(fieldSelector, definition.fields, "Namespaced", definition.conditions);
  const visible = definition.visible?.(caller);
  const names: string[] = [];
  let next: string | undefined;
  do {
    const request: ListRequest<KubeObject> = {
      ...{ namespace: asked.namespace, caller, labelSelector: "", fieldSelector },
      accepts: (object) => (visible?.(object) ?? true) && fits(object),
      ...{ narrowed: true, guarded: visible !== undefined, version: { kind: "latest" } },
      ...{ limit: asked.limit, continue: next, detail: "whole", signal: new AbortController().signal },
    };
    const page = await reader.list(request);
    if (Symbol.asyncIterator in page.items) throw new Error("a page is at hand");
    expect(page.items.length).to.be.at.most(asked.limit ?? Number.POSITIVE_INFINITY);
    names.push(...page.items.map(({ metadata }) => metadata.name));
    next = page.continue;
  } while (next !== undefined);
  return names;
}

let store: Store;
let index: SearchIndex;
const resource = (search: Search) =>
  records({ store, search, agents: AGENTS, installationNamespace: "hoop-system" });

describe("the search index", () => {
  before(() => {
    store = memoryStore();
    // Words in many tables, and every search in as many turns.
    index = searchIndex({ store, clock, log }, { file: ":memory:", patience: 60_000, part: 7, turn: 0 });
  });
  after(() => index.close());

  it("finds what looking at every entry finds: any entries, selectors, callers, pages and erasures", async () => {
    const scanned = resource({ find: async () => ({ outcome: "unavailable" }) }).storage;
    const indexed = resource({
      find: async (query, window) => {
        const found = await index.find(query, window);
        // Otherwise one would be compared with itself.
        expect(found.outcome).to.equal("found");
        return found;
      },
    }).storage;
    const batch = fc.array(added, { minLength: 1, maxLength: 8 });
    const erased = chance(fc.tuple(fc.nat(200), fc.nat(30)));
    let compared = 0;
    await fc.assert(
      fc.asyncProperty(
        batch,
        erased,
        fc.array(question, { minLength: 1, maxLength: 4 }),
        async (lines, span, questions) => {
          await store.commit({ lines: lines.map(lineOf) });
          if (span !== undefined) {
            const spans = [{ from: span[0], to: span[0] + span[1] }];
            const said = {
              schema: "hoop.dev/erasure/v1",
              kind: "erasure",
              time: timeAt(0),
              before: timeAt(0),
              spans,
            };
            await store.commit({ lines: [canonical(said)], erase: spans });
          }
          for (const asked of questions) {
            const found = await listed(indexed, asked);
            expect(found).to.deep.equal(await listed(scanned, asked));
            compared += found.length;
          }
        },
      ),
      { numRuns: 50 },
    );
    expect(compared).to.be.greaterThan(0);
  });

  it("takes any text for words and nothing else", async () => {
    const odd = fc.oneof(
      fc.string({ unit: "binary" }),
      fc
        .array(
          fc.constantFrom(
            '"',
            "*",
            "(",
            ")",
            ":",
            "^",
            "-",
            "+",
            "NEAR",
            "AND",
            "OR",
            "NOT",
            "facts",
            "said",
            "{",
            "}",
            " ",
            "é",
            "x",
            "'",
            ";",
            "\0",
          ),
        )
        .map((all) => all.join("")),
    );
    await fc.assert(
      fc.asyncProperty(odd, odd, async (text, other) => {
        const terms = termsOf(other);
        if (typeof terms === "string") return;
        const result = await store.commit({
          lines: [canonical({ kind: "gap", time: timeAt(0), message: text.toWellFormed() })],
        });
        if (result.outcome !== "committed") return;
        const { index: from } = result;
        const found = await index.find(
          { conditions: [], terms },
          { from, end: from + 1, limit: 1, newest: false },
        );
        const isThere = terms.every((term) => hasTerm(wordsOf(text.toWellFormed()), term));
        expect(found).to.deep.equal({ outcome: "found", indexes: isThere ? [from] : [] });
      }),
      { numRuns: 150 },
    );
  });
});

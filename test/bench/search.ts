/**
 * Searches over a million entries with payloads in a SQLite store: how long the index takes to make, what memory that
 * needs, and how long searches and lists by it take. `--check` fails below the goals; it prints JSON.
 */
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { facetValue } from "#core/ledger/facets.ts";
import { lineWithPayload } from "#core/ledger/line.ts";
import type { Query } from "#core/ledger/search.ts";
import { termsOf } from "#core/ledger/words.ts";
import type { Store } from "#kit/storage.ts";
import { passingKeys } from "#ledger/key-file.ts";
import { type SearchIndex, searchIndex } from "#search/index.ts";
import { sqliteStore } from "#store/sqlite.ts";
import { records } from "../../apiserver-ext/resources/records.ts";
import { clock, random } from "../../system.ts";
import { admissionEntry } from "../support/ledger/made.ts";
import { memoryOf } from "../support/memory.ts";
import { optionsOf } from "../support/options.ts";
import { AGENTS, wholeList } from "../support/search.ts";

const HELP = `npm run bench:search -- [OPTION…]

  --entries N      (1000000)
  --rounds N       of each search (50)
  --directory DIR  where the files go (the system's for temporary files)
  --check          ends with 1 below the goals
`;

const values = optionsOf(HELP, {
  entries: { type: "string", default: "1000000" },
  rounds: { type: "string", default: "50" },
  directory: { type: "string" },
  check: { type: "boolean" },
});
const ENTRIES = Number(values.entries);
const ROUNDS = Number(values.rounds);
/** Milliseconds between entries: ten a second. */
const EVERY = 100;
const END = Date.parse("2026-11-21T12:00:00Z");
const HOUR = 3_600_000;
const VOCABULARY = Array.from({ length: 3000 }, (_, n) => `w${((n * 7919) % 100_003).toString(36)}`);

const log = { info: () => undefined, warn: console.error, error: console.error };

function tell(what: string, figures: object): void {
  process.stdout.write(`${JSON.stringify({ what, ...figures })}\n`);
}

function payload(n: number) {
  const words = Array.from(
    { length: 24 },
    (_, at) => VOCABULARY[(n * 31 + at * at * 17) % VOCABULARY.length],
  );
  return { object: { metadata: { name: `cm-${n}` }, data: { text: words.join(" "), only: `only${n}` } } };
}

async function fill(store: Store): Promise<void> {
  for (let n = 0; n < ENTRIES; ) {
    const lines = [];
    for (const end = Math.min(ENTRIES, n + 1000); n < end; n += 1) {
      const entry = admissionEntry(n, END - (ENTRIES - n) * EVERY);
      lines.push(
        lineWithPayload(n % 500 === 0 ? { ...entry, verdict: "deny" as const } : entry, payload(n), random),
      );
    }
    await store.commit({ lines });
  }
}

async function make(store: Store, file: string): Promise<SearchIndex> {
  const began = performance.now();
  const before = memoryOf(process.pid).resident;
  const index = searchIndex({ store, clock, log }, { file, patience: 600_000 });
  let most = 0;
  // Somebody has to ask: otherwise nothing is made, or half of the time.
  const asked = ask(index, query({ conditions: [agent(1)] }));
  while ((await index.behind()) > 0) {
    most = Math.max(most, memoryOf(process.pid).resident);
    await clock.sleep(200);
  }
  await asked;
  const seconds = (performance.now() - began) / 1000;
  tell("made", {
    ...{ entries: ENTRIES, seconds: Math.round(seconds), perSecond: Math.round(ENTRIES / seconds) },
    ...{ mebibytesMore: Math.round(most - before), bytesPerEntry: Math.round(statSync(file).size / ENTRIES) },
  });
  return index;
}

const query = (parts: Partial<Query>): Query => ({ conditions: [], terms: [], ...parts });
const agent = (n: number) =>
  ({ facet: "agent", value: facetValue("agent", `agent-${n % 7}`), is: true }) as const;
const words = (text: string) => {
  const terms = termsOf(text);
  return typeof terms === "string" ? [] : terms;
};
const lastHour = { since: (END - HOUR) * 1000 };

/** What is asked in round N. */
const QUESTIONS: Readonly<Record<string, (n: number) => Query>> = {
  "one agent's last hour": (n) => query({ conditions: [agent(n)], ...lastHour }),
  "one agent's denials": (n) =>
    query({ conditions: [agent(n), { facet: "verdict", value: "deny", is: true }] }),
  "a word of one payload": (n) => query({ terms: words(`only${(n * 7_919) % ENTRIES}`) }),
  "two common words, one agent, last hour": (n) =>
    query({ conditions: [agent(n)], terms: words(`${VOCABULARY[n]} cm`), ...lastHour }),
  // Those that stand together in some payloads.
  "two common words": (n) => query({ terms: words(`${VOCABULARY[n]} ${VOCABULARY[(n + 17) % 3000]}`) }),
  "the beginning of a word": (n) => query({ terms: words(`only${n + 10}*`) }),
};

const WINDOW = { from: 0, end: ENTRIES, limit: 500, newest: false };

async function timed(work: (n: number) => Promise<number>) {
  const took: number[] = [];
  let found = 0;
  for (let n = 0; n < ROUNDS; n += 1) {
    const began = performance.now();
    found += await work(n);
    took.push(performance.now() - began);
  }
  took.sort((one, other) => one - other);
  const at = (share: number) => Number((took[Math.floor(took.length * share)] ?? 0).toFixed(2));
  return { median: at(0.5), p95: at(0.95), found: Math.round(found / ROUNDS) };
}

async function ask(index: SearchIndex, question: Query, newest = false): Promise<number> {
  const found = await index.find(question, { ...WINDOW, newest });
  if (found.outcome !== "found") throw new Error(`not found, but ${found.outcome}`);
  return found.indexes.length;
}

async function listed(store: Store, index: SearchIndex, fieldSelector: string): Promise<number> {
  const { storage } = records({ store, search: index, agents: AGENTS, installationNamespace: "hoop-system" });
  const page = await storage.list(wholeList(fieldSelector, 500));
  return "length" in page.items ? page.items.length : 0;
}

async function main(): Promise<void> {
  const directory = mkdtempSync(join(values.directory ?? tmpdir(), "hoop-bench-"));
  const medians = new Map<string, number>();
  try {
    const store = await sqliteStore(join(directory, "hoop.db"), { keys: passingKeys() });
    await fill(store);
    const file = join(directory, "hoop-search.db");
    const index = await make(store, file);
    const measure = async (what: string, work: (n: number) => Promise<number>) => {
      const figures = await timed(work);
      medians.set(what, figures.median);
      tell(what, figures);
    };
    for (const [what, question] of Object.entries(QUESTIONS)) {
      await measure(what, (n) => ask(index, question(n)));
      await measure(`${what}, newest first`, (n) => ask(index, question(n), true));
    }
    const since = new Date(END - HOUR).toISOString();
    const selector = (n: number) => `agent=agent-${n % 7},since=${since}`;
    await measure("a list of 500 of one agent's last hour", (n) => listed(store, index, selector(n)));
    await measure("a list of the newest 50 of one agent", (n) =>
      listed(store, index, `agent=agent-${n % 7},newest=50`),
    );
    const before = memoryOf(process.pid).resident;
    for (let n = 0; n < 2000; n += 1) await ask(index, query({ conditions: [agent(n)], ...lastHour }));
    tell("2,000 more searches", { mebibytesMore: Math.round(memoryOf(process.pid).resident - before) });
    await index.close();
    const began = performance.now();
    const again = searchIndex({ store, clock, log }, { file, patience: 600_000 });
    await ask(again, query({ conditions: [agent(1)], ...lastHour }));
    tell("opened again", { milliseconds: Math.round(performance.now() - began) });
    await again.close();
    await store.close();
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
  const slow = [...medians].filter(([, median]) => median >= 100);
  for (const [what, median] of slow) console.error(`${what}: ${median} ms`);
  if (values.check) process.exitCode = slow.length === 0 ? 0 : 1;
}

await main();

/** What was looked through is remembered: never longer than it is true. */
import { buffer } from "node:stream/consumers";
import { expect } from "chai";
import fc from "fast-check";
import { maskedList } from "#apiserver-ext/broker/mask/list.ts";
import { Looks } from "#core/mask/look.ts";
import { knownValues } from "#core/mask/values.ts";

/** More than is looked through anew each time. */
const PADDING = "lorem ipsum ".repeat(100);
const VALUES = ["correct-horse", "battery-staple", "hunter2-hunter2", "swordfish"];
const one = fc.nat({ max: VALUES.length - 1 });

type Step = { does: "learn"; value: number } | { does: "list"; items: number[]; set: number };
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ does: fc.constant("learn" as const), value: one }),
  fc.record({
    does: fc.constant("list" as const),
    items: fc.array(one, { minLength: 1, maxLength: 4 }),
    set: fc.nat({ max: 1 }),
  }),
);

describe("lists of what was looked through before", () => {
  it("are masked as if nobody had, whatever has become known since, and to whomever", async () => {
    const looks = new Looks();
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 12 }), async (steps) => {
        // Of one namespace, where more and more is known, and of another one, where nothing is.
        const sets = [knownValues(), knownValues()] as const;
        const learnt = new Set<number>();
        for (const does of steps) {
          if (does.does === "learn") {
            learnt.add(does.value);
            sets[0].add(Buffer.from(VALUES[does.value] ?? ""));
            continue;
          }
          const items = does.items.map((n) => ({ note: `${PADDING}${VALUES[n]}` }));
          const known = sets[does.set] ?? sets[0];
          const json = Buffer.from(JSON.stringify({ kind: "ThingList", items }));
          async function* body(): AsyncGenerator<Buffer> {
            for (let at = 0; at < json.length; at += 999) yield json.subarray(at, at + 999);
          }
          const shown = (await buffer(maskedList(body(), { ofSecrets: false, known, looks }))).toString();
          for (const [n, value] of VALUES.entries()) {
            const isThere = does.items.includes(n) && !(does.set === 0 && learnt.has(n));
            expect(shown.includes(value), value).to.equal(isThere);
          }
        }
      }),
      { numRuns: 200 },
    );
  });

  it("are passed on in the memory they came in, and in order", async () => {
    const items = Array.from({ length: 5 }, (_, n) => ({ n, note: PADDING }));
    const json = Buffer.from(JSON.stringify({ kind: "ThingList", items }));
    for (const size of [700, 2000, json.length]) {
      const chunks: Buffer[] = [];
      for (let at = 0; at < json.length; at += size)
        chunks.push(Buffer.from(new Uint8Array(json.subarray(at, at + size))));
      async function* body(): AsyncGenerator<Buffer> {
        yield* chunks;
      }
      const parts: Buffer[] = [];
      for await (const part of maskedList(body(), { ofSecrets: false, known: knownValues() }))
        parts.push(part);
      expect(Buffer.concat(parts).toString()).to.equal(json.toString());
      const own = new Set(chunks.map(({ buffer: memory }) => memory));
      const copied = parts.filter(({ buffer: memory }) => !own.has(memory));
      // What stands before the items, and behind them.
      expect(copied.every((part) => part.length < 40)).to.equal(true);
    }
  });
});

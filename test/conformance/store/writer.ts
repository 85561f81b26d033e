/**
 * A process that writes to a SQLite store from many sides until it is killed, or the store is lost. Usage: writer.ts
 * FILE. Says on stdout: `ready`; for each answered commit `N KEY REVISION INDEX`, where N is also the value and the
 * ledger line; and at the end `failed MESSAGE`.
 */
import { writeSync } from "node:fs";
import { sqliteStore } from "#store/sqlite.ts";

const WRITERS = 16;
const say = (line: string) => writeSync(1, `${line}\n`);

try {
  const store = await sqliteStore(process.argv[2] ?? "");
  say("ready");
  let count = 0;
  await Promise.all(
    Array.from({ length: WRITERS }, async (_, writer) => {
      for (;;) {
        const n = count++;
        const key = `${writer}/${n % 7}`;
        const text = String(n);
        const result = await store.commit({ puts: [{ key, value: text }], lines: [text] });
        if (result.outcome === "committed") say(`${n} ${key} ${result.revision} ${result.index}`);
      }
    }),
  );
} catch (error) {
  say(`failed ${error instanceof Error ? error.message : error}`);
}

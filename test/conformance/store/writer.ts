/**
 * A process that writes to a SQLite store from many sides until it is killed, or the store is lost. Usage: writer.ts
 * FILE. Says on stdout: `ready`; for each answered commit `N KEY REVISION INDEX .`, where N is also the value and the
 * ledger line, and without the full stop it was cut off; and at the end `failed MESSAGE`.
 */
import { Socket } from "node:net";
import { sqliteStore } from "#store/sqlite.ts";
import { KEYS } from "./keys.ts";

const WRITERS = 16;
// process.stdout writes to a pipe at once, and fails (EAGAIN) when a slow reader has left no room; a socket waits.
const output = new Socket({ fd: 1, readable: false, writable: true });
const say = (line: string) => output.write(`${line}\n`);

try {
  const store = await sqliteStore(process.argv[2] ?? "", { keys: KEYS });
  say("ready");
  let count = 0;
  await Promise.all(
    Array.from({ length: WRITERS }, async (_, writer) => {
      for (;;) {
        const n = count++;
        const key = `${writer}/${n % 7}`;
        const text = String(n);
        const result = await store.commit({
          puts: [{ key, value: text }],
          lines: [{ line: text, payload: Buffer.from(text) }],
        });
        if (result.outcome === "committed") say(`${n} ${key} ${result.revision} ${result.index} .`);
      }
    }),
  );
} catch (error) {
  say(`failed ${error instanceof Error ? error.message : error}`);
}

/** Long work takes turns: so that, however many streams have some, whatever is short waits for little of it. */

/** Milliseconds of each turn of the event loop that are for long work. What begins in them is done to its end. */
const SHARE = 4;

/** When the first of it began in this turn; undefined: none has. */
let began: number | undefined;
const waiting: (() => void)[] = [];

/** Does it: at once, or when all that waited before has been done. */
export async function inTurn<T>(work: () => T): Promise<T> {
  if (waiting.length > 0 || (began !== undefined && performance.now() - began > SHARE))
    await new Promise<void>((resolve) => waiting.push(resolve));
  if (began === undefined) {
    began = performance.now();
    setImmediate(next);
  }
  return work();
}

function next(): void {
  began = undefined;
  waiting.shift()?.();
}

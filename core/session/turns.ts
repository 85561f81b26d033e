/**
 * Work that must be done one after the other, such as counting sessions and then writing one more: otherwise two could count at
 * once. Only within one process.
 */

/** @param work begins when all earlier work for the same `whose` has ended, whether it failed or not. */
export type InTurn = <T>(whose: string, work: () => Promise<T>) => Promise<T>;

export function inTurn(): InTurn {
  const last = new Map<string, Promise<unknown>>();
  return async (whose, work) => {
    const done = (last.get(whose) ?? Promise.resolve()).then(work);
    const settled = done.catch(() => undefined);
    last.set(whose, settled);
    try {
      return await done;
    } finally {
      if (last.get(whose) === settled) last.delete(whose);
    }
  };
}

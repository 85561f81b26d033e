/** One after the other: what was counted before something is written is then still so. Within one process. */

/** `work` begins when all that was asked for the same one before is done, however that went. */
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

/** What an evaluation may spend. */
export interface Budget {
  /** Nodes evaluated, list items gone through, and long operands: a million take 10 to 200 ms of a CPU. */
  steps: number;
  /** What is built while evaluating: UTF-16 units of strings, eight for each item of a list. */
  bytes: number;
}

/** A budget that several evaluations share, such as those of one request. Mutable. */
export type Purse = Budget;

class Overrun extends Error {}

// One error without a stack of its own: `&&`, `||`, `all` and `exists` catch it, and it is thrown again at each step.
const overrun = new Overrun("budget exceeded");

// Outside of an evaluation, such as when a value that it gave is looked at, nothing is counted.
let own: Budget = { steps: Infinity, bytes: Infinity };
let shared: Purse = { steps: Infinity, bytes: Infinity };

/** Throws once the budget of the evaluation going on, or of its request, is spent, and from then on each time. */
export function spend(steps: number, bytes = 0): void {
  own.steps -= steps;
  own.bytes -= bytes;
  shared.steps -= steps;
  shared.bytes -= bytes;
  if (own.steps < 0 || own.bytes < 0 || shared.steps < 0 || shared.bytes < 0) throw overrun;
}

/** Runs `work`, which is synchronous, on a budget. An overrun that `work` swallowed is one all the same. */
export function metered<T>(budget: Budget, purse: Purse, work: () => T): { value: T } | { overrun: true } {
  const [outerOwn, outerShared] = [own, shared];
  own = { ...budget };
  shared = purse;
  try {
    const value = work();
    spend(0);
    return { value };
  } catch (error) {
    if (error === overrun || own.steps < 0 || own.bytes < 0 || purse.steps < 0 || purse.bytes < 0)
      return { overrun: true };
    throw error;
  } finally {
    [own, shared] = [outerOwn, outerShared];
  }
}

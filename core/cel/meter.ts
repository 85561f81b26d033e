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

/** Outside of an evaluation, such as when a value that it gave is looked at, nothing is counted. */
const ENDLESS = 2 ** 30;

/** The less of what the evaluation going on and what its request has left: every step looks at this one alone. */
const left: Budget = { steps: ENDLESS, bytes: ENDLESS };
let isCounting = false;

/** Throws once the budget of the evaluation going on, or of its request, is spent, and from then on each time. */
export function spend(steps: number, bytes = 0): void {
  left.steps -= steps;
  left.bytes -= bytes;
  if (left.steps < 0 || left.bytes < 0) spent();
}

function spent(): void {
  if (isCounting) throw overrun;
  left.steps = ENDLESS;
  left.bytes = ENDLESS;
}

/** Runs `work`, which is synchronous, on a budget. An overrun that `work` swallowed is one all the same. */
export function metered<T>(budget: Budget, purse: Purse, work: () => T): { value: T } | { overrun: true } {
  const [outerSteps, outerBytes, wasCounting] = [left.steps, left.bytes, isCounting];
  const steps = Math.min(budget.steps, purse.steps);
  const bytes = Math.min(budget.bytes, purse.bytes);
  left.steps = steps;
  left.bytes = bytes;
  isCounting = true;
  try {
    const value = work();
    spend(0);
    return { value };
  } catch (error) {
    if (error === overrun || left.steps < 0 || left.bytes < 0) return { overrun: true };
    throw error;
  } finally {
    purse.steps -= steps - left.steps;
    purse.bytes -= bytes - left.bytes;
    left.steps = outerSteps;
    left.bytes = outerBytes;
    isCounting = wasCounting;
  }
}

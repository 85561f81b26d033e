/** What judging may cost. A million steps take 10 to 200 ms of a CPU. */
import type { Budget } from "../cel/meter.ts";

/** Of one expression. Those that people write take some hundred steps. */
export const EXPRESSION: Budget = { steps: 500_000, bytes: 1e7 };

/** Of all expressions that judge one request. */
export const REQUEST: Budget = { steps: 2_000_000, bytes: 4e7 };

/** Of those beside that are only tried: what is enforced must not fail because of them. */
export const OBSERVED: Budget = { steps: 500_000, bytes: 1e7 };

/** After so many steps, others have their turn. */
export const AT_A_TIME = 100_000;

/** What an expression may come to by its text alone, where each list has a hundred items. */
export const ESTIMATED_STEPS = 50_000_000;

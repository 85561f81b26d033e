/** How much work expressions may do for one request. A million steps take 10 to 200 ms of a CPU. */
import type { Budget } from "../cel/meter.ts";

/** For one expression. What people write takes some hundred steps. */
export const EXPRESSION: Budget = { steps: 500_000, bytes: 1e7 };

/** For all expressions of enforced rules together. */
export const REQUEST: Budget = { steps: 2_000_000, bytes: 4e7 };

/** For all expressions of rules that are only tried (Warn, Audit). By itself, so that these never use up what enforced rules need. */
export const OBSERVED: Budget = { steps: 500_000, bytes: 1e7 };

/** After so many steps other requests get their turn. */
export const AT_A_TIME = 100_000;

/** An expression is refused when it is written if it could take more steps than this on lists of a hundred items. */
export const ESTIMATED_STEPS = 50_000_000;

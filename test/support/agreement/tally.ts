/** Verdicts counted, and those that differ kept. */
import type { Cluster, Write, Written } from "./cluster.ts";

export interface Difference {
  /** What was asked, in JSON. */
  asked: string;
  ours: string;
  theirs: string;
  /** Whether something passes here that Kubernetes stops, or would where its opposite is asked. */
  generous: boolean;
}

/** One question, and what it came to. `kind`: of what sort it is, in Kubernetes. */
export interface Pair {
  asked: unknown;
  ours: string;
  theirs: string;
  kind: string;
  generous: boolean;
}

/** How often a write whose verdicts differ is sent again: Go goes through maps in any order. */
const AGAIN = 8;

export class Tally {
  compileVerdicts = 0;
  verdicts = 0;
  readonly kinds: Record<string, number> = {};
  readonly differences: Difference[] = [];

  compiled(asked: unknown, ours: boolean, theirs: boolean): void {
    this.compileVerdicts++;
    const word = (isAccepted: boolean) => (isAccepted ? "accepted" : "refused");
    if (ours !== theirs)
      this.differences.push({
        asked: JSON.stringify(asked),
        ours: word(ours),
        theirs: word(theirs),
        generous: ours,
      });
  }

  /** Those that differ each time that the write is sent are differences. */
  async judged(cluster: Cluster, write: Write, look: (written: Written) => Promise<Pair[]>): Promise<void> {
    const first = await look(await cluster.write(write));
    const open = new Set(first.keys().filter((index) => first[index]?.ours !== first[index]?.theirs));
    for (let n = 0; n < AGAIN && open.size > 0; n++) {
      const again = await look(await cluster.write(write));
      for (const index of open) if (again[index]?.ours === again[index]?.theirs) open.delete(index);
    }
    for (const [index, { asked, ours, theirs, kind, generous }] of first.entries()) {
      this.verdicts++;
      this.kinds[kind] = (this.kinds[kind] ?? 0) + 1;
      if (open.has(index)) this.differences.push({ asked: JSON.stringify(asked), ours, theirs, generous });
    }
  }
}

/** The review, which a write has unless it was refused before. */
export function reviewOf({ review, code, body }: Written): string {
  if (review === "") throw new Error(`no review; answered ${code} ${body}`);
  return review;
}

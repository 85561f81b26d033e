/** Watches that go on beside the other steps of a run. */
import { setTimeout as delay } from "node:timers/promises";
import type { Stream } from "./exchange.ts";
import type { Neutral, Side } from "./side.ts";
import { type Step, step } from "./step.ts";

const PATIENCE_MS = 30_000;

/** One watch on one side. */
export interface Watching {
  head: Neutral;
  /** All frames up to the run's last event, or to the end of the stream. */
  frames(): Promise<unknown[]>;
  close(): void;
}

/** Resolves when it has told what was there before: what comes next on this side is news to it. */
export async function watchOn(side: Side, asked: Step): Promise<Watching> {
  await side.settle();
  const present = isReplay(asked) ? await countOf(side, asked) : 0;
  const stream = await side.open(asked);
  const read = follow(stream);
  await Promise.race([read.had(present), delay(PATIENCE_MS, undefined, { ref: false })]);
  await side.settle();
  return {
    head: side.neutralHead(stream),
    async frames() {
      await Promise.race([read.over, delay(PATIENCE_MS, undefined, { ref: false })]);
      stream.close();
      // An answer, not a stream of frames.
      if (stream.code !== 200)
        return [side.neutralFrame(read.lines.join("\n"), stream.headers["content-type"])];
      // The others come by the clock.
      const lines = read.lines.filter(
        (line) => !line.includes('"BOOKMARK"') || line.includes("initial-events-end"),
      );
      return lines.map((line) => side.neutralFrame(line));
    },
    close: () => stream.close(),
  };
}

/** Whether it begins with what there is. */
function isReplay({ query }: Step): boolean {
  const given = new Map(query);
  return given.get("sendInitialEvents") === "true" || ["", "0"].includes(given.get("resourceVersion") ?? "");
}

async function countOf(side: Side, { path, query }: Step): Promise<number> {
  const selecting = query.filter(([key]) => key.endsWith("Selector"));
  const { body } = await side.ask(step("GET", path, { query: selecting }));
  return (body as { items?: unknown[] }).items?.length ?? 0;
}

function follow(stream: Stream) {
  const lines: string[] = [];
  let heard = () => {};
  let ended = false;
  const over = (async () => {
    try {
      for await (const line of stream.lines) {
        lines.push(line);
        heard();
        if (/"type": ?"/.test(line) && line.includes("last-")) break;
      }
    } catch (error) {
      lines.push(`broken off: ${error instanceof Error ? error.message : error}`);
    }
    ended = true;
    heard();
    stream.close();
  })();
  return {
    lines,
    over,
    async had(count: number) {
      while (lines.length < count && !ended)
        await new Promise<void>((resolve) => {
          heard = resolve;
        });
    },
  };
}

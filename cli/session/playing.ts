/** A tape on a terminal, under the keys of a person. */
import type { Context } from "../context.ts";
import { type Command, Player, type PlayerOptions } from "./player.ts";
import type { Moment } from "./tape.ts";

const KEYS: Readonly<Record<string, Command | "quit">> = {
  " ": "pause",
  "+": "faster",
  "=": "faster",
  "-": "slower",
  "\u001b[C": "forward",
  l: "forward",
  "\u001b[D": "back",
  h: "back",
  G: "end",
  q: "quit",
};

export const KEYS_HELP = "space: pause, + and -: speed, → and ←: 5 s on or back, G: to the end, q: quit";

/** As the terminal was before: colours, cursor, screen, scrolling. */
const RESET = "\u001b[0m\u001b[?25h\u001b[?1049l\u001b[r";
/** While nothing is to come, a key is. */
const PAUSED_MILLISECONDS = 3_600_000;

/** Resolves at its end, or when the person has seen enough. */
export async function played(
  context: Context,
  moments: readonly Moment[],
  options: PlayerOptions,
): Promise<void> {
  const player = new Player(moments, options);
  const write = (text: string) => void (text === "" || context.process.stdout.write(text));
  const keys = listen(context);
  try {
    for (let wait = player.wait(); wait !== undefined; wait = player.wait()) {
      const waited = await keys.waited(player.paused ? PAUSED_MILLISECONDS : wait);
      if (context.signal.aborted) return;
      write(player.advance(waited));
      for (const command of keys.taken()) {
        if (command === "quit") return;
        write(player.command(command));
      }
    }
  } finally {
    keys.release();
    write(RESET);
  }
}

function listen(context: Context) {
  let pressed: (Command | "quit")[] = [];
  let wake = new AbortController();
  const heard = (key: string) => {
    const command = KEYS[key];
    if (command === undefined) return;
    pressed.push(command);
    wake.abort();
  };
  const release = context.terminal.typed ? context.keys(heard) : () => undefined;
  return {
    release,
    /** How long it has waited: less, where a key came in between. */
    waited: async (milliseconds: number) => {
      const began = context.now();
      await context.sleep(milliseconds, wake.signal);
      return wake.signal.aborted ? context.now() - began : milliseconds;
    },
    taken: () => {
      const all = pressed;
      pressed = [];
      wake = new AbortController();
      return all;
    },
  };
}

/** Plays a tape: in its own time, faster or slower, paused, from anywhere. Knows no terminal; whoever plays asks it what to show. */
import type { Moment } from "./tape.ts";
import { TerminalFilter } from "./terminal.ts";

export type Command = "pause" | "faster" | "slower" | "forward" | "back" | "end";

export interface PlayerOptions {
  speed: number;
  /** Longer pauses are cut to this many milliseconds. */
  maxPause: number;
}

const SPEEDS = { least: 1 / 16, most: 64 };
const JUMP_MILLISECONDS = 5_000;
/** Everything drawn so far goes. */
const CLEAR = "\u001b[0m\u001b[2J\u001b[3J\u001b[H";

export class Player {
  readonly #moments: readonly Moment[];
  #filter = new TerminalFilter();
  #next = 0;
  #position = 0;
  #speed: number;
  #paused = false;

  constructor(moments: readonly Moment[], { speed, maxPause }: PlayerOptions) {
    this.#moments = shortened(
      moments.filter(({ kind }) => kind === "out"),
      maxPause,
    );
    this.#speed = speed;
  }

  get paused(): boolean {
    return this.#paused;
  }

  get speed(): number {
    return this.#speed;
  }

  /** Milliseconds of the tape. */
  get position(): number {
    return this.#position;
  }

  get length(): number {
    return this.#moments.at(-1)?.at ?? 0;
  }

  /** How many milliseconds to wait before there is more to show; undefined: there is no more. */
  wait(): number | undefined {
    const next = this.#moments[this.#next];
    return next && Math.max(0, (next.at - this.#position) / this.#speed);
  }

  /** So many milliseconds have gone by: what is to be shown now. */
  advance(milliseconds: number): string {
    if (this.#paused) return "";
    return this.#shownUntil(this.#position + milliseconds * this.#speed);
  }

  /** What is to be shown for it. */
  command(command: Command): string {
    switch (command) {
      case "pause":
        this.#paused = !this.#paused;
        return "";
      case "faster":
        this.#speed = Math.min(SPEEDS.most, this.#speed * 2);
        return "";
      case "slower":
        this.#speed = Math.max(SPEEDS.least, this.#speed / 2);
        return "";
      case "forward":
        return this.#shownUntil(this.#position + JUMP_MILLISECONDS);
      case "back":
        return this.#from(Math.max(0, this.#position - JUMP_MILLISECONDS));
      case "end":
        return this.#shownUntil(this.length);
      default:
        return command satisfies never;
    }
  }

  #shownUntil(position: number): string {
    let shown = "";
    for (
      let moment = this.#moments[this.#next];
      moment !== undefined && moment.at <= position;
      moment = this.#moments[this.#next]
    ) {
      shown += this.#filter.push(moment.text);
      this.#next += 1;
    }
    this.#position = Math.min(position, this.length);
    return shown;
  }

  /** What a terminal shows cannot be taken back, only drawn anew. */
  #from(position: number): string {
    this.#filter = new TerminalFilter();
    this.#next = 0;
    return CLEAR + this.#shownUntil(position);
  }
}

function shortened(moments: readonly Moment[], maxPause: number): Moment[] {
  let [before, cut] = [0, 0];
  return moments.map((moment) => {
    cut += Math.max(0, moment.at - before - maxPause);
    before = moment.at;
    return { ...moment, at: moment.at - cut };
  });
}

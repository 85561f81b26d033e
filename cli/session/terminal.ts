/**
 * What a program in a pod wrote, made fit for the terminal of somebody else. Colours, the cursor and erasing stay; what
 * would make a terminal answer, take a clipboard, a title or a file, or change how it works, is left out.
 */

const ESCAPE = "\u001b";

/** CSI sequences that only draw: cursor, erasing (J, K, X), lines and characters (L, M, P, @), scrolling (S, T, r), colours (m). */
const DRAWING = new Set("ABCDEFGHfsuJKXLMP@STmdr`");
/** Private modes that only draw: cursor seen or not, wrapping, the other screen. */
const MODES = /^\?(7|25|47|1047|1049)(;(7|25|47|1047|1049))*$/;
/** Save and restore the cursor, down, next line, up, tab. */
const SHORT = new Set("78DEMH");

/** What follows ESC: parameters, what is between, the final byte. */
const CONTROL = /^\[([0-?]*)([ -/]*)([@-~])/;
const CONTROL_BEGUN = /^\[[0-?]*[ -/]*$/;
const OTHER = /^[ -/]*([0-~])/;
const OTHER_BEGUN = /^[ -/]*$/;
/** OSC, DCS, APC, PM, SOS: anything, up to a terminator. */
const STRINGS = new Set("]P_^X");
const TERMINATOR = new RegExp(`\u0007|${ESCAPE}\\\\|\u009c`, "g");
/** Longer than this is none that ends. */
const LONGEST = 4096;

type Sequence = { length: number; draws: boolean } | "begun" | "none";

/** `text` is what follows an ESC; @param end behind the next terminator in it, or Infinity. */
function sequenceIn(text: string, end: () => number): Sequence {
  if (STRINGS.has(text[0] ?? "")) return end() > LONGEST ? "begun" : { length: end(), draws: false };
  if (text.startsWith("[")) {
    const [all, parameters = "", between = "", final = ""] = CONTROL.exec(text) ?? [];
    if (all !== undefined)
      return { length: all.length, draws: between === "" && isDrawing(parameters, final) };
    return CONTROL_BEGUN.test(text) ? "begun" : "none";
  }
  const [all, final = ""] = OTHER.exec(text) ?? [];
  if (all !== undefined) return { length: all.length, draws: all.length === 1 && SHORT.has(final) };
  return OTHER_BEGUN.test(text) ? "begun" : "none";
}

/** Behind the next terminator from a place on, or Infinity; asked for places that go up, it looks at all of it but once. */
function terminators(text: string): (from: number) => number {
  let [start, end] = [-1, -1];
  return (from) => {
    if (from > start) {
      TERMINATOR.lastIndex = from;
      const found = TERMINATOR.exec(text);
      start = found?.index ?? Number.POSITIVE_INFINITY;
      end = start + (found?.[0].length ?? 0);
    }
    return end;
  };
}

function isDrawing(parameters: string, final: string): boolean {
  if (final === "h" || final === "l") return MODES.test(parameters);
  return DRAWING.has(final) && /^[\d;:]*$/.test(parameters);
}

/** Controls that move or ring; no others, and none of the second set (C1). */
const KEPT = new Set("\u0007\b\t\n\v\f\r");

function plain(text: string): string {
  return text.replace(/\p{Cc}/gu, (control) => (KEPT.has(control) ? control : ""));
}

export class TerminalFilter {
  readonly #draws: boolean;
  #held = "";

  /** `draws` false: of sequences nothing is left. */
  constructor(draws = true) {
    this.#draws = draws;
  }

  /** What may be written now; what is cut in the middle waits for its end. */
  push(text: string): string {
    const all = this.#held + text;
    this.#held = "";
    const endFrom = terminators(all);
    let out = "";
    let from = 0;
    for (let at = all.indexOf(ESCAPE); at >= 0; at = all.indexOf(ESCAPE, from)) {
      out += plain(all.slice(from, at));
      const first = at + 1;
      // No further: of text in which one begins after the other, each would be looked for to the end.
      const after = all.slice(first, first + LONGEST);
      const found = sequenceIn(after, () => endFrom(first) - first);
      if (found === "begun" && after.length < LONGEST) {
        this.#held = all.slice(at);
        return out;
      }
      const length = typeof found === "object" ? found.length : 0;
      if (typeof found === "object" && found.draws && this.#draws) out += ESCAPE + after.slice(0, length);
      from = first + length;
    }
    return out + plain(all.slice(from));
  }
}

/** To be read, not looked at. */
export function withoutSequences(text: string): string {
  return new TerminalFilter(false).push(text).replaceAll("\r\n", "\n");
}

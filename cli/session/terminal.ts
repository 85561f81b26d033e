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
const TERMINATORS = ["\u0007", `${ESCAPE}\\`, "\u009c"];
/** Longer than this is none that ends. */
const LONGEST = 4096;

type Sequence = { length: number; draws: boolean } | "begun" | "none";

/** `text` is what follows an ESC. */
function sequenceIn(text: string): Sequence {
  if (STRINGS.has(text[0] ?? "")) return stringIn(text);
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

function stringIn(text: string): Sequence {
  const ends = TERMINATORS.flatMap((terminator) => {
    const at = text.indexOf(terminator);
    return at < 0 ? [] : [at + terminator.length];
  });
  return ends.length === 0 ? "begun" : { length: Math.min(...ends), draws: false };
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
    let rest = this.#held + text;
    this.#held = "";
    let out = "";
    for (let at = rest.indexOf(ESCAPE); at >= 0; at = rest.indexOf(ESCAPE)) {
      out += plain(rest.slice(0, at));
      const after = rest.slice(at + 1);
      const found = sequenceIn(after);
      if (found === "begun" && after.length < LONGEST) {
        this.#held = rest.slice(at);
        return out;
      }
      const length = typeof found === "object" ? found.length : 0;
      if (typeof found === "object" && found.draws && this.#draws) out += ESCAPE + after.slice(0, length);
      rest = after.slice(length);
    }
    return out + plain(rest);
  }
}

/** To be read, not looked at. */
export function withoutSequences(text: string): string {
  return new TerminalFilter(false).push(text).replaceAll("\r\n", "\n");
}

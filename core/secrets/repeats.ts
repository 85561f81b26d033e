/** Whether a text repeats a value of a Secret, as it is or in a form that tools write. Pure. */

/**
 * In characters. Longer texts count as repeating a value without being looked at: tools may keep in them all that was applied,
 * compressed or escaped. And an agent that gets somebody to write them could test a long list of guesses at once.
 */
export const LONGEST_TEXT = 256;
/** In characters. Shorter values are not looked for: they turn up in labels and annotations by chance. */
const SHORTEST = 4;
/** The same for pieces of base64, which turn up by chance more easily. */
const SHORTEST_PART = 8;
/** How often one value may be looked for in one short text; a longer text counts for several. After that every text counts as repeating one. */
const MOST_LOOKS = 100_000;

/**
 * @param values in base64.
 * @param longest see {@link LONGEST_TEXT}. Infinity for approvers, who must see whatever repeats nothing.
 */
export function repetitions(values: readonly string[], longest = LONGEST_TEXT): (text: string) => boolean {
  let forms: string[] | undefined;
  let looks = 0;
  return (text) => {
    if (text.length > longest) return true;
    if (text.length < SHORTEST || values.length === 0) return false;
    // Values are counted and not their forms: how many of these there are would tell something about a value.
    looks += values.length * Math.ceil(text.length / LONGEST_TEXT);
    if (looks > MOST_LOOKS) return true;
    forms ??= [...new Set([...new Set(values)].flatMap((value) => formsOf(value, longest)))];
    return forms.some((form) => text.includes(form));
  };
}

function formsOf(encoded: string, longest: number): string[] {
  // Every form of a value is at least as long as the value: it cannot be in a text that is shorter.
  if (encoded === "" || (encoded.length * 3) / 4 - 2 > longest) return [];
  const bytes = Buffer.from(encoded, "base64");
  const plain = bytes.toString();
  const base64 = encoded.replace(/=+$/, "");
  const whole = [plain, JSON.stringify(plain).slice(1, -1), uri(plain), bytes.toString("hex"), base64];
  const parts = [0, 1, 2].map((shift) => partOfBase64(bytes, shift)).filter(isLongPart);
  return [...whole, ...parts]
    .flatMap((form) => [form, form.replaceAll("+", "-").replaceAll("/", "_")])
    .filter((form) => form.length >= SHORTEST);
}

/**
 * What can be seen of the bytes in the base64 of a longer text around them: the characters that depend on nothing else. They
 * begin `shift` bytes behind a multiple of three.
 */
function partOfBase64(bytes: Buffer, shift: number): string {
  const text = Buffer.concat([Buffer.alloc(shift), bytes]).toString("base64");
  const end = text.endsWith("=") ? text.indexOf("=") - 1 : text.length;
  return text.slice(shift === 0 ? 0 : shift + 1, end);
}

function isLongPart(part: string): boolean {
  return part.length >= SHORTEST_PART;
}

function uri(text: string): string {
  try {
    return encodeURIComponent(text);
  } catch {
    // A lone surrogate has no such form. Decoded bytes have none.
    return text;
  }
}

/** Whether a text repeats a value of a Secret, as it is or in a form that tools write. Pure. */

/**
 * Longer texts are taken to repeat one. What tools keep in them may be all that was applied, compressed or escaped; and
 * where others write them as an agent wishes, they would be long lists of guesses.
 */
export const LONGEST_TEXT = 256;
/** Shorter values turn up in labels and annotations by chance. */
const SHORTEST = 4;
/** The same of parts of base64, in which letters are any letters. */
const SHORTEST_PART = 8;
/** So many values are looked for in short texts, or fewer in longer ones; any text after them is taken to repeat one. */
const MOST_LOOKS = 100_000;

/**
 * @param values in base64. Not looked at before the first text.
 * @param longest Infinity for who must see all that repeats nothing, as approvers do.
 */
export function repetitions(values: readonly string[], longest = LONGEST_TEXT): (text: string) => boolean {
  let forms: string[] | undefined;
  let looks = 0;
  return (text) => {
    if (text.length > longest) return true;
    if (text.length < SHORTEST || values.length === 0) return false;
    // How many forms there are depends on what the values are, so these are not what is counted.
    looks += values.length * Math.ceil(text.length / LONGEST_TEXT);
    if (looks > MOST_LOOKS) return true;
    forms ??= [...new Set([...new Set(values)].flatMap((value) => formsOf(value, longest)))];
    return forms.some((form) => text.includes(form));
  };
}

function formsOf(encoded: string, longest: number): string[] {
  // No form of it is shorter than it.
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

/** Of the base64 of a longer text, in which the bytes begin `shift` behind a multiple of three: what they alone decide. */
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
    // A lone surrogate; there is none in what was bytes.
    return text;
  }
}

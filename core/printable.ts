/** Text that an agent chose, made safe to look at. */

/**
 * Everything that does not show, or that changes how other characters show: control characters (so no terminal
 * sequence survives), format characters (bidi, zero-width, soft hyphen, tags), fillers and variation selectors,
 * spaces that are not U+0020, line and paragraph separators, private-use and unassigned characters, and halves of
 * surrogate pairs.
 */
const UNSEEN = /[\p{C}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\u{2800}]|(?! )\p{Zs}/gu;

/**
 * The text with each invisible or misleading character written as `\u{…}`. Nothing is left out or cut.
 * With `multiline`, line feeds and tabs stay.
 */
export function printable(text: string, options: { multiline?: boolean } = {}): string {
  return text.replace(UNSEEN, (character) =>
    options.multiline === true && (character === "\n" || character === "\t")
      ? character
      : `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`,
  );
}

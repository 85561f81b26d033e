/** Words as they are typed into a shell. */

/** As one word, whatever is in it: names may hold almost any character. */
export function quoted(text: string): string {
  return /^[\w.:/@%+,=-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

/** What a string or bytes literal stands for, its escapes resolved. */
const ESCAPES = /\\(?:([0-3][0-7]{2})|[xXuU]([0-9a-fA-F]+)|(.))/gs;
const LETTERS: ReadonlyMap<string, string> = new Map([
  ["a", "\x07"],
  ["b", "\b"],
  ["f", "\f"],
  ["n", "\n"],
  ["r", "\r"],
  ["t", "\t"],
  ["v", "\v"],
]);

const isCodePoint = (code: number): boolean => code <= 0x10ffff && (code < 0xd800 || code > 0xdfff);

/** The text between the quotes of a string literal; undefined where an escape is no code point. */
export function textOf(content: string, isRaw: boolean): string | undefined {
  if (isRaw) return content;
  let isValid = true;
  const text = content.replace(ESCAPES, (_, octal?: string, hex?: string, letter?: string) => {
    if (letter !== undefined) return LETTERS.get(letter) ?? letter;
    const code = octal === undefined ? Number.parseInt(hex ?? "", 16) : Number.parseInt(octal, 8);
    isValid &&= isCodePoint(code);
    return isValid ? String.fromCodePoint(code) : "";
  });
  return isValid ? text : undefined;
}

/** The bytes of a bytes literal: escapes are bytes, the rest is UTF-8; undefined where an escape is a code point. */
export function bytesOf(content: string, isRaw: boolean): Uint8Array | undefined {
  const encode = (text: string): number[] => [...new TextEncoder().encode(text)];
  if (isRaw) return Uint8Array.from(encode(content));
  if (/^(?:[^\\]|\\[^uU])*\\[uU]/s.test(content)) return undefined;
  const bytes: number[] = [];
  let done = 0;
  for (const match of content.matchAll(ESCAPES)) {
    const [whole, octal, hex, letter] = match;
    bytes.push(...encode(content.slice(done, match.index)));
    if (letter !== undefined) bytes.push(...encode(LETTERS.get(letter) ?? letter));
    else bytes.push(octal === undefined ? Number.parseInt(hex ?? "", 16) : Number.parseInt(octal, 8));
    done = match.index + whole.length;
  }
  return Uint8Array.from([...bytes, ...encode(content.slice(done))]);
}
